/* The UNet's layout: which modules a card asks for, with which channels and
 * names. Follows the order of guided-diffusion's unet.py, because numbers in
 * tensor names count modules in that order. */
#include "model/unet_layout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define CHANNELS_MAX   65536
#define IMAGE_CHANNELS 3

struct builder {
    nj_params *p;
    nj_unet *u;
    nj_block *block;  /* being filled */
    int channels;     /* of what flows */
    int downsampling; /* factor so far */
    int heads;        /* where num_head_channels does not count */
};

static int level_channels(const nj_unet_card *card, int level)
{
    return (int)(card->num_channels * card->channel_mult[level]);
}

static nj_status check_heads(const char *flag, int value, int channels,
                             nj_err *err)
{
    if (value >= 1 && channels % value == 0)
        return NJ_OK;
    return nj_fail(err, NJ_E_USAGE, "%s %d does not divide %d channels", flag,
                   value, channels);
}

/* Heads of the attention at a level; `up`: in the decoder too. */
static nj_status check_attention(const nj_unet_card *card, int channels,
                                 bool up, nj_err *err)
{
    nj_status status;

    if (card->num_head_channels != -1)
        return check_heads("num_head_channels", card->num_head_channels,
                           channels, err);
    status = check_heads("num_heads", card->num_heads, channels, err);
    if (status != NJ_OK || !up || card->num_heads_upsample == -1)
        return status;
    return check_heads("num_heads_upsample", card->num_heads_upsample, channels,
                       err);
}

/* Channels of each level, and heads where attention sits (the middle block
 * has it always). */
static nj_status check_levels(const nj_unet_card *card, nj_err *err)
{
    for (int i = 0; i < card->levels; i++) {
        double wanted = card->num_channels * card->channel_mult[i];
        int channels;
        nj_status status;

        if (!(wanted >= NJ_UNET_GROUPS && wanted <= CHANNELS_MAX) ||
            (int)wanted % NJ_UNET_GROUPS)
            return nj_fail(err, NJ_E_USAGE,
                           "channel_mult entry %d makes %g channels, expected "
                           "a multiple of %d up to %d",
                           i, wanted, NJ_UNET_GROUPS, CHANNELS_MAX);
        channels = (int)wanted;
        if (!nj_unet_card_attends_at(card, i) && i != card->levels - 1)
            continue;
        status = check_attention(card, channels,
                                 nj_unet_card_attends_at(card, i), err);
        if (status != NJ_OK)
            return status;
    }
    return NJ_OK;
}

static nj_status check_card(const nj_unet_card *card, nj_err *err)
{
    if (card->levels < 1 || card->levels > NJ_CARD_LEVELS_MAX)
        return nj_fail(err, NJ_E_USAGE,
                       "channel_mult has %d entries, expected 1 to %d",
                       card->levels, NJ_CARD_LEVELS_MAX);
    if (card->num_res_blocks < 1 || card->num_res_blocks > NJ_CARD_BLOCKS_MAX)
        return nj_fail(err, NJ_E_USAGE,
                       "num_res_blocks is %d, expected 1 to %d",
                       card->num_res_blocks, NJ_CARD_BLOCKS_MAX);
    if (card->num_channels < 2 || card->num_channels > CHANNELS_MAX ||
        card->num_channels % 2)
        return nj_fail(err, NJ_E_USAGE,
                       "num_channels is %d, expected an even number up to %d",
                       card->num_channels, CHANNELS_MAX);
    if (card->num_classes < 0)
        return nj_fail(err, NJ_E_USAGE, "num_classes is %d, expected 0 or more",
                       card->num_classes);
    return check_levels(card, err);
}

nj_status nj_unet_layout(const nj_unet_card *card, nj_unet **out, nj_err *err)
{
    nj_status status = check_card(card, err);
    nj_unet *u;

    *out = NULL;
    if (status != NJ_OK)
        return status;
    u = nj_calloc(1, sizeof(*u));
    if (!u)
        return nj_fail(err, NJ_E_MEMORY, "out of memory");
    u->card = *card;
    u->inputs = (card->num_res_blocks + 1) * card->levels;
    u->outputs = u->inputs;
    u->input = nj_calloc((size_t)u->inputs, sizeof(*u->input));
    u->output = nj_calloc((size_t)u->outputs, sizeof(*u->output));
    if (!u->input || !u->output) {
        nj_unet_free(u);
        return nj_fail(err, NJ_E_MEMORY, "out of memory");
    }
    *out = u;
    return NJ_OK;
}

/* Starts a block; its modules follow by add_*. */
static size_t start_block(struct builder *b, nj_block *block, const char *tower,
                          int number)
{
    if (number < 0)
        snprintf(block->name, sizeof(block->name), "%s", tower);
    else
        snprintf(block->name, sizeof(block->name), "%s.%d", tower, number);
    block->count = 0;
    b->block = block;
    return nj_params_enter(b->p, "%s", block->name);
}

static void end_block(struct builder *b, size_t before)
{
    b->block->channels = b->channels;
    nj_params_leave(b->p, before);
}

static nj_module *next_module(struct builder *b, nj_module_kind kind)
{
    nj_module *m = &b->block->at[b->block->count++];

    memset(m, 0, sizeof(*m));
    m->kind = kind;
    return m;
}

/* Linear layers of the embedding and the last layers are float32 in every
 * precision, as in the public code. */
static nj_layer take_linear_f32(nj_params *p, const char *name, int64_t out,
                                int64_t in)
{
    nj_dtype dtype = p->dtype;
    nj_layer l;

    p->dtype = NJ_F32;
    l = nj_take_linear(p, name, out, in);
    p->dtype = dtype;
    return l;
}

/* emb_layers.1 among those of all blocks, which are one product: u->emb. */
static void take_embedding(struct builder *b, nj_residual *r, int64_t size)
{
    nj_unet *u = b->u;
    th_scope *t = b->p->scope ? th_scope_new(b->p->scope) : NULL;
    size_t before = nj_params_enter(b->p, "emb_layers.1");

    r->emb_first = u->emb_size;
    r->emb_size = size;
    u->emb_size += size;
    nj_params_take_into(
        b->p, t ? th_narrow(t, u->emb.weight, 0, r->emb_first, size) : NULL,
        "weight", NJ_SHAPE(size, 4 * u->card.num_channels));
    nj_params_take_into(
        b->p, t ? th_narrow(t, u->emb.bias, 0, r->emb_first, size) : NULL,
        "bias", NJ_SHAPE(size));
    nj_params_leave(b->p, before);
    th_scope_free(t);
}

static void add_residual(struct builder *b, int out, nj_resample resample)
{
    const nj_unet_card *card = &b->u->card;
    size_t before = nj_params_enter(b->p, "%d", b->block->count);
    nj_residual *r = &next_module(b, NJ_MODULE_RESIDUAL)->residual;
    int in = b->channels;

    r->resample = resample;
    r->scale_shift = card->use_scale_shift_norm;
    r->in_norm = nj_take_norm(b->p, "in_layers.0", in);
    r->in_conv = nj_take_conv(b->p, "in_layers.2", out, in, 3);
    take_embedding(b, r, r->scale_shift ? 2 * out : out);
    r->out_norm = nj_take_norm(b->p, "out_layers.0", out);
    r->out_conv = nj_take_conv(b->p, "out_layers.3", out, out, 3);
    if (in != out)
        r->skip = nj_take_conv(b->p, "skip_connection", out, in, 1);
    b->channels = out;
    nj_params_leave(b->p, before);
}

/* <name>.weight [out,in,1] as [out,in]: a convolution over single tokens. */
static nj_layer take_token_conv(nj_params *p, const char *name, int64_t out,
                                int64_t in)
{
    const int64_t flat[2] = {out, in};
    size_t before = nj_params_enter(p, "%s", name);
    nj_layer l = {0};

    l.weight = nj_params_take(p, "weight", NJ_SHAPE(out, in, 1));
    if (p->scope)
        l.weight = th_reshape(p->scope, l.weight, 2, flat);
    l.bias = nj_params_take(p, "bias", NJ_SHAPE(out));
    nj_params_leave(p, before);
    return l;
}

static void add_attention(struct builder *b)
{
    const nj_unet_card *card = &b->u->card;
    size_t before = nj_params_enter(b->p, "%d", b->block->count);
    nj_attention *a = &next_module(b, NJ_MODULE_ATTENTION)->attention;
    int c = b->channels;

    a->heads =
        card->num_head_channels == -1 ? b->heads : c / card->num_head_channels;
    a->order = card->use_new_attention_order ? NJ_QKV_FIRST : NJ_HEADS_FIRST;
    a->norm = nj_take_norm(b->p, "norm", c);
    a->qkv = take_token_conv(b->p, "qkv", 3 * c, c);
    a->proj = take_token_conv(b->p, "proj_out", c, c);
    nj_params_leave(b->p, before);
}

/* Between two levels: a residual block that resamples, or a plain module. */
static void add_resample(struct builder *b, nj_resample resample)
{
    size_t before;
    nj_module *m;

    if (b->u->card.resblock_updown) {
        add_residual(b, b->channels, resample);
        return;
    }
    before = nj_params_enter(b->p, "%d", b->block->count);
    m = next_module(b, NJ_MODULE_RESAMPLE);
    m->resample = resample;
    if (b->u->card.conv_resample)
        m->conv = nj_take_conv(b->p, resample == NJ_HALVE ? "op" : "conv",
                               b->channels, b->channels, 3);
    nj_params_leave(b->p, before);
}

/* How much of it there is for all blocks is known from the build that checked
 * the file. */
static void build_embedding(nj_params *p, nj_unet *u)
{
    int64_t c = u->card.num_channels;
    int64_t width = 4 * c;
    const int64_t shape[2] = {u->emb_size, width};

    if (p->scope) {
        u->emb.weight = th_zeros(p->scope, NJ_F32, p->device, 2, shape);
        u->emb.bias = th_zeros(p->scope, NJ_F32, p->device, 1, shape);
    }
    u->emb_size = 0;

    u->time[0] = take_linear_f32(p, "time_embed.0", width, c);
    u->time[1] = take_linear_f32(p, "time_embed.2", width, width);
    u->labels = u->card.num_classes
                    ? nj_params_take_as(p, NJ_F32, "label_emb.weight",
                                        NJ_SHAPE(u->card.num_classes, width))
                    : NULL;
}

static void build_input(struct builder *b)
{
    const nj_unet_card *card = &b->u->card;
    int first = level_channels(card, 0);
    int n = 0;
    size_t before = start_block(b, &b->u->input[n], "input_blocks", n);

    next_module(b, NJ_MODULE_CONV)->conv =
        nj_take_conv(b->p, "0", first, IMAGE_CHANNELS, 3);
    b->channels = first;
    end_block(b, before);
    for (int level = 0; level < card->levels; level++) {
        for (int i = 0; i < card->num_res_blocks; i++) {
            n++;
            before = start_block(b, &b->u->input[n], "input_blocks", n);
            add_residual(b, level_channels(card, level), NJ_KEEP);
            if (nj_unet_card_attends(card, b->downsampling))
                add_attention(b);
            end_block(b, before);
        }
        if (level == card->levels - 1)
            continue;
        n++;
        before = start_block(b, &b->u->input[n], "input_blocks", n);
        add_resample(b, NJ_HALVE);
        b->downsampling *= 2;
        end_block(b, before);
    }
}

static void build_middle(struct builder *b)
{
    size_t before = start_block(b, &b->u->middle, "middle_block", -1);

    add_residual(b, b->channels, NJ_KEEP);
    add_attention(b);
    add_residual(b, b->channels, NJ_KEEP);
    end_block(b, before);
}

static void build_output(struct builder *b)
{
    const nj_unet_card *card = &b->u->card;
    int n = 0;

    for (int level = card->levels - 1; level >= 0; level--) {
        for (int i = 0; i <= card->num_res_blocks; i++, n++) {
            size_t before =
                start_block(b, &b->u->output[n], "output_blocks", n);

            b->channels += b->u->input[b->u->inputs - 1 - n].channels;
            add_residual(b, level_channels(card, level), NJ_KEEP);
            if (nj_unet_card_attends(card, b->downsampling))
                add_attention(b);
            if (level > 0 && i == card->num_res_blocks) {
                add_resample(b, NJ_DOUBLE);
                b->downsampling /= 2;
            }
            end_block(b, before);
        }
    }
}

void nj_unet_build(nj_params *p, void *net)
{
    nj_unet *u = net;
    struct builder b = {
        .p = p, .u = u, .downsampling = 1, .heads = u->card.num_heads};
    nj_dtype dtype = p->dtype;

    build_embedding(p, u);
    build_input(&b);
    build_middle(&b);
    if (u->card.num_heads_upsample != -1)
        b.heads = u->card.num_heads_upsample;
    build_output(&b);
    p->dtype = NJ_F32;
    u->out_norm = nj_take_norm(p, "out.0", b.channels);
    u->out_conv =
        nj_take_conv(p, "out.2", u->card.learn_sigma ? 6 : 3, b.channels, 3);
    p->dtype = dtype;
}
