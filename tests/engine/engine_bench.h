/* A bench for tests of the engine: small random networks of
 * tests/fixtures/endtoend, one batch at a time, and everything it gives back.
 */
#ifndef ENGINE_BENCH_H
#define ENGINE_BENCH_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "engine/engine_internal.h"

#define NETWORKS NJ_SOURCE_DIR "/tests/fixtures/endtoend/networks/"

enum { SIDE = 32, BYTES = SIDE * SIDE * 3, IMAGES_MAX = 4, STEPS = 5 };

static nj_engine *engine;
static nj_device_kind bench_device = NJ_DEVICE_CPU;
static nj_precision bench_precision = NJ_PRECISION_AUTO;

static void must(nj_status status, const nj_err *err)
{
    if (status != NJ_OK)
        fail_msg("%s", err->text);
}

static inline int open_engine(void **state)
{
    nj_engine_config config = {
        .unet_path = NETWORKS "unet.pt",
        .clip_paths = {NETWORKS "clip.safetensors"},
        .clip_weights = {1},
        .clips = 1,
        .vocabulary_path = NETWORKS "vocab.txt",
        .device = bench_device,
        .precision = bench_precision,
        .threads = 1,
    };
    nj_err err = {0};

    (void)state;
    must(nj_unet_card_read(NETWORKS "card.json", &config.unet, &err), &err);
    must(nj_engine_functions()->open(&config, &engine, &err), &err);
    return 0;
}

static int close_engine(void **state)
{
    (void)state;
    nj_engine_functions()->close(engine);
    return th_live() == 0 ? 0 : -1;
}

/* ---- one batch --------------------------------------------------------- */

/* What a batch gives back. */
struct result {
    uint8_t rgb[IMAGES_MAX][BYTES];
    int finished[IMAGES_MAX]; /* how often */
    int failed[IMAGES_MAX];
    double clip_loss[IMAGES_MAX];
    nj_precision precision; /* of the last picture */
    int seen[64];           /* iterations of pictures of image 0 */
    int seen_count;
    int steps;
    int stop_after;   /* steps; 0: never */
    int64_t live[64]; /* tensors that live after each step */
    int64_t held[64]; /* bytes of the heap for large tensors, likewise */
};

static bool on_step(void *user, int iteration, int iterations)
{
    struct result *r = user;

    assert_int_equal(iteration, r->steps);
    assert_true(iteration < iterations);
    r->held[r->steps] = th_host_count(false).held;
    r->live[r->steps++] = th_live();
    return r->steps != r->stop_after;
}

static nj_status on_picture(void *user, const nj_engine_picture *p, nj_err *err)
{
    struct result *r = user;

    (void)err;
    assert_int_equal(p->width * p->height * 3, BYTES);
    if (p->image == 0)
        r->seen[r->seen_count++] = p->iteration;
    if (!p->last)
        return NJ_OK;
    memcpy(r->rgb[p->image], p->rgb, BYTES);
    r->clip_loss[p->image] = p->clip_loss;
    r->precision = p->precision;
    r->finished[p->image]++;
    return NJ_OK;
}

static void on_failure(void *user, size_t image, const nj_err *why)
{
    struct result *r = user;

    assert_int_equal(why->code, NJ_E_NUMERIC);
    r->failed[image]++;
}

static nj_settings plain_settings(void)
{
    return (nj_settings){
        .width = SIDE,
        .height = SIDE,
        .timestep_respacing = "5",
        .sampler = NJ_DDPM,
        .plms_order = 2,
        .clip_guidance_scale = 30,
        .tv_scale = 1,
        .range_scale = 2,
        .sat_scale = 1,
        .cutn = 4,
        .cutn_batches = 1,
        .cut_pow = 1,
        .skip_augs = true,
        .class_id = NJ_CLASS_NONE,
        .batch_size = 1,
    };
}

struct job {
    const nj_settings *settings;
    const char *prompts[IMAGES_MAX];
    uint64_t seeds[IMAGES_MAX];
    size_t images;
    bool truncate;
    int stop_after;
    const nj_watch *watch;
    nj_precision precision; /* AUTO: the engine's */
    nj_saving saving;
};

static nj_status try_run(const struct job *job, struct result *out, nj_err *err)
{
    nj_prompt prompts[IMAGES_MAX] = {{0}};
    const nj_prompt *borrowed[IMAGES_MAX];
    const nj_engine_callbacks callbacks = {out, on_step, on_picture,
                                           on_failure};
    const nj_work work = {
        .settings = job->settings,
        .images = job->images,
        .prompts = borrowed,
        .seeds = job->seeds,
        .truncate = job->truncate,
        .precision = job->precision,
        .saving = job->saving,
    };
    nj_status status;

    *out = (struct result){.stop_after = job->stop_after};
    for (size_t b = 0; b < job->images; b++) {
        must(nj_prompt_parse(job->prompts[b], &prompts[b], err), err);
        borrowed[b] = &prompts[b];
    }
    if (job->watch)
        status = nj_engine_run(engine, &work, &callbacks, job->watch, err);
    else
        status = nj_engine_functions()->run(engine, &work, &callbacks, err);
    for (size_t b = 0; b < job->images; b++)
        nj_prompt_release(&prompts[b]);
    return status;
}

static struct result *run(const struct job *job)
{
    struct result *r = calloc(1, sizeof(*r));
    nj_err err = {0};

    assert_non_null(r);
    must(try_run(job, r, &err), &err);
    return r;
}

#endif
