/* A bench for tests of the notebooks: an engine with two CLIPs, a secondary
 * model and LPIPS (random weights, written for the occasion), and everything
 * that a run shows of one picture. */
#ifndef NOTEBOOK_BENCH_H
#define NOTEBOOK_BENCH_H

#include "engine/engine_bench.h"

#include <stdio.h>
#include <unistd.h>

enum { VALUES = 3 * SIDE * SIDE, CLIPS = 2 };

/* ---- an engine with everything ----------------------------------------- */

static char folder[] = "/tmp/nj_notebook_XXXXXX";
static char paths[3][64];
static const char *const cards[3] = {"secondary_model_imagenet_2", "vgg16",
                                     "lpips_vgg"};

static inline void make_weights(void)
{
    char command[600];

    assert_non_null(mkdtemp(folder));
    for (int i = 0; i < 3; i++) {
        snprintf(paths[i], sizeof(paths[i]), "%s/%d.pth", folder, i);
        snprintf(command, sizeof(command),
                 "'%s/tests/make_checkpoint' %s '%s' >/dev/null", NJ_BINARY_DIR,
                 cards[i], paths[i]);
        assert_int_equal(system(command), 0);
    }
}

static inline int open_full_engine(void **state)
{
    nj_engine_config config = {
        .unet_path = NETWORKS "unet.pt",
        .clip_paths = {NETWORKS "clip.safetensors",
                       NETWORKS "clip.safetensors"},
        .clip_weights = {1, .5},
        .clips = CLIPS,
        .vocabulary_path = NETWORKS "vocab.txt",
        .secondary_path = paths[0],
        .vgg_path = paths[1],
        .lpips_path = paths[2],
        .device = NJ_DEVICE_CPU,
        .threads = 1,
    };
    nj_err err = {0};

    (void)state;
    make_weights();
    must(nj_unet_card_read(NETWORKS "card.json", &config.unet, &err), &err);
    must(nj_engine_functions()->open(&config, &engine, &err), &err);
    return 0;
}

static inline int close_full_engine(void **state)
{
    for (int i = 0; i < 3; i++)
        unlink(paths[i]);
    rmdir(folder);
    return close_engine(state);
}

/* ---- what a run shows -------------------------------------------------- */

struct seen {
    float x[STEPS][VALUES];
    float gradient[STEPS][VALUES];
    double sigma[STEPS];
    double ddim_z[STEPS];
    int64_t tokens[16];
    size_t texts;
    float embeddings[4][4096]; /* of CLIP 0 */
    float weights[512];
    int64_t rows; /* of the target */
    int64_t width;
};

static inline void see_step(void *user, const nj_watched_step *step)
{
    struct seen *seen = user;
    int k = step->iteration;
    th_scope *s = th_scope_new(NULL);

    th_read_f32(s, step->x, seen->x[k], VALUES);
    if (step->gradient)
        th_read_f32(s, step->gradient, seen->gradient[k], VALUES);
    seen->sigma[k] = step->step->sigma;
    seen->ddim_z[k] = step->step->ddim_z;
    th_scope_free(s);
}

static inline void see_tokens(void *user, size_t clip, size_t image,
                              const int64_t *rows, size_t texts, size_t context)
{
    struct seen *seen = user;

    (void)image;
    if (clip > 0)
        return;
    seen->texts = texts;
    for (size_t i = 0; i < 16 && i < context; i++)
        seen->tokens[i] = rows[i];
}

static inline void see_target(void *user, size_t clip, size_t image,
                              const th_tensor *embeddings,
                              const th_tensor *weights)
{
    struct seen *seen = user;
    th_scope *s = th_scope_new(NULL);

    (void)image;
    if (clip == 0) {
        seen->rows = th_size(embeddings, 0);
        seen->width = th_size(embeddings, 1);
        assert_true(th_elements(embeddings) <= sizeof(seen->embeddings) / 4);
        th_read_f32(s, embeddings, seen->embeddings[0],
                    th_elements(embeddings));
        th_read_f32(s, weights, seen->weights, (size_t)seen->rows);
    }
    th_scope_free(s);
}

static inline struct seen *look(const nj_settings *settings, const char *prompt)
{
    struct seen *seen = calloc(1, sizeof(*seen));
    const nj_watch watch = {seen, see_tokens, see_target, see_step};
    const struct job job = {.settings = settings,
                            .prompts = {prompt},
                            .seeds = {11},
                            .images = 1,
                            .watch = &watch};

    assert_non_null(seen);
    free(run(&job));
    return seen;
}

static inline void set_curve(nj_settings *s, nj_curved which, const char *text)
{
    nj_curve c;
    nj_err err = {0};

    must(nj_curve_parse(text, &c, &err), &err);
    nj_settings_set_curve(s, which, &c);
}

static inline nj_settings quiet_settings(void)
{
    nj_settings s = plain_settings();

    s.clip_guidance_scale = 0;
    s.tv_scale = 0;
    s.range_scale = 0;
    s.sat_scale = 0;
    return s;
}

#endif
