/* Engine: loads networks and says what was loaded; see engine.h. The loop is
 * in run.c. */
#include "engine/engine_internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "engine/embed.h"
#include "engine/machine.h"
#include "engine/measure.h"
#include "engine/upscaler.h"
#include "torch/th_recorded.h"

/* ---- device and precision ---------------------------------------------- */

static nj_status choose_device(const nj_engine_config *config, nj_engine *e,
                               nj_err *err)
{
    nj_status status =
        nj_machine_device(config->device, config->device_index, &e->device,
                          e->device_name, sizeof(e->device_name), err);

    e->facts.device = e->device_name;
    e->facts.cuda = e->device.kind == TH_CUDA;
    return status;
}

static void set_precision(nj_engine *e, nj_precision precision)
{
    e->facts.precision = precision;
    th_set_tf32(precision != NJ_PRECISION_FP32);
}

static void choose_precision(const nj_engine_config *config, nj_engine *e)
{
    nj_precision precision = config->precision;

    (void)nj_machine_dtype(&precision, e->device);
    set_precision(e, precision);
}

static void choose_threads(const nj_engine_config *config, nj_engine *e)
{
    nj_machine_threads(config->threads);
    th_set_fast(config->fast);
    e->facts.threads = th_threads();
}

/* ---- networks ---------------------------------------------------------- */

static nj_status load_unet(const nj_engine *e, nj_precision precision,
                           nj_unet **out, nj_err *err)
{
    nj_dtype dtype = nj_machine_dtype(&precision, e->device);
    nj_weights *weights;
    nj_status status = e->unet_path
                           ? nj_weights_open(e->unet_path, &weights, err)
                           : nj_unet_make_up(&e->unet_card, &weights, err);

    if (status != NJ_OK)
        return status;
    status = nj_unet_new(weights, &e->unet_card, dtype, e->device, out, err);
    return nj_machine_read(weights, e->unet_path, status, err);
}

/* Guidance comes from what CLIP says. Its weights are published in fp16, and
 * the notebooks compute with them so on a GPU; bfloat16, which keeps fewer
 * digits, is taken only on a CPU, where nothing else is quick (docs/speed.md
 * has what both change). */
static nj_dtype clip_dtype(const nj_engine *e)
{
    if (e->facts.cuda)
        return e->facts.precision == NJ_PRECISION_FP16 ? NJ_F16 : NJ_F32;
    return e->facts.precision == NJ_PRECISION_BF16 ? NJ_BF16 : NJ_F32;
}

static nj_status open_clip(const nj_engine *e, size_t i, nj_weights **out,
                           nj_err *err)
{
    return e->clip_paths[i] ? nj_weights_open(e->clip_paths[i], out, err)
                            : nj_clip_make_up(&e->made_up_clip, out, err);
}

/* `convert` makes something of clip i's file. */
static nj_status with_clip(nj_engine *e, size_t i,
                           nj_status (*convert)(nj_engine *e, size_t i,
                                                const nj_weights *weights,
                                                nj_err *err),
                           nj_err *err)
{
    nj_weights *weights;
    nj_status status = open_clip(e, i, &weights, err);

    if (status != NJ_OK)
        return status;
    status = convert(e, i, weights, err);
    return nj_machine_read(weights, e->clip_paths[i], status, err);
}

static nj_status convert_clip(nj_engine *e, size_t i, const nj_weights *weights,
                              nj_err *err)
{
    return nj_clip_new(weights, NULL, clip_dtype(e), e->device,
                       &e->clips[i].clip, err);
}

static nj_status convert_text(nj_engine *e, size_t i, const nj_weights *weights,
                              nj_err *err)
{
    return nj_clip_load_text(e->clips[i].clip, weights, err);
}

static nj_status load_clip(nj_engine *e, const nj_engine_config *config,
                           size_t i, nj_err *err)
{
    if (config->made_up)
        e->made_up_clip = *config->made_up;
    else if (!(e->clip_paths[i] = nj_strdup(config->clip_paths[i])))
        return nj_fail(err, NJ_E_MEMORY, "no memory for an engine");
    return with_clip(e, i, convert_clip, err);
}

nj_status nj_engine_load_texts(nj_engine *e, nj_err *err)
{
    nj_status status = NJ_OK;

    for (size_t i = 0; i < e->clip_count && status == NJ_OK; i++)
        if (!nj_clip_has_text(e->clips[i].clip))
            status = with_clip(e, i, convert_text, err);
    return status;
}

void nj_engine_drop_texts(nj_engine *e)
{
    for (size_t i = 0; i < e->clip_count; i++)
        nj_clip_drop_text(e->clips[i].clip);
}

/* Networks with vocabularies of one size share a tokenizer. */
static nj_status find_tokenizer(nj_engine *e, const char *path,
                                nj_engine_clip *clip, nj_err *err)
{
    int size = nj_clip_shape(clip->clip)->vocabulary;

    for (size_t i = 0; i < e->clip_count; i++)
        if (nj_clip_shape(e->clips[i].clip)->vocabulary == size) {
            clip->tokenizer = e->clips[i].tokenizer;
            return NJ_OK;
        }
    clip->owns_tokenizer = true;
    return nj_tokenizer_open(path, (size_t)size, &clip->tokenizer, err);
}

static nj_status load_clips(nj_engine *e, const nj_engine_config *config,
                            nj_err *err)
{
    if (config->clips > NJ_ENGINE_CLIPS_MAX)
        return nj_fail(err, NJ_E_USAGE, "%zu CLIP networks, at most %d",
                       config->clips, NJ_ENGINE_CLIPS_MAX);
    for (size_t i = 0; i < config->clips; i++) {
        nj_engine_clip *clip = &e->clips[i];
        nj_status status = load_clip(e, config, i, err);

        if (status == NJ_OK)
            status = find_tokenizer(e, config->vocabulary_path, clip, err);
        clip->weight = config->clip_weights[i];
        e->clip_count = i + 1;
        if (status != NJ_OK)
            return status;
    }
    return NJ_OK;
}

/* ---- the interface ----------------------------------------------------- */

static void engine_close(nj_engine *e)
{
    if (!e)
        return;
    for (size_t i = 0; i < e->clip_count; i++) {
        nj_clip_free(e->clips[i].clip);
        if (e->clips[i].owns_tokenizer)
            nj_tokenizer_free(e->clips[i].tokenizer);
        free(e->clip_paths[i]);
    }
    nj_lpips_free(e->lpips);
    nj_secondary_free(e->secondary);
    nj_unet_free(e->unet);
    free(e->unet_path);
    free(e);
}

static nj_status load(nj_engine *e, const nj_engine_config *config, nj_err *err)
{
    double start = nj_seconds();
    nj_status status = choose_device(config, e, err);

    if (status != NJ_OK)
        return status;
    if (e->facts.cuda)
        e->device_free = th_cuda_free(e->device.index);
    th_keep_memory();
    choose_threads(config, e);
    choose_precision(config, e);
    e->unet_card = config->unet;
    if (!config->made_up)
        e->unet_path = nj_strdup(config->unet_path);
    if (!config->made_up && !e->unet_path)
        return nj_fail(err, NJ_E_MEMORY, "no memory for an engine");
    status = load_unet(e, e->facts.precision, &e->unet, err);
    if (status == NJ_OK)
        status = nj_engine_load_guides(e, config, err);
    if (status == NJ_OK)
        status = load_clips(e, config, err);
    if (status != NJ_OK)
        return status;
    if (e->clip_count > 0) {
        e->facts.clip_size = nj_clip_shape(e->clips[0].clip)->image_size;
        e->facts.context = (size_t)nj_clip_shape(e->clips[0].clip)->context;
    }
    e->facts.libtorch = th_version();
    e->facts.load_seconds = nj_seconds() - start;
    return NJ_OK;
}

static nj_status engine_open(const nj_engine_config *config, nj_engine **out,
                             nj_err *err)
{
    nj_engine *e = nj_calloc(1, sizeof(*e));
    nj_status status;

    if (!e)
        return nj_fail(err, NJ_E_MEMORY, "no memory for an engine");
    status = load(e, config, err);
    if (status == NJ_OK)
        *out = e;
    else
        engine_close(e);
    return status;
}

static const nj_engine_facts *engine_facts(const nj_engine *e)
{
    return &e->facts;
}

static nj_status engine_run(nj_engine *e, const nj_work *work,
                            const nj_engine_callbacks *callbacks, nj_err *err)
{
    nj_precision own = e->facts.precision;
    nj_unet *unet = e->unet;
    nj_status status;

    if (work->precision == NJ_PRECISION_AUTO || work->precision == own)
        return nj_engine_run(e, work, callbacks, NULL, err);
    status = load_unet(e, work->precision, &e->unet, err);
    if (status == NJ_OK) {
        set_precision(e, work->precision);
        status = nj_engine_run(e, work, callbacks, NULL, err);
        nj_unet_free(e->unet);
    }
    e->unet = unet;
    set_precision(e, own);
    return status;
}

const nj_engine_api *nj_engine_functions(void)
{
    static const nj_engine_api api = {
        .version = NJ_ENGINE_API_VERSION,
        .open = engine_open,
        .close = engine_close,
        .facts = engine_facts,
        .run = engine_run,
        .matmul_peak = nj_measure_matmul,
        .device_peak = nj_measure_device,
        .graphs = th_graphs,
        .host_peak = nj_measure_host,
        .cuda_free = nj_measure_cuda_free,
        .cuda_devices = th_cuda_count,
        .libtorch_version = th_version,
        .embedder_open = nj_embedder_open,
        .embedder_close = nj_embedder_close,
        .embedder_facts = nj_embedder_facts_of,
        .embed_pictures = nj_embed_pictures,
        .embed_texts = nj_embed_texts,
        .upscaler_open = nj_upscaler_open,
        .upscaler_close = nj_upscaler_close,
        .upscaler_facts = nj_upscaler_facts_of,
        .upscale = nj_upscaler_run,
    };

    return &api;
}
