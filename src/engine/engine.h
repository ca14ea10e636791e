/* Engine: networks in memory and the denoising loop, behind plain C.
 *
 * This header knows no tensor type, so that the command line, the planner and
 * the run loop never load libtorch: they get an `nj_engine_api` from the
 * engine's shared object (job/engine_load.h) or, in tests, a stand-in.
 *
 *     nj_engine *e;
 *     api->open(&config, &e, &err);
 *     api->prepare(e, &settings, err)           // optional, checks and warms
 *     api->run(e, &work, &callbacks, &err);     // one batch of images
 *     api->close(e);
 */
#ifndef NJ_ENGINE_ENGINE_H
#define NJ_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "diffusion/settings.h"
#include "text/prompt.h"
#include "weights/card.h"

#define NJ_ENGINE_CLIPS_MAX 8

typedef enum nj_device_kind {
    NJ_DEVICE_AUTO,
    NJ_DEVICE_CPU,
    NJ_DEVICE_CUDA
} nj_device_kind;

/* What to load and where. All pointers are borrowed during open. */
typedef struct nj_engine_config {
    /* Random weights instead of files: for `unet` and for one CLIP of this
     * card. NULL: weights from files. */
    const nj_clip_card *made_up;
    const char *unet_path;
    nj_unet_card unet; /* flags of the UNet, from its card */
    const char *clip_paths[NJ_ENGINE_CLIPS_MAX];
    double clip_weights[NJ_ENGINE_CLIPS_MAX];
    size_t clips;
    const char *secondary_path;  /* guidance goes through it; or NULL */
    const char *lpips_path;      /* heads, for init_scale; or NULL */
    const char *vgg_path;        /* features under them; or NULL */
    const char *vocabulary_path; /* of the CLIP tokenizer */
    nj_device_kind device;
    int device_index;
    nj_precision precision;
    int threads; /* 0: as many as there are cores */
    bool fast;   /* quickest algorithms instead of repeatable ones */
} nj_engine_config;

typedef struct nj_engine nj_engine;

/* Where the time of a run goes. */
typedef enum nj_part {
    NJ_PART_UNET_FORWARD,
    NJ_PART_UNET_BACKWARD,
    NJ_PART_CLIP_FORWARD,
    NJ_PART_CLIP_BACKWARD,
    NJ_PART_CUTOUTS, /* forward and backward */
    NJ_PART_SAMPLER, /* the step itself and its noise */
    NJ_PARTS
} nj_part;

/* How a batch saves memory; pictures do not depend on it. */
typedef struct nj_saving {
    bool recompute; /* UNet: blocks run again in the backward pass */
    bool drop_text; /* CLIP: no text tower while steps are run; it is read from
                       its file again for the next batch */
    bool launch;    /* on a GPU: every kernel is launched by itself; otherwise
                       the networks are played back as graphs, whose memory
                       stays with them */
} nj_saving;

/* One batch: `images` pictures of the same settings, each with its own prompt
 * and seed. It always runs at settings->batch_size (padded when images is
 * less), so that a picture's bytes do not depend on its neighbours. */
typedef struct nj_work {
    const nj_settings *settings;
    size_t images;                   /* 1..batch_size */
    const nj_prompt *const *prompts; /* [images] */
    const uint64_t *seeds;           /* [images] */
    bool truncate;                   /* cut a prompt that is too long */
    const uint8_t *init_rgb;         /* width x height x 3 or NULL */
    nj_precision precision; /* of the UNet; AUTO: the engine's. Another one is
                               loaded for this batch and let go after it */
    int frame_every;        /* hand out the x0 of iterations K-1, 2K-1.. too, as
                               save_every does; 0: no */
    nj_saving saving;
    double *parts; /* [NJ_PARTS] seconds are added to, or NULL; on a GPU
                      counting waits for every part */
} nj_work;

/* A picture: RGB, 8 bits, row by row. */
typedef struct nj_engine_picture {
    size_t image;  /* 0..images-1 */
    int iteration; /* network step from 0 */
    int iterations;
    bool last;
    int width;
    int height;
    const uint8_t *rgb;     /* borrowed during the call */
    double clip_loss;       /* unscaled CLIP distance of the last step */
    nj_precision precision; /* that it was made in */
} nj_engine_picture;

typedef struct nj_engine_callbacks {
    void *user;
    /* After every network step; returning false stops the batch with
     * NJ_E_INTERRUPTED. */
    bool (*step)(void *user, int iteration, int iterations);
    /* A finished picture, or the predicted x0 that save_every or frame_every
     * ask for; nj_is_every tells which. May be NULL. */
    nj_status (*picture)(void *user, const nj_engine_picture *p, nj_err *err);
    /* A picture that failed by itself (values not finite); the others go on. */
    void (*failed)(void *user, size_t image, const nj_err *why);
} nj_engine_callbacks;

/* What was loaded, for records. Strings live as long as the engine. */
typedef struct nj_engine_facts {
    const char *libtorch; /* version */
    const char *device;   /* "cpu", "cuda:0 NVIDIA ..." */
    bool cuda;
    nj_precision precision; /* AUTO resolved */
    int threads;
    int clip_size;  /* input side of the first CLIP */
    size_t context; /* tokens a text may have, start and end included */
    double load_seconds;
} nj_engine_facts;

/* Whether iterations K-1, 2K-1.. include this one; K 0: none do. */
static inline bool nj_is_every(int every, int iteration)
{
    return every > 0 && (iteration + 1) % every == 0;
}

/* ---- CLIP by itself ------------------------------------------------------
 */

/* Where to compute. */
typedef struct nj_engine_machine {
    nj_device_kind device;
    int device_index;
    nj_precision precision; /* of upscalers; CLIP is float32 */
    int threads;            /* 0: as many as there are cores */
} nj_engine_machine;

typedef struct nj_embedder nj_embedder;

typedef struct nj_embedder_facts {
    int width;      /* numbers of an embedding */
    int image_size; /* side of the input, pixels */
    const char *device;
} nj_embedder_facts;

/* Pixels of a picture: RGB, 8 bits, row by row, any size. */
typedef struct nj_engine_rgb {
    int width;
    int height;
    const uint8_t *rgb;
} nj_engine_rgb;

/* ---- upscaling ----------------------------------------------------------- */

typedef struct nj_upscaler nj_upscaler;

typedef struct nj_upscaler_facts {
    int scale;
    const char *device;
    const char *libtorch;
    nj_precision precision; /* AUTO resolved */
} nj_upscaler_facts;

/* Tiles of `tile` pixels a side (0: the whole picture at once), which
 * see `pad` pixels of their neighbours; both are rounded up to what the network
 * can take. */
typedef struct nj_engine_tiling {
    int tile;
    int pad;
} nj_engine_tiling;

/* Bytes, row by row. Channels: 1 grey, 3 RGB, 4 RGB and alpha. */
typedef struct nj_engine_pixels {
    int width;
    int height;
    int channels;
    uint8_t *bytes;
} nj_engine_pixels;

typedef struct nj_engine_api {
    unsigned version; /* NJ_ENGINE_API_VERSION */
    nj_status (*open)(const nj_engine_config *config, nj_engine **out,
                      nj_err *err);
    void (*close)(nj_engine *e);
    const nj_engine_facts *(*facts)(const nj_engine *e);
    nj_status (*run)(nj_engine *e, const nj_work *work,
                     const nj_engine_callbacks *callbacks, nj_err *err);
    /* FLOP/s of the quickest large product of matrices in the UNet's format. */
    nj_status (*matmul_peak)(nj_engine *e, double *flops, nj_err *err);
    /* Bytes that the engine took on its GPU at most, libraries' included,
     * besides CUDA's context; 0 on a CPU. */
    uint64_t (*device_peak)(nj_engine *e);
    /* Passes of networks that are played back as recorded graphs. */
    int64_t (*graphs)(void);
    /* Bytes of the engine's tensors on the host, see th_host_count; 0 where
     * they are not counted. */
    uint64_t (*host_peak)(nj_engine *e);
    int (*cuda_devices)(void);
    /* Bytes that are free on a GPU now; 0: not known, or none is there. */
    uint64_t (*cuda_free)(int index);
    const char *(*libtorch_version)(void);

    /* Loads one CLIP. The vocabulary is the tokenizer's file. */
    nj_status (*embedder_open)(const char *clip_path, const char *vocabulary,
                               const nj_engine_machine *machine,
                               nj_embedder **out, nj_err *err);
    void (*embedder_close)(nj_embedder *e);
    const nj_embedder_facts *(*embedder_facts)(const nj_embedder *e);
    /* Pictures as OpenAI's code shows them to CLIP (bicubic to the input's
     * size, middle square, normalised) -> out [count,width], each of length 1.
     * NJ_E_NUMERIC when one is not finite. */
    nj_status (*embed_pictures)(nj_embedder *e, const nj_engine_rgb *pictures,
                                size_t count, float *out, nj_err *err);
    /* Texts -> out [count,width], each of length 1; a text that is too long is
     * cut. */
    nj_status (*embed_texts)(nj_embedder *e, const char *const *texts,
                             size_t count, float *out, nj_err *err);

    nj_status (*upscaler_open)(const char *path,
                               const nj_engine_machine *machine,
                               nj_upscaler **out, nj_err *err);
    void (*upscaler_close)(nj_upscaler *u);
    const nj_upscaler_facts *(*upscaler_facts)(const nj_upscaler *u);
    /* in -> *out, scale times as wide and high, same channels; the caller frees
     * out->bytes. */
    nj_status (*upscale)(nj_upscaler *u, const nj_engine_tiling *tiling,
                         const nj_engine_pixels *in, nj_engine_pixels *out,
                         nj_err *err);
} nj_engine_api;

#define NJ_ENGINE_API_VERSION 4U

/* The one symbol that the engine's shared object exports. */
const nj_engine_api *nj_engine_api_get(void);

#endif
