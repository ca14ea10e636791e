/* Stand-in engine: see fake_engine.h. */
#include "fake/fake_engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "diffusion/schedule.h"
#include "fake/fake_morning.h"

struct nj_engine {
    nj_engine_facts facts;
    int diffusion_steps;
    char device[32];
};

static nj_precision precision_now; /* of the batch that is running */

fake_engine_plan fake_plan;
fake_engine_log fake_log;

void fake_engine_reset(void)
{
    fake_plan = (fake_engine_plan){0};
    fake_log = (fake_engine_log){0};
}

static nj_status fake_open(const nj_engine_config *config, nj_engine **out,
                           nj_err *err)
{
    if (fake_plan.open_fails != NJ_OK)
        return nj_fail(err, fake_plan.open_fails, "fake: cannot open");
    *out = calloc(1, sizeof(**out));
    if (!*out)
        return nj_fail(err, NJ_E_MEMORY, "fake: no memory");
    (*out)->facts = (nj_engine_facts){.libtorch = "0.0-fake",
                                      .device = "cpu",
                                      .precision = NJ_PRECISION_FP32,
                                      .threads = 1,
                                      .clip_size = 32,
                                      .context = 16,
                                      .load_seconds = 0.01};
    (*out)->diffusion_steps = config->unet.diffusion_steps;
    if (fake_plan.precision != NJ_PRECISION_AUTO)
        (*out)->facts.precision = fake_plan.precision;
    if (config->device == NJ_DEVICE_CUDA) {
        snprintf((*out)->device, sizeof((*out)->device), "cuda:%d",
                 config->device_index);
        (*out)->facts.device = (*out)->device;
    }
    fake_log.opened++;
    return NJ_OK;
}

static void fake_close(nj_engine *e)
{
    fake_log.closed++;
    free(e);
}

static const nj_engine_facts *fake_facts(const nj_engine *e)
{
    return &e->facts;
}

static uint64_t hash(const nj_work *w, size_t image)
{
    uint64_t h = 14695981039346656037U ^ w->seeds[image];

    for (size_t p = 0; p < w->prompts[image]->count; p++) {
        for (const char *c = w->prompts[image]->parts[p].text; *c; c++)
            h = (h ^ (unsigned char)*c) * 1099511628211U;
    }
    return h ^ (uint64_t)w->settings->cutn << 32;
}

static nj_status show(const nj_work *w, size_t image, int iteration,
                      int iterations, const nj_engine_callbacks *c, nj_err *err)
{
    size_t n = (size_t)w->settings->width * (size_t)w->settings->height * 3;
    uint8_t *rgb = malloc(n);
    uint64_t h = hash(w, image) + (uint64_t)iteration;
    nj_engine_picture p = {image,
                           iteration,
                           iterations,
                           iteration == iterations - 1,
                           w->settings->width,
                           w->settings->height,
                           rgb,
                           0.5,
                           precision_now};
    nj_status status;

    if (!rgb)
        return nj_fail(err, NJ_E_MEMORY, "fake: no memory");
    for (size_t i = 0; i < n; i++)
        rgb[i] = (uint8_t)(h >> (i % 56));
    status = c->picture ? c->picture(c->user, &p, err) : NJ_OK;
    free(rgb);
    return status;
}

static nj_status show_all(const nj_work *w, int iteration, int iterations,
                          const nj_engine_callbacks *c, nj_err *err)
{
    nj_status status = NJ_OK;

    for (size_t i = 0; i < w->images && status == NJ_OK; i++) {
        bool fails =
            fake_plan.has_failing_seed &&
            w->seeds[i] == fake_plan.failing_seed &&
            !(fake_plan.fp32_helps && precision_now == NJ_PRECISION_FP32);
        nj_err why = {0};

        if (!fails) {
            status = show(w, i, iteration, iterations, c, err);
        } else if (iteration == iterations - 1) {
            nj_fail(&why, NJ_E_NUMERIC, "fake: not finite");
            c->failed(c->user, i, &why);
        }
    }
    return status;
}

static nj_status one_step(const nj_work *w, int k, int iterations,
                          const nj_engine_callbacks *c, nj_err *err)
{
    bool wanted = nj_is_every(w->settings->save_every, k) ||
                  nj_is_every(w->frame_every, k);
    nj_status status = NJ_OK;

    if (fake_plan.step_ms) {
        struct timespec t = {fake_plan.step_ms / 1000,
                             fake_plan.step_ms % 1000 * 1000000L};

        nanosleep(&t, NULL);
    }
    if (fake_plan.on_step)
        fake_plan.on_step(k);
    if (k == iterations - 1 || wanted)
        status = show_all(w, k, iterations, c, err);
    if (status == NJ_OK && !c->step(c->user, k, iterations))
        return nj_fail(err, NJ_E_INTERRUPTED, "fake: stopped");
    return status;
}

/* Whether this batch is one of those that the plan lets fail. */
static bool batch_fails(const nj_work *w)
{
    const nj_settings *s = w->settings;

    if (fake_plan.run_fails == NJ_OK ||
        (fake_plan.failures && fake_log.batches > fake_plan.failures))
        return false;
    return (!fake_plan.enough_slices && !fake_plan.enough_batch) ||
           s->clip_slices < fake_plan.enough_slices ||
           (fake_plan.enough_batch && s->batch_size > fake_plan.enough_batch);
}

static nj_status fake_run(nj_engine *e, const nj_work *w,
                          const nj_engine_callbacks *c, nj_err *err)
{
    int *steps;
    size_t count;
    nj_status status = nj_respace(w->settings->timestep_respacing,
                                  e->diffusion_steps, &steps, &count, err);

    precision_now =
        w->precision != NJ_PRECISION_AUTO ? w->precision : e->facts.precision;
    fake_log.batches++;
    fake_log.images += (int)w->images;
    if ((int)w->images > fake_log.largest_batch)
        fake_log.largest_batch = (int)w->images;
    if (status != NJ_OK)
        return status;
    free(steps);
    count -= (size_t)w->settings->skip_timesteps;
    if (batch_fails(w))
        return nj_fail(err, fake_plan.run_fails, "fake: cannot run");
    for (size_t k = 0; k < count && status == NJ_OK; k++)
        status = one_step(w, (int)k, (int)count, c, err);
    return status;
}

static nj_status matmul(nj_engine *e, double *flops, nj_err *err)
{
    (void)e;
    (void)err;
    *flops = 1e9;
    return NJ_OK;
}

static uint64_t no_bytes(nj_engine *e)
{
    (void)e;
    return 0;
}

static int64_t no_graphs(void)
{
    return 0;
}

static uint64_t no_device_bytes(int index)
{
    (void)index;
    return 0;
}

static int no_gpus(void)
{
    return 0;
}

static const char *version(void)
{
    return "0.0-fake";
}

nj_status fake_engine_get(const nj_engine_api **api, nj_err *err)
{
    static const nj_engine_api fake = {
        .version = NJ_ENGINE_API_VERSION,
        .open = fake_open,
        .close = fake_close,
        .facts = fake_facts,
        .run = fake_run,
        .matmul_peak = matmul,
        .device_peak = no_bytes,
        .graphs = no_graphs,
        .host_peak = no_bytes,
        .cuda_free = no_device_bytes,
        .cuda_devices = no_gpus,
        .libtorch_version = version,
        .embedder_open = fake_embedder_open,
        .embedder_close = fake_embedder_close,
        .embedder_facts = fake_embedder_facts,
        .embed_pictures = fake_embed_pictures,
        .embed_texts = fake_embed_texts,
        .upscaler_open = fake_upscaler_open,
        .upscaler_close = fake_upscaler_close,
        .upscaler_facts = fake_upscaler_facts,
        .upscale = fake_upscale,
    };

    (void)err;
    *api = &fake;
    return NJ_OK;
}
