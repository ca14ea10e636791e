/* CLIP's parts and how they are put together; shared by clip*.c only. */
#ifndef NJ_MODEL_CLIP_LAYOUT_H
#define NJ_MODEL_CLIP_LAYOUT_H

#include <stdbool.h>

#include "model/clip.h"
#include "model/layers.h"
#include "model/params.h"

/* Where a kind of file keeps what. Names of the image tower are those of the
 * vision transformer; ResNets exist under OpenAI's names only. */
typedef struct nj_clip_names {
    const char *patch;
    const char *class_embedding;
    const char *vision_positions;
    const char *ln_pre;
    const char *vision_blocks;
    const char *ln_post;
    const char *vision_projection;
    const char *token_embedding;
    const char *text_positions;
    const char *text_blocks;
    const char *ln_final;
    const char *text_projection;
    /* within a block */
    const char *ln_1;
    const char *in_weight[3]; /* q, k, v, or all in the first */
    const char *in_bias[3];
    const char *out_proj;
    const char *ln_2;
    const char *fc;
    const char *proj;
    bool split;      /* q, k, v are three tensors */
    bool transposed; /* projections are [embed,width] */
} nj_clip_names;

/* Residual attention block of a transformer. */
typedef struct nj_clip_block {
    nj_layer ln_1;
    nj_layer in_proj; /* [3w,w]: q, k, v */
    nj_layer out_proj;
    nj_layer ln_2;
    nj_layer fc;
    nj_layer proj;
} nj_clip_block;

typedef struct nj_transformer {
    nj_clip_block *blocks;
    int count;
    int width;
    int mlp;
    int heads;
    bool causal;
    bool gelu;
} nj_transformer;

typedef struct nj_clip_vit {
    th_tensor *patch;           /* [w,3,p,p] */
    th_tensor *class_embedding; /* [w] */
    th_tensor *positions;       /* [1+g*g,w] */
    nj_layer ln_pre;
    nj_transformer transformer;
    nj_layer ln_post;
    nj_layer projection; /* [embed,w], no bias */
} nj_clip_vit;

/* Convolutions have their batch norm folded in. */
typedef struct nj_bottleneck {
    nj_layer conv[3];
    nj_layer shortcut; /* NULLs: the input itself */
    int stride;
} nj_bottleneck;

typedef struct nj_clip_resnet {
    nj_layer stem[3];
    nj_bottleneck *blocks; /* of all four layers */
    th_tensor *positions;  /* [1+g*g,32w] */
    nj_layer q;
    nj_layer k;
    nj_layer v;
    nj_layer c;
} nj_clip_resnet;

typedef struct nj_clip_text {
    th_tensor *tokens;    /* [vocabulary,w] */
    th_tensor *positions; /* [context,w] */
    nj_transformer transformer;
    nj_layer ln_final;
    nj_layer projection; /* [embed,w], no bias */
} nj_clip_text;

struct nj_clip {
    nj_clip_config config;
    const nj_clip_names *names;
    th_scope *scope;         /* owns all but the text tower */
    th_scope *text_scope;    /* owns that; NULL while it is not there */
    th_recording *recording; /* of the image tower, or NULL */
    nj_dtype dtype;
    th_device device;
    double logit_scale;
    nj_clip_vit vit;
    nj_clip_resnet resnet;
    nj_clip_text text;
};

/* clip_names.c: which kind of file this is, and its configuration. */
nj_status nj_clip_names_of(const nj_weights *weights, const nj_clip_names **out,
                           nj_err *err) NJ_MUST_USE;
const nj_clip_names *nj_clip_default_names(void); /* OpenAI's */
nj_status nj_clip_read_config(const nj_weights *weights,
                              const nj_clip_names *names,
                              const nj_clip_hints *hints, nj_clip_config *out,
                              nj_err *err) NJ_MUST_USE;

/* clip_block.c. The observer sees "<word>after_block_N". */
void nj_transformer_build(nj_params *p, const nj_clip_names *names,
                          const char *blocks, nj_transformer *t);
/* Runs all blocks on *h [B,T,w]. */
void nj_transformer_run(th_scope *s, const nj_transformer *t, nj_held *h,
                        const char *word, const nj_observer *o);
/* [embed,w] from either form. */
nj_layer nj_clip_take_projection(nj_params *p, const nj_clip_names *names,
                                 const char *name, int width, int embed);
th_tensor *nj_layer_norm(th_scope *s, const nj_layer *l, const th_tensor *x);

/* The towers: build takes their tensors; run gives [B,embed]. */
void nj_clip_vit_build(nj_params *p, nj_clip *c);
th_tensor *nj_clip_vit_run(th_scope *s, const nj_clip *c,
                           const th_tensor *image, const nj_observer *o);
void nj_clip_resnet_build(nj_params *p, nj_clip *c);
th_tensor *nj_clip_resnet_run(th_scope *s, const nj_clip *c,
                              const th_tensor *image, const nj_observer *o);
void nj_clip_text_build(nj_params *p, nj_clip *c);

#endif
