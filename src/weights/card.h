/* Model cards: JSON files that say what a checkpoint is, where it comes from
 * and which flags its network has. Names of flags are guided-diffusion's. */
#ifndef NJ_WEIGHTS_CARD_H
#define NJ_WEIGHTS_CARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"

#define NJ_CARD_LEVELS_MAX 12
#define NJ_CARD_BLOCKS_MAX 64 /* num_res_blocks */

/* Skip connections of the largest UNet: each block of the encoder, the first
 * convolution, and between levels what makes the picture smaller. */
#define NJ_CARD_SKIPS_MAX (NJ_CARD_LEVELS_MAX * (NJ_CARD_BLOCKS_MAX + 1))

/* Flags of a guided-diffusion UNet. */
typedef struct nj_unet_card {
    int image_size;
    int num_channels;
    int num_res_blocks;
    double channel_mult[NJ_CARD_LEVELS_MAX];
    int levels;                           /* entries of channel_mult */
    int attention_ds[NJ_CARD_LEVELS_MAX]; /* image_size / resolution each */
    int attentions;
    int num_heads;
    int num_head_channels;  /* -1: num_heads counts */
    int num_heads_upsample; /* -1: as num_heads */
    int num_classes;        /* 0: unconditional */
    bool learn_sigma;
    bool use_scale_shift_norm;
    bool resblock_updown;
    bool conv_resample;
    bool use_new_attention_order;
    bool cosine; /* noise_schedule */
    bool rescale_timesteps;
    int diffusion_steps;
} nj_unet_card;

/* Reads the object `unet` of a card (or the object itself when it has no
 * member `unet`) from JSON text; unknown keys are ignored, a wrong value
 * names the key and what was expected. Defaults are guided-diffusion's; an
 * empty channel_mult stands for its default for image_size. channel_mult and
 * attention_resolutions are lists or texts such as "0.5,1,1,2". */
nj_status nj_unet_card_parse(const char *json, size_t n, nj_unet_card *out,
                             nj_err *err) NJ_MUST_USE;
nj_status nj_unet_card_from(const cJSON *card, nj_unet_card *out,
                            nj_err *err) NJ_MUST_USE;
nj_status nj_unet_card_read(const char *path, nj_unet_card *out,
                            nj_err *err) NJ_MUST_USE;

/* What a card's object `clip` says about a network. */
typedef struct nj_clip_card {
    int embed_dim;
    int image_size; /* side of the input picture */
    int patch_size; /* divides image_size; 0: a ResNet */
    int vision_layers;
    int resnet_layers[4]; /* instead, of a ResNet */
    int vision_width;     /* of a ResNet: of its first layer */
    int text_layers;
    int text_width;
    int context_length;
    int vocab_size;
} nj_clip_card;

/* Reads it from a whole card or from the object itself. NJ_E_FORMAT names the
 * key that is missing or wrong. */
nj_status nj_clip_card_from(const cJSON *card, nj_clip_card *out,
                            nj_err *err) NJ_MUST_USE;
nj_status nj_clip_card_read(const char *path, nj_clip_card *out,
                            nj_err *err) NJ_MUST_USE;

/* Factor that width and height must be multiples of: 2^(levels-1). */
int nj_unet_card_factor(const nj_unet_card *card);

/* Whether blocks have attention where the picture is 1/downsampling. */
bool nj_unet_card_attends(const nj_unet_card *card, int downsampling);
/* The same for a level from 0, where it is 1/2^level. */
bool nj_unet_card_attends_at(const nj_unet_card *card, int level);

#endif
