/* Parity of whole pictures: runs the engine as the program would and compares
 * the pictures and, step by step, the values on the way to them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/cut.h"
#include "engine/engine_internal.h"
#include "image/picture.h"
#include "parity/areas.h"
#include "parity/vocabulary.h"

/* The fixtures have no init loss, which comes last. */
#define FIXTURE_LOSSES NJ_LOSS_INIT

/* What a run leaves behind. B images, K steps. */
struct seen {
    parity_case *c;
    nj_settings settings;
    nj_prompt prompt;
    const nj_prompt **prompts; /* [B] */
    uint64_t *seeds;           /* [B] */
    size_t images;             /* B */
    size_t steps;              /* K */
    size_t values;             /* 3 * H * W */
    int clip_size;
    int64_t *timesteps; /* [K] */
    float *losses;      /* [K,B,4] */
    float *rms;         /* [K,B] */
    float *rms_clamped; /* [K,B] */
    float *x_mean;      /* [K,B] */
    float *x_std;       /* [K,B] */
    float *host;        /* [B,3,H,W] */
    uint8_t *init;      /* [H,W,3] or NULL */
};

/* ---- settings ---------------------------------------------------------- */

static double number_or(const struct seen *s, const char *key, double missing)
{
    return nj_json_number(parity_config(s->c), key, missing);
}

static bool is(const struct seen *s, const char *key, const char *value)
{
    return strcmp(parity_string(s->c, key), value) == 0;
}

static void read_settings(struct seen *s)
{
    nj_settings *t = &s->settings;
    const char *respacing = parity_string(s->c, "respacing");

    *t = (nj_settings){
        .width = (int)parity_number(s->c, "width"),
        .height = (int)parity_number(s->c, "height"),
        .sampler = is(s, "sampler", "ddim") ? NJ_DDIM : NJ_DDPM,
        .eta = number_or(s, "eta", 0),
        .skip_timesteps = (int)number_or(s, "skip_timesteps", 0),
        .clip_guidance_scale = number_or(s, "clip_guidance_scale", 0),
        .tv_scale = number_or(s, "tv_scale", 0),
        .range_scale = number_or(s, "range_scale", 0),
        .sat_scale = number_or(s, "sat_scale", 0),
        .cutn = (int)parity_number(s->c, "cutn"),
        .cutn_batches = (int)parity_number(s->c, "cutn_batches"),
        .cut_pow = number_or(s, "cut_pow", 1),
        .cutouts = is(s, "cutouts", "russell") ? NJ_CUTOUTS_RUSSELL
                                               : NJ_CUTOUTS_CROWSON,
        .gradient =
            is(s, "gradient", "x_in") ? NJ_GRADIENT_X_IN : NJ_GRADIENT_X,
        .skip_augs = true,
        .clamp_max = number_or(s, "clamp_max", 0),
        .class_id = (int)number_or(s, "class", NJ_CLASS_NONE),
        .batch_size = (int)s->images,
    };
    if (strlen(respacing) < sizeof(t->timestep_respacing))
        memcpy(t->timestep_respacing, respacing, strlen(respacing) + 1);
    else
        parity_fail(s->c, "respacing '%s' is too long", respacing);
}

/* The init image; NULL without one or after a failure. */
static uint8_t *read_init(struct seen *s, const char *name)
{
    nj_picture picture = {0};
    nj_picture rgb = {0};
    nj_err err = {0};
    nj_status status;

    if (!name)
        return NULL;
    status = nj_picture_read(parity_path(s->c, name), NJ_PICTURE_PIXELS_MAX,
                             &picture, &err);
    if (status == NJ_OK)
        status = nj_picture_to_rgb(&picture, &rgb, &err);
    nj_picture_release(&picture);
    if (parity_bad(s->c, status, &err))
        return NULL;
    parity_expect(s->c,
                  rgb.width == s->settings.width &&
                      rgb.height == s->settings.height,
                  "init image of %d x %d", rgb.width, rgb.height);
    return rgb.pixels;
}

static void prepare(struct seen *s, parity_case *c)
{
    const cJSON *seeds = nj_json_get(parity_config(c), "seeds");
    size_t per_step;
    nj_err err = {0};

    *s = (struct seen){.c = c};
    s->images = (size_t)cJSON_GetArraySize(seeds);
    s->steps = (size_t)parity_number(c, "steps");
    read_settings(s);
    parity_bad(c, nj_prompt_parse(parity_string(c, "prompt"), &s->prompt, &err),
               &err);
    s->values = (size_t)s->settings.width * (size_t)s->settings.height * 3;
    per_step = s->steps * s->images;
    s->seeds = parity_alloc(c, s->images, sizeof(*s->seeds));
    s->prompts = parity_alloc(c, s->images, sizeof(nj_prompt *));
    s->timesteps = parity_alloc(c, s->steps, sizeof(*s->timesteps));
    s->losses = parity_alloc(c, per_step * FIXTURE_LOSSES, sizeof(*s->losses));
    s->rms = parity_alloc(c, per_step, sizeof(*s->rms));
    s->rms_clamped = parity_alloc(c, per_step, sizeof(*s->rms_clamped));
    s->x_mean = parity_alloc(c, per_step, sizeof(*s->x_mean));
    s->x_std = parity_alloc(c, per_step, sizeof(*s->x_std));
    s->host = parity_alloc(c, s->images * s->values, sizeof(*s->host));
    for (size_t b = 0; b < s->images; b++) {
        s->prompts[b] = &s->prompt;
        if (!nj_json_u64(cJSON_GetArrayItem(seeds, (int)b), &s->seeds[b]))
            parity_fail(c, "seed %zu is no whole number", b);
    }
    s->init =
        read_init(s, nj_json_string(parity_config(c), "init_image", NULL));
}

/* ---- what the run shows ------------------------------------------------ */

static void see_tokens(void *user, size_t clip, size_t image,
                       const int64_t *rows, size_t texts, size_t context)
{
    struct seen *s = user;

    if (clip == 0 && image == 0)
        parity_check_i64(s->c, "prompt.tokens", rows, 2,
                         (int64_t[]){(int64_t)texts, (int64_t)context});
}

static const float *read_tensor(struct seen *s, const th_tensor *t)
{
    th_scope *scope = th_scope_new(NULL);
    size_t n = th_elements(t);
    float *values = parity_alloc(s->c, n, sizeof(*values));
    nj_err err = {0};

    th_read_f32(scope, t, values, n);
    parity_bad(s->c, th_scope_check(scope, &err), &err);
    th_scope_free(scope);
    return values;
}

static void see_target(void *user, size_t clip, size_t image,
                       const th_tensor *embeddings, const th_tensor *weights)
{
    struct seen *s = user;
    const int64_t shape[2] = {th_size(embeddings, 0), th_size(embeddings, 1)};

    if (clip > 0 || image > 0)
        return;
    parity_check_f32(s->c, "prompt.embeddings", read_tensor(s, embeddings), 2,
                     shape);
    parity_check_f32(s->c, "prompt.weights", read_tensor(s, weights), 1, shape);
}

/* Mean and deviation (divisor n) of an image, and its root mean square. */
struct moments {
    double mean;
    double deviation;
    double rms;
};

static struct moments moments_of(const float *values, size_t n)
{
    double sum = 0;
    double squares = 0;
    double around = 0;

    for (size_t i = 0; i < n; i++) {
        sum += (double)values[i];
        squares += (double)values[i] * (double)values[i];
    }
    for (size_t i = 0; i < n; i++) {
        double d = (double)values[i] - sum / (double)n;

        around += d * d;
    }
    return (struct moments){sum / (double)n, sqrt(around / (double)n),
                            sqrt(squares / (double)n)};
}

static void note_rms(struct seen *s, const th_tensor *t, float *out)
{
    const float *values = t ? read_tensor(s, t) : NULL;

    for (size_t b = 0; values && b < s->images; b++)
        out[b] = (float)moments_of(values + b * s->values, s->values).rms;
}

static void check_pictures(struct seen *s, const nj_watched_step *step)
{
    const int64_t shape[4] = {(int64_t)s->images, 3, s->settings.height,
                              s->settings.width};
    const int64_t first[4] = {1, 3, shape[2], shape[3]};
    const char *name =
        parity_text(s->c, "step_%02d.pred_xstart", step->iteration);
    const float *x0 = read_tensor(s, step->x0);

    if (parity_output(s->c, name))
        parity_check_f32(s->c, name, x0, 4, first);
    if (step->step->last)
        parity_check_f32(s->c, "final.pred_xstart", x0, 4, shape);
}

static void see_step(void *user, const nj_watched_step *step)
{
    struct seen *s = user;
    size_t k = (size_t)step->iteration;
    size_t row = k * s->images;
    const float *x = read_tensor(s, step->x);

    if (k >= s->steps)
        return;
    s->timesteps[k] = step->step->timestep;
    for (size_t b = 0; b < s->images; b++) {
        struct moments m = moments_of(x + b * s->values, s->values);

        s->x_mean[row + b] = (float)m.mean;
        s->x_std[row + b] = (float)m.deviation;
        for (size_t i = 0; i < FIXTURE_LOSSES; i++)
            s->losses[(row + b) * FIXTURE_LOSSES + i] =
                step->losses[i * s->images + b];
    }
    note_rms(s, step->gradient, s->rms + row);
    note_rms(s, step->clamped, s->rms_clamped + row);
    check_pictures(s, step);
}

/* ---- what is compared at the end --------------------------------------- */

static void check_boxes(struct seen *s)
{
    const nj_settings *t = &s->settings;
    size_t cutn = (size_t)t->cutn;
    int64_t columns = t->cutouts == NJ_CUTOUTS_RUSSELL ? 4 : 3;
    const int64_t shape[5] = {(int64_t)s->steps, (int64_t)s->images,
                              t->cutn_batches, t->cutn, columns};
    size_t n =
        s->steps * s->images * (size_t)t->cutn_batches * cutn * (size_t)columns;
    int64_t *got = parity_alloc(s->c, n, sizeof(*got));
    int64_t *to = got;

    for (size_t row = 0; row < s->steps * s->images; row++)
        for (int batch = 0; batch < t->cutn_batches; batch++) {
            const nj_cut_draw draw = {
                .seeds = &s->seeds[row % s->images],
                .images = 1,
                .iteration = (uint32_t)(row / s->images),
                .draw = (uint32_t)batch,
            };
            nj_box *boxes =
                nj_cut_boxes(t, s->clip_size, t->width, t->height, &draw);

            for (size_t i = 0; boxes && i < cutn; i++, to += columns) {
                to[0] = boxes[i].x;
                to[1] = boxes[i].y;
                to[2] = boxes[i].w;
                if (columns == 4)
                    to[3] = boxes[i].h;
            }
            free(boxes);
        }
    parity_check_i64(s->c, "steps.boxes", got, 5, shape);
}

static void check_steps(struct seen *s)
{
    const int64_t shape[3] = {(int64_t)s->steps, (int64_t)s->images,
                              FIXTURE_LOSSES};

    parity_check_i64(s->c, "steps.timestep", s->timesteps, 1, shape);
    parity_check_f32(s->c, "steps.losses", s->losses, 3, shape);
    parity_check_f32(s->c, "steps.grad_rms", s->rms, 2, shape);
    parity_check_f32(s->c, "steps.grad_rms_clamped", s->rms_clamped, 2, shape);
    parity_check_f32(s->c, "steps.x_mean", s->x_mean, 2, shape);
    parity_check_f32(s->c, "steps.x_std", s->x_std, 2, shape);
    check_boxes(s);
}

static nj_status see_picture(void *user, const nj_engine_picture *p,
                             nj_err *err)
{
    struct seen *s = user;
    const char *seed = cJSON_GetStringValue(cJSON_GetArrayItem(
        nj_json_get(parity_config(s->c), "seeds"), (int)p->image));
    const cJSON *want =
        nj_json_get(nj_json_get(parity_json(s->c), "pictures"), seed);
    nj_picture picture = {0};
    int largest = 0;
    double differing = 0;
    nj_status status =
        nj_picture_read(parity_path(s->c, nj_json_string(want, "file", "")),
                        NJ_PICTURE_PIXELS_MAX, &picture, err);

    if (status != NJ_OK)
        return status;
    for (size_t i = 0; i < s->values; i++) {
        int d = abs(p->rgb[i] - picture.pixels[i]);

        largest = d > largest ? d : largest;
        differing += d > 0;
    }
    nj_picture_release(&picture);
    parity_expect(s->c,
                  largest <= parity_slack() *
                                 nj_json_number(want, "max_difference", 0),
                  "seed %s: a byte differs by %d", seed, largest);
    parity_expect(
        s->c,
        differing / (double)s->values <=
            parity_slack() *
                nj_json_number(want, "share_of_bytes_that_may_differ", 0),
        "seed %s: %g of the bytes differ", seed, differing / (double)s->values);
    return NJ_OK;
}

static void see_failure(void *user, size_t image, const nj_err *why)
{
    struct seen *s = user;

    parity_fail(s->c, "image %zu: %s", image, why->text);
}

/* ---- the kind ---------------------------------------------------------- */

/* networks/<the card's `object`.file> */
static const char *network_path(parity_case *c, const cJSON *card,
                                const char *object)
{
    return parity_path(
        c, parity_text(c, "%s/%s", parity_string(c, "networks"),
                       nj_json_string(nj_json_get(card, object), "file", "")));
}

static nj_engine *open_engine(parity_case *c, const char *vocabulary)
{
    const char *path =
        parity_path(c, parity_text(c, "%s/%s", parity_string(c, "networks"),
                                   parity_string(c, "card")));
    nj_engine_config config = {
        .clips = 1,
        .clip_weights = {1},
        .vocabulary_path = vocabulary,
        .device = getenv("NJ_PARITY_CUDA") ? NJ_DEVICE_CUDA : NJ_DEVICE_CPU,
        .precision = NJ_PRECISION_FP32,
        .threads = 1,
    };
    nj_engine *e = NULL;
    cJSON *card = NULL;
    nj_err err = {0};
    nj_status status = nj_json_read(path, &card, &err);

    if (status == NJ_OK)
        status = nj_unet_card_read(path, &config.unet, &err);
    if (status == NJ_OK) {
        config.unet_path = network_path(c, card, "unet");
        config.clip_paths[0] = network_path(c, card, "clip");
        status = nj_engine_functions()->open(&config, &e, &err);
    }
    cJSON_Delete(card);
    parity_bad(c, status, &err);
    return e;
}

static void run_pictures(struct seen *s, nj_engine *e)
{
    const nj_work work = {
        .settings = &s->settings,
        .images = s->images,
        .prompts = s->prompts,
        .seeds = s->seeds,
        .init_rgb = s->init,
    };
    const nj_engine_callbacks callbacks = {
        .user = s, .picture = see_picture, .failed = see_failure};
    const nj_watch watch = {s, see_tokens, see_target, see_step};
    nj_err err = {0};

    s->clip_size = nj_engine_functions()->facts(e)->clip_size;
    if (!parity_bad(s->c, nj_engine_run(e, &work, &callbacks, &watch, &err),
                    &err))
        check_steps(s);
}

/* A vocabulary that the case brings, else CLIP's. */
static const char *vocabulary_of(parity_case *c)
{
    const char *own = nj_json_string(parity_config(c), "vocabulary", NULL);

    return own ? parity_path(c, own) : parity_vocabulary(c);
}

static void run_endtoend(parity_case *c)
{
    const char *vocabulary = vocabulary_of(c);
    nj_engine *e;
    struct seen s;

    if (!vocabulary) {
        parity_skip(c, "no vocabulary: set NJ_VOCABULARY");
        return;
    }
    prepare(&s, c);
    e = parity_failed(c) ? NULL : open_engine(c, vocabulary);
    if (e)
        run_pictures(&s, e);
    nj_engine_functions()->close(e);
    nj_prompt_release(&s.prompt);
    free(s.init);
}

const parity_kind parity_endtoend[] = {
    {"endtoend", run_endtoend},
    {NULL, NULL},
};
