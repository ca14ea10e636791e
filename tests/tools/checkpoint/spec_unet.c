/* Tensors of guided-diffusion's UNet, in the order of its state_dict
 * (guided_diffusion/unet.py, UNetModel). */
#include "spec.h"

#include <stdio.h>

#define BLOCKS_MAX 1024

struct unet {
    spec *s;
    const nj_unet_card *card;
    int64_t embedding;
    int64_t channels;          /* of the block being added to */
    int64_t skips[BLOCKS_MAX]; /* channels of each input block */
    int skip_count;
    int scale; /* downsampling factor */
};

static int64_t level_channels(const nj_unet_card *c, int level)
{
    return (int64_t)(c->channel_mult[level] * c->num_channels);
}

static void res_block(struct unet *u, const char *prefix, int64_t in,
                      int64_t out)
{
    bool film = u->card->use_scale_shift_norm;

    spec_add_norm(u->s, in, "%s.in_layers.0", prefix);
    spec_add_layer(u->s, (spec_layer){.out = out, .in = in, .kernel = 3},
                   "%s.in_layers.2", prefix);
    spec_add_layer(u->s,
                   (spec_layer){.out = film ? 2 * out : out,
                                .in = u->embedding,
                                .gain = 0.1},
                   "%s.emb_layers.1", prefix);
    spec_add_norm(u->s, out, "%s.out_layers.0", prefix);
    /* Zero in a new network; here small, so that the branch counts but does
     * not grow the sum over dozens of blocks. */
    spec_add_layer(
        u->s, (spec_layer){.out = out, .in = out, .kernel = 3, .gain = 0.3},
        "%s.out_layers.3", prefix);
    if (in != out)
        spec_add_layer(u->s, (spec_layer){.out = out, .in = in, .kernel = 1},
                       "%s.skip_connection", prefix);
}

static void attention(struct unet *u, const char *prefix, int64_t channels)
{
    spec_add_norm(u->s, channels, "%s.norm", prefix);
    spec_add_layer(
        u->s, (spec_layer){.out = 3 * channels, .in = channels, .kernel = -1},
        "%s.qkv", prefix);
    spec_add_layer(
        u->s,
        (spec_layer){
            .out = channels, .in = channels, .kernel = -1, .gain = 0.3},
        "%s.proj_out", prefix);
}

static bool attends(const struct unet *u)
{
    for (int i = 0; i < u->card->attentions; i++) {
        if (u->card->attention_ds[i] == u->scale)
            return true;
    }
    return false;
}

static void push_skip(struct unet *u)
{
    if (u->skip_count < BLOCKS_MAX)
        u->skips[u->skip_count++] = u->channels;
}

static void downsample(struct unet *u)
{
    char name[SPEC_NAME_MAX];

    snprintf(name, sizeof(name), "input_blocks.%d.0", u->skip_count);
    if (u->card->resblock_updown)
        res_block(u, name, u->channels, u->channels);
    else if (u->card->conv_resample)
        spec_add_layer(
            u->s,
            (spec_layer){.out = u->channels, .in = u->channels, .kernel = 3},
            "%s.op", name);
    push_skip(u);
    u->scale *= 2;
}

static void input_level(struct unet *u, int level)
{
    for (int i = 0; i < u->card->num_res_blocks; i++) {
        char name[SPEC_NAME_MAX];
        int64_t out = level_channels(u->card, level);

        snprintf(name, sizeof(name), "input_blocks.%d.0", u->skip_count);
        res_block(u, name, u->channels, out);
        u->channels = out;
        snprintf(name, sizeof(name), "input_blocks.%d.1", u->skip_count);
        if (attends(u))
            attention(u, name, out);
        push_skip(u);
    }
    if (level + 1 < u->card->levels)
        downsample(u);
}

static void upsample(struct unet *u, int block, int module)
{
    char name[SPEC_NAME_MAX];

    snprintf(name, sizeof(name), "output_blocks.%d.%d", block, module);
    if (u->card->resblock_updown)
        res_block(u, name, u->channels, u->channels);
    else if (u->card->conv_resample)
        spec_add_layer(
            u->s,
            (spec_layer){.out = u->channels, .in = u->channels, .kernel = 3},
            "%s.conv", name);
    u->scale /= 2;
}

static void output_level(struct unet *u, int level, int *block)
{
    for (int i = 0; i <= u->card->num_res_blocks; i++, (*block)++) {
        char name[SPEC_NAME_MAX];
        int64_t out = level_channels(u->card, level);
        int module = 1;

        snprintf(name, sizeof(name), "output_blocks.%d.0", *block);
        res_block(u, name, u->channels + u->skips[--u->skip_count], out);
        u->channels = out;
        snprintf(name, sizeof(name), "output_blocks.%d.1", *block);
        if (attends(u)) {
            attention(u, name, out);
            module = 2;
        }
        if (level && i == u->card->num_res_blocks)
            upsample(u, *block, module);
    }
}

static void head(struct unet *u)
{
    int64_t c = u->card->num_channels;

    spec_add_layer(u->s, (spec_layer){.out = u->embedding, .in = c},
                   "time_embed.0");
    spec_add_layer(u->s, (spec_layer){.out = u->embedding, .in = u->embedding},
                   "time_embed.2");
    if (u->card->num_classes)
        spec_add(u->s, (spec_shape){2, {u->card->num_classes, u->embedding}},
                 NJ_F32, SPEC_NORMAL, 0.02, "label_emb.weight");
    u->channels = level_channels(u->card, 0);
    spec_add_layer(u->s, (spec_layer){.out = u->channels, .in = 3, .kernel = 3},
                   "input_blocks.0.0");
    push_skip(u);
}

nj_status spec_unet(spec *s, const cJSON *flags, nj_err *err)
{
    nj_unet_card card;
    struct unet u = {.s = s, .card = &card, .scale = 1};
    nj_status status = nj_unet_card_from(flags, &card, err);
    int64_t first;
    int block = 0;

    if (status != NJ_OK)
        return status;
    u.embedding = 4 * (int64_t)card.num_channels;
    head(&u);
    first = u.channels;
    for (int level = 0; level < card.levels; level++)
        input_level(&u, level);
    res_block(&u, "middle_block.0", u.channels, u.channels);
    attention(&u, "middle_block.1", u.channels);
    res_block(&u, "middle_block.2", u.channels, u.channels);
    for (int level = card.levels - 1; level >= 0; level--)
        output_level(&u, level, &block);
    spec_add_norm(s, u.channels, "out.0");
    spec_add_layer(
        s,
        (spec_layer){.out = card.learn_sigma ? 6 : 3, .in = first, .kernel = 3},
        "out.2");
    return NJ_OK;
}
