/* Targets: what the prompts of a batch look like to one CLIP: embeddings of
 * their parts and what each part weighs. Each image has its own, so that its
 * neighbours' prompts change nothing in it. */
#ifndef NJ_ENGINE_TARGETS_H
#define NJ_ENGINE_TARGETS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "diffusion/settings.h"
#include "engine/watch.h"
#include "model/clip.h"
#include "text/prompt.h"
#include "text/tokenizer.h"
#include "torch/th.h"

/* One prompt. A text is one row; an image prompt is cutn rows, one for each of
 * its cutouts, which share its weight. */
typedef struct nj_target {
    th_tensor *embeddings; /* [P,D] float32 */
    th_tensor *weights;    /* [P] float32, divided by |sum| */
} nj_target;

typedef struct nj_targets_config {
    const nj_clip *clip;
    const nj_tokenizer *tokenizer;
    const nj_settings *settings;
    const nj_prompt *const *prompts; /* [images] */
    const uint64_t *seeds;           /* [images] */
    size_t images;
    size_t clip_index;
    bool truncate;
    th_device device;
    const nj_watch *watch; /* or NULL */
} nj_targets_config;

/* Embeds the prompts; `out` holds an entry for each image, its tensors are
 * owned by `scope`. */
nj_status nj_targets_make(th_scope *scope, const nj_targets_config *config,
                          nj_target *out, nj_err *err) NJ_MUST_USE;

#endif
