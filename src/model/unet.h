/* UNet: the noise-predicting network of guided-diffusion (Dhariwal & Nichol
 * 2021, "Diffusion models beat GANs on image synthesis"; public code
 * openai/guided-diffusion, unet.py), with all its flags.
 *
 * Weights are converted once and frozen; the forward pass can be derived with
 * respect to x. Not for: training, classifier networks, super-resolution nets
 * that take a second image.
 *
 *     nj_unet_new(weights, &card, NJ_F32, cpu, &unet, &err);
 *     out = nj_unet_forward(s, unet, x, t, NULL, NULL);
 */
#ifndef NJ_MODEL_UNET_H
#define NJ_MODEL_UNET_H

#include "base/err.h"
#include "model/observer.h"
#include "torch/th_recorded.h"
#include "weights/card.h"
#include "weights/weights.h"

typedef struct nj_unet nj_unet;

/* Random weights for the card's network. *out is freed with nj_weights_free. */
nj_status nj_unet_make_up(const nj_unet_card *card, nj_weights **out,
                          nj_err *err) NJ_MUST_USE;

/* Checks that the card makes sense and that the file holds exactly its network,
 * then converts: NJ_E_USAGE for the card, NJ_E_FORMAT for the file, which names
 * the first wrong tensor. dtype is that of convolutions and attention; norms,
 * the timestep embedding and the last convolution stay in float32, as in the
 * public code. *out owns its tensors and borrows nothing; freed with
 * nj_unet_free. */
nj_status nj_unet_new(const nj_weights *weights, const nj_unet_card *card,
                      nj_dtype dtype, th_device device, nj_unet **out,
                      nj_err *err) NJ_MUST_USE;
void nj_unet_free(nj_unet *u);

/* Whether the backward pass runs each block once more instead of keeping what
 * it computed: a third of the memory, half as long again, the same numbers. An
 * observer sees blocks only where they are kept. At first it does not. */
void nj_unet_recompute(nj_unet *u, bool on);

/* Whether CUDA plays forward and backward pass back (th_recorded), which keeps
 * their memory; off forgets what was recorded. Not under an observer. At first
 * it does not. */
void nj_unet_record(nj_unet *u, bool on);
/* NULL when off; the network's. */
const th_recording *nj_unet_recording(const nj_unet *u);

const nj_unet_card *nj_unet_flags(const nj_unet *u);

/* x [B,3,H,W], timesteps [B] float32 in 0..1000 (rescaled ones may have
 * fractions), classes [B] int64 or NULL when the network has none -> [B,3 or
 * 6,H,W] in the dtype of x. H and W are multiples of
 * nj_unet_card_factor(card). The observer sees timestep_embedding, emb,
 * input_blocks.N, middle_block[.N], output_blocks.N; it may be NULL. */
th_tensor *nj_unet_forward(th_scope *s, const nj_unet *u, const th_tensor *x,
                           const th_tensor *timesteps, const th_tensor *classes,
                           const nj_observer *observer);

#endif
