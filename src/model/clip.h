/* CLIP: image and text towers that map into one space (Radford et al. 2021,
 * "Learning transferable visual models from natural language supervision";
 * public code openai/CLIP, model.py).
 *
 * Image towers: vision transformer and modified ResNet. The configuration is
 * read from tensor shapes; names may be OpenAI's, open_clip's or Hugging
 * Face's. Embeddings are not normalised. Not for: training, towers with other
 * pooling than the class token (attention pooling of CoCa, SigLIP).
 *
 *     nj_clip_new(weights, NULL, NJ_F32, cpu, &clip, &err);
 *     e = nj_clip_encode_image(s, clip, image, NULL);
 */
#ifndef NJ_MODEL_CLIP_H
#define NJ_MODEL_CLIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/observer.h"
#include "torch/th_recorded.h"
#include "weights/card.h"
#include "weights/weights.h"

/* What shapes do not say. Zero: as OpenAI has it. */
typedef struct nj_clip_hints {
    int vision_heads; /* 0: width / 64, at least 1 */
    int text_heads;   /* 0: width / 64, at least 1 */
    bool gelu;        /* GELU by erf instead of x sigmoid(1.702 x) */
} nj_clip_hints;

typedef struct nj_clip_config {
    int embed;      /* width of embeddings */
    int image_size; /* side of the input image */
    bool resnet;
    int patch;            /* transformer only */
    int vision_width;     /* of the transformer; of the ResNet's first layer */
    int vision_heads;     /* of the blocks; of the ResNet's pool */
    int vision_layers[4]; /* blocks; the transformer has them all in [0] */
    int vision_mlp;       /* transformer only */
    int context;          /* tokens of a text, start and end included */
    int vocabulary;
    int text_width;
    int text_heads;
    int text_layers;
    int text_mlp;
    bool gelu;
} nj_clip_config;

typedef struct nj_clip nj_clip;

/* Random weights for the card's network, under OpenAI's names. *out is freed
 * with nj_weights_free. */
nj_status nj_clip_make_up(const nj_clip_card *card, nj_weights **out,
                          nj_err *err) NJ_MUST_USE;

/* Reads the configuration, checks that the file holds exactly that network, and
 * converts to dtype; hints may be NULL. NJ_E_FORMAT names the first wrong
 * tensor, what was found and what was expected. *out owns its tensors and
 * borrows nothing; freed with nj_clip_free. */
nj_status nj_clip_new(const nj_weights *weights, const nj_clip_hints *hints,
                      nj_dtype dtype, th_device device, nj_clip **out,
                      nj_err *err) NJ_MUST_USE;
void nj_clip_free(nj_clip *c);

/* The text tower's tensors go; texts cannot be encoded until it is there
 * again. */
void nj_clip_drop_text(nj_clip *c);
bool nj_clip_has_text(const nj_clip *c);
/* Converts the text tower again, from the same file. */
nj_status nj_clip_load_text(nj_clip *c, const nj_weights *weights,
                            nj_err *err) NJ_MUST_USE;

const nj_clip_config *nj_clip_shape(const nj_clip *c);

/* exp(logit_scale): cosines times this are the public code's logits. */
double nj_clip_logit_scale(const nj_clip *c);

/* Whether CUDA plays the image tower back, as nj_unet_record; in the memory of
 * what is `beside` or `around` it (th_recording_new; each may be NULL). */
void nj_clip_record(nj_clip *c, bool on, const nj_clip *beside,
                    const th_recording *around);

/* image [B,3,S,S] with S = image_size, normalised with CLIP's mean and
 * deviation -> [B,embed] in the dtype of image; derivable by image. The
 * observer (may be NULL) sees patch_embedding, after_ln_pre, after_block_N, or
 * after_stem, after_layer1..4. */
th_tensor *nj_clip_encode_image(th_scope *s, const nj_clip *c,
                                const th_tensor *image,
                                const nj_observer *observer);

/* ids: `texts` rows of `context` ids, start token first, zeros behind the end
 * token -> [texts,embed] float32. An id outside of the vocabulary is
 * NJ_E_INTERNAL. The observer (may be NULL) sees text_after_block_N
 * [texts,context,text_width]. */
th_tensor *nj_clip_encode_text(th_scope *s, const nj_clip *c,
                               const int64_t *ids, size_t texts,
                               const nj_observer *observer);

#endif
