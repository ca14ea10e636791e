/* The UNet as a list of modules, in the public code's numbering: block N of a
 * tower holds modules N.0, N.1, ... Built from a card by unet_build.c, run by
 * unet_blocks.c and unet.c; nobody else includes this. */
#ifndef NJ_MODEL_UNET_LAYOUT_H
#define NJ_MODEL_UNET_LAYOUT_H

#include <stdbool.h>

#include "model/layers.h"
#include "model/params.h"
#include "model/unet.h"

typedef enum nj_resample { NJ_KEEP, NJ_HALVE, NJ_DOUBLE } nj_resample;

typedef enum nj_module_kind {
    NJ_MODULE_CONV, /* the first convolution */
    NJ_MODULE_RESIDUAL,
    NJ_MODULE_ATTENTION,
    NJ_MODULE_RESAMPLE /* down or up outside of a residual block */
} nj_module_kind;

typedef struct nj_residual {
    nj_layer in_norm;
    nj_layer in_conv;
    int64_t emb_first; /* where its part of the embedding begins */
    int64_t emb_size;
    nj_layer out_norm;
    nj_layer out_conv;
    nj_layer skip; /* NULLs where channels stay */
    nj_resample resample;
    bool scale_shift;
} nj_residual;

typedef struct nj_attention {
    nj_layer norm;
    nj_layer qkv;  /* [3C,C] */
    nj_layer proj; /* [C,C] */
    int heads;
    nj_qkv_order order;
} nj_attention;

typedef struct nj_module {
    nj_module_kind kind;
    nj_residual residual;
    nj_attention attention;
    nj_layer conv; /* of CONV and RESAMPLE; NULLs: pooling or nearest alone */
    nj_resample resample;
} nj_module;

#define NJ_BLOCK_MODULES 3
#define NJ_UNET_GROUPS   32 /* of every norm: channels must be a multiple */

typedef struct nj_block {
    char name[32]; /* "input_blocks.3" */
    nj_module at[NJ_BLOCK_MODULES];
    int count;
    int channels; /* of its output */
} nj_block;

struct nj_unet {
    nj_unet_card card;
    th_scope *scope;
    nj_dtype dtype;
    th_device device;
    bool recompute;          /* blocks, in the backward pass */
    th_recording *recording; /* of the whole network, or NULL */
    th_tensor *frequencies;  /* [1,C/2] f32 */
    nj_layer time[2];
    th_tensor *labels; /* [classes,4C] f32 or NULL */
    nj_layer emb;      /* [emb_size,4C] f32: those of all residual blocks */
    int64_t emb_size;
    nj_block *input;
    int inputs;
    nj_block middle;
    nj_block *output;
    int outputs;
    nj_layer out_norm;
    nj_layer out_conv;
};

/* Allocates the lists of blocks that the card asks for; NJ_E_USAGE when the
 * card makes no sense. Freed with nj_unet_free. */
nj_status nj_unet_layout(const nj_unet_card *card, nj_unet **out,
                         nj_err *err) NJ_MUST_USE;

/* Takes all tensors: a blueprint's build; net is a nj_unet. */
void nj_unet_build(nj_params *p, void *net);

/* Group norm of 32 groups, then SiLU or not: [B,C,H,W] -> the same. `through`
 * (or NULL) as in th_group_norm. */
th_tensor *nj_unet_norm(th_scope *s, const nj_layer *l, const th_tensor *x,
                        bool silu, th_tensor **through);

/* x [B,C,H,W], emb [B,emb_size] in x's type: what the embedding says to all
 * residual blocks -> [B,K,H,W] of the module; intermediates stay in s. */
th_tensor *nj_module_forward(th_scope *s, const nj_module *m,
                             const th_tensor *x, const th_tensor *emb);

#endif
