/* Work: see work.h. The UNet is walked block by block in the order of its
 * forward pass. */
#include "weights/work.h"

#include <math.h>
#include <stdbool.h>

struct walk {
    const nj_unet_card *card;
    double pixels; /* of the level */
    double embedding;
    double channels;
    nj_network_work sum;
};

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
static void add_residual(struct walk *w, double out, double scale)
{
    double in = w->channels;
    double ways = w->card->use_scale_shift_norm ? 2 : 1;

    w->pixels *= scale;
    add_product(w, w->pixels, in, out, 9);
    add_product(w, w->pixels, out, out, 9);
    if (in != out)
        add_product(w, w->pixels, in, out, 1);
    w->sum.weights += 2 * in + 2 * out + (w->embedding + 1) * ways * out;
    w->sum.forward += w->embedding * ways * out;
    w->channels = out;
}

static void add_attention(struct walk *w)
{
    double c = w->channels;
    double scores = 2 * w->pixels * w->pixels * c;

    add_product(w, w->pixels, c, 3 * c, 1);
    add_product(w, w->pixels, c, c, 1);
    w->sum.weights += 2 * c;
    w->sum.forward += scores;
    w->sum.backward += 2.5 * scores;
}

/* The convolution behind a resampling, where the card has no blocks for it. */
static void add_resampling(struct walk *w, double scale)
{
    if (w->card->resblock_updown) {
        add_residual(w, w->channels, scale);
        return;
    }
    w->pixels *= scale;
    if (w->card->conv_resample)
        add_product(w, w->pixels, w->channels, w->channels, 9);
}

static void walk_down(struct walk *w, double *skips, int *count)
{
    const nj_unet_card *card = w->card;

    for (int level = 0; level < card->levels; level++) {
        double out = floor(card->channel_mult[level] * card->num_channels);

        for (int i = 0; i < card->num_res_blocks; i++) {
            add_residual(w, out, 1);
            if (nj_unet_card_attends_at(card, level))
                add_attention(w);
            skips[(*count)++] = w->channels;
        }
        if (level + 1 < card->levels) {
            add_resampling(w, .25);
            skips[(*count)++] = w->channels;
        }
    }
}

static void walk_up(struct walk *w, const double *skips, int count)
{
    const nj_unet_card *card = w->card;

    for (int level = card->levels - 1; level >= 0; level--) {
        double out = floor(card->channel_mult[level] * card->num_channels);

        for (int i = 0; i <= card->num_res_blocks; i++) {
            w->channels += skips[--count];
            add_residual(w, out, 1);
            if (nj_unet_card_attends_at(card, level))
                add_attention(w);
            if (level > 0 && i == card->num_res_blocks)
                add_resampling(w, 4);
        }
    }
}

nj_network_work nj_unet_work(const nj_unet_card *card, int width, int height)
{
    struct walk w = {.card = card, .pixels = (double)width * height};
    double skips[NJ_CARD_SKIPS_MAX] = {0};
    double base = card->num_channels;
    double inner;
    int count = 0;

    w.embedding = 4 * base;
    w.sum.weights = (base + 1) * w.embedding + (w.embedding + 1) * w.embedding +
                    card->num_classes * w.embedding;
    w.sum.forward = base * w.embedding + w.embedding * w.embedding;
    inner = floor(card->channel_mult[0] * base);
    add_product(&w, w.pixels, 3, inner, 9);
    w.channels = inner;
    skips[count++] = inner;
    walk_down(&w, skips, &count);
    add_residual(&w, w.channels, 1);
    add_attention(&w);
    add_residual(&w, w.channels, 1);
    walk_up(&w, skips, count);
    add_product(&w, w.pixels, inner, card->learn_sigma ? 6 : 3, 9);
    w.sum.weights += 2 * inner;
    return w.sum;
}

/* Blocks of a transformer: weights, and nothing else. */
static double transformer_weights(double width, double layers)
{
    return layers * (12 * width * width + 13 * width);
}

static double text_weights(const nj_clip_card *card)
{
    double text = card->text_width;

    return (card->vocab_size + card->context_length) * text +
           transformer_weights(text, card->text_layers) + 2 * text +
           text * card->embed_dim;
}

static nj_network_work vit_work(const nj_clip_card *card)
{
    double side = (double)card->image_size / card->patch_size;
    double patch = 3.0 * card->patch_size * card->patch_size;
    double width = card->vision_width;
    double tokens = side * side + 1;
    double linear = tokens * 12 * width * width * card->vision_layers;
    double scores = 2 * tokens * tokens * width * card->vision_layers;
    double ends = side * side * width * patch + width * card->embed_dim;

    return (nj_network_work){
        .forward = linear + scores + ends,
        .backward = linear + 2.5 * scores + ends,
        .weights = width * patch + width + tokens * width + 4 * width +
                   transformer_weights(width, card->vision_layers) +
                   width * card->embed_dim,
    };
}

/* A convolution and the norm behind it, folded into one. */
static double folded(double in, double out, double taps)
{
    return in * out * taps + out;
}

static double resnet_weights(const nj_clip_card *card)
{
    double width = card->vision_width;
    double in = width;
    double out = 32 * width;
    double side = card->image_size / 32;
    double sum = folded(3, width / 2, 9) + folded(width / 2, width / 2, 9) +
                 folded(width / 2, width, 9);

    for (int layer = 0; layer < 4; layer++) {
        double planes = width * (1 << layer);

        for (int i = 0; i < card->resnet_layers[layer]; i++) {
            sum += folded(in, planes, 1) + folded(planes, planes, 9) +
                   folded(planes, 4 * planes, 1);
            if (i == 0)
                sum += folded(in, 4 * planes, 1);
            in = 4 * planes;
        }
    }
    return sum + (side * side + 1) * out + 3 * (out + 1) * out +
           (out + 1) * card->embed_dim;
}

nj_network_work nj_clip_work(const nj_clip_card *card)
{
    nj_network_work w = {.weights = resnet_weights(card)};

    if (card->patch_size)
        w = vit_work(card);
    w.text_weights = text_weights(card);
    w.weights += w.text_weights + 1;
    return w;
}
