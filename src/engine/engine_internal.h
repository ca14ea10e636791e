/* Inside of an engine, for engine.c, run.c and their tests. */
#ifndef NJ_ENGINE_ENGINE_INTERNAL_H
#define NJ_ENGINE_ENGINE_INTERNAL_H

#include "engine/engine.h"
#include "engine/sampler.h"
#include "engine/watch.h"
#include "model/clip.h"
#include "model/lpips_vgg.h"
#include "model/secondary.h"
#include "model/unet.h"
#include "text/tokenizer.h"
#include "torch/th.h"

typedef struct nj_engine_clip {
    nj_clip *clip;
    nj_tokenizer *tokenizer; /* owned by the first CLIP that has it */
    bool owns_tokenizer;
    double weight; /* of its loss */
} nj_engine_clip;

/* What recordings are of. */
typedef struct nj_recorded {
    int width;
    int height;
    int batch;
    nj_precision precision;
    bool recompute;
} nj_recorded;

struct nj_engine {
    nj_unet *unet;
    nj_secondary *secondary; /* or NULL */
    nj_lpips *lpips;         /* or NULL */
    nj_engine_clip clips[NJ_ENGINE_CLIPS_MAX];
    size_t clip_count;
    char *clip_paths[NJ_ENGINE_CLIPS_MAX]; /* to load text towers again */
    nj_clip_card made_up_clip;             /* where there are no files */
    char *unet_path; /* to load it again in another precision */
    nj_unet_card unet_card;
    th_device device;
    char device_name[32];
    nj_engine_facts facts;
    nj_recorded recorded;
    int64_t device_free; /* bytes, before anything was loaded */
};

/* All functions of the interface, for the shared object and for tests. */
const nj_engine_api *nj_engine_functions(void);

/* Loads the secondary model and LPIPS where `config` names them. */
nj_status nj_engine_load_guides(nj_engine *e, const nj_engine_config *config,
                                nj_err *err) NJ_MUST_USE;

/* The finished picture as the secondary model sees it in x [B,3,H,W]: x is made
 * a leaf, x0 is derivable by it; eps and v are left out. */
nj_look nj_engine_look_aside(th_scope *s, const nj_engine *e,
                             const nj_step *step, const th_tensor *x);

/* Text towers that were dropped are there again / are dropped. */
nj_status nj_engine_load_texts(nj_engine *e, nj_err *err) NJ_MUST_USE;
void nj_engine_drop_texts(nj_engine *e);

/* Whether the networks are recorded for batches of these settings (th_recorded
 * of torch/th.h); what is of another size goes. */
void nj_engine_record(nj_engine *e, const nj_settings *s,
                      const nj_saving *saving);
void nj_engine_forget(nj_engine *e);

/* Refuses what the networks cannot do. */
nj_status nj_run_check(const nj_engine *e, const nj_work *work,
                       nj_err *err) NJ_MUST_USE;

/* One batch; see nj_work. `watch` may be NULL. */
nj_status nj_engine_run(nj_engine *e, const nj_work *work,
                        const nj_engine_callbacks *callbacks,
                        const nj_watch *watch, nj_err *err) NJ_MUST_USE;

#endif
