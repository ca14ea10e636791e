/* Work: see work.h. The UNet is walked block by block in the order of its
 * forward pass, and back again for the peak. */
#include "weights/work.h"

#include <math.h>
#include <stdbool.h>

#define BLOCKS_MAX 256

/* What one block leaves for the backward pass, in elements. */
struct block {
    double in;      /* its input */
    double skipped; /* of which this much came over a skip connection */
    double out;
    double kept;  /* besides what others keep */
    double extra; /* alive inside the block at once */
    bool is_skip; /* its output is kept for the decoder */
};

struct walk {
    const nj_unet_card *card;
    struct block blocks[BLOCKS_MAX];
    int count;
    double pixels; /* of the level */
    double embedding;
    double channels;
    nj_network_work sum;
};

static double larger(double a, double b)
{
    return a > b ? a : b;
}

static struct block *add_block(struct walk *w)
{
    static struct block beyond; /* deeper than any card allows */

    return w->count < BLOCKS_MAX ? &w->blocks[w->count++] : &beyond;
}

/* A convolution or linear layer: `rows` times in x out, `taps` weights each. */
static void add_product(struct walk *w, double rows, double in, double out,
                        double taps)
{
    double macs = rows * in * out * taps;

    w->sum.weights += in * out * taps + out;
    w->sum.forward += macs;
    w->sum.backward += macs;
}

/* Residual block; `scale` is 1, 1/4 (down) or 4 (up) times the pixels. */
static void add_residual(struct walk *w, double out, double scale,
                         double skipped)
{
    struct block *b = add_block(w);
    double in = w->channels;
    double after = w->pixels * scale;
    double ways = w->card->use_scale_shift_norm ? 2 : 1;
    double h = out * after;
    double x = in * w->pixels;
    double resampled = in * after;

    add_product(w, after, in, out, 9);
    add_product(w, after, out, out, 9);
    if (in != out)
        add_product(w, after, in, out, 1);
    w->sum.weights += 2 * in + 2 * out + (w->embedding + 1) * ways * out;
    w->sum.forward += w->embedding * ways * out;
    *b = (struct block){.in = x,
                        .skipped = skipped * w->pixels,
                        .out = h,
                        .kept = x + h,
                        .extra = larger(x + resampled + h, 3 * h) + h};
    w->sum.widest = larger(w->sum.widest, larger(x, larger(resampled, h)));
    w->channels = out;
    w->pixels = after;
}

static void add_attention(struct walk *w)
{
    struct block *b = add_block(w);
    double c = w->channels;
    double n = c * w->pixels;
    double scores = 2 * w->pixels * w->pixels * c;

    add_product(w, w->pixels, c, 3 * c, 1);
    add_product(w, w->pixels, c, c, 1);
    w->sum.weights += 2 * c;
    w->sum.forward += scores;
    w->sum.backward += 2.5 * scores;
    *b = (struct block){.in = n, .out = n, .kept = 5 * n, .extra = 6 * n};
}

/* The convolution behind a resampling, where the card has no blocks for it. */
static void add_resampling(struct walk *w, double scale)
{
    if (w->card->resblock_updown) {
        add_residual(w, w->channels, scale, 0);
        return;
    }
    struct block *b = add_block(w);
    double before = w->channels * w->pixels;

    w->pixels *= scale;
    if (w->card->conv_resample)
        add_product(w, w->pixels, w->channels, w->channels, 9);
    *b = (struct block){.in = before,
                        .out = w->channels * w->pixels,
                        .extra = w->channels * w->pixels};
}

static bool attends(const nj_unet_card *card, int level)
{
    const int factor = level < 31 ? 1 << level : 0;

    for (int i = 0; i < card->attentions; i++)
        if (card->attention_ds[i] == factor)
            return true;
    return false;
}

static void mark_skip(struct walk *w, double *skips, int *count)
{
    w->blocks[w->count - 1].is_skip = true;
    skips[(*count)++] = w->channels;
}

static void walk_down(struct walk *w, double *skips, int *count)
{
    const nj_unet_card *card = w->card;

    for (int level = 0; level < card->levels; level++) {
        double out = floor(card->channel_mult[level] * card->num_channels);

        for (int i = 0; i < card->num_res_blocks; i++) {
            add_residual(w, out, 1, 0);
            if (attends(card, level))
                add_attention(w);
            mark_skip(w, skips, count);
        }
        if (level + 1 < card->levels) {
            add_resampling(w, .25);
            mark_skip(w, skips, count);
        }
    }
}

static void walk_up(struct walk *w, const double *skips, int count)
{
    const nj_unet_card *card = w->card;

    for (int level = card->levels - 1; level >= 0; level--) {
        double out = floor(card->channel_mult[level] * card->num_channels);

        for (int i = 0; i <= card->num_res_blocks; i++) {
            double skip = skips[--count];

            w->channels += skip;
            add_residual(w, out, 1, skip);
            if (attends(card, level))
                add_attention(w);
            if (level > 0 && i == card->num_res_blocks)
                add_resampling(w, 4);
        }
    }
}

static void add_ends(struct walk *w, bool first)
{
    struct block *b = add_block(w);
    const nj_unet_card *card = w->card;
    double inner = floor(card->channel_mult[0] * card->num_channels);
    double colours = card->learn_sigma ? 6 : 3;
    double n = inner * w->pixels;

    if (first) {
        add_product(w, w->pixels, 3, inner, 9);
        *b = (struct block){.in = 3 * w->pixels, .out = n, .extra = n};
        w->channels = inner;
        return;
    }
    add_product(w, w->pixels, inner, colours, 9);
    w->sum.weights += 2 * inner;
    *b = (struct block){
        .in = n, .out = colours * w->pixels, .kept = n, .extra = 2 * n};
}

/* What is alive at most, forwards and then backwards. */
static double peak_of(const struct walk *w)
{
    double live = 0;
    double gradients = 0; /* that wait for the encoder */
    double peak = 0;

    for (int i = 0; i < w->count; i++) {
        const struct block *b = &w->blocks[i];

        peak = larger(peak, live + b->in + b->extra);
        live += b->kept;
    }
    for (int i = w->count - 1; i >= 0; i--) {
        const struct block *b = &w->blocks[i];

        peak = larger(peak, live + gradients + b->in + b->out + b->extra);
        live -= b->kept;
        gradients += b->skipped;
        if (b->is_skip)
            gradients -= b->out;
    }
    return peak;
}

nj_network_work nj_unet_work(const nj_unet_card *card, int width, int height)
{
    struct walk w = {.card = card, .pixels = (double)width * height};
    double skips[BLOCKS_MAX] = {0};
    double base = card->num_channels;
    int count = 0;

    w.embedding = 4 * base;
    w.sum.weights = (base + 1) * w.embedding + (w.embedding + 1) * w.embedding +
                    card->num_classes * w.embedding;
    w.sum.forward = base * w.embedding + w.embedding * w.embedding;
    add_ends(&w, true);
    mark_skip(&w, skips, &count);
    walk_down(&w, skips, &count);
    add_residual(&w, w.channels, 1, 0);
    add_attention(&w);
    add_residual(&w, w.channels, 1, 0);
    walk_up(&w, skips, count);
    add_ends(&w, false);
    for (int i = 0; i < w.count; i++)
        w.sum.kept += w.blocks[i].kept;
    w.sum.peak = peak_of(&w);
    return w.sum;
}

/* Blocks of a transformer: weights, and nothing else. */
static double transformer_weights(double width, double layers)
{
    return layers * (12 * width * width + 13 * width);
}

nj_network_work nj_clip_work(const nj_clip_card *card)
{
    double side = (double)card->image_size / card->patch_size;
    double patch = 3.0 * card->patch_size * card->patch_size;
    double width = card->vision_width;
    double text = card->text_width;
    double tokens = side * side + 1;
    double linear = tokens * 12 * width * width * card->vision_layers;
    double scores = 2 * tokens * tokens * width * card->vision_layers;
    double ends = side * side * width * patch + width * card->embed_dim;
    double pixels = 3.0 * card->image_size * card->image_size;
    nj_network_work w = {.forward = linear + scores + ends,
                         .backward = linear + 2.5 * scores + ends};

    w.weights = width * patch + width + tokens * width + 4 * width +
                transformer_weights(width, card->vision_layers) +
                width * card->embed_dim +
                (card->vocab_size + card->context_length) * text +
                transformer_weights(text, card->text_layers) + 2 * text +
                text * card->embed_dim + 1;
    /* Both norms' inputs, q k v, attention's result, the gate's input. */
    w.kept = card->vision_layers * 10 * width * tokens + 2 * tokens * width +
             2 * pixels;
    w.widest = larger(4 * width * tokens, pixels);
    w.peak = w.kept + 3 * w.widest;
    return w;
}
