/* Space: the networks of guidance, and the working memory of convolutions. */
#include <stddef.h>

#include "weights/space.h"
#include "weights/space_tape.h"

/* Figures of src/torch: rows of a part, the largest weight that stays
 * prepared, threads' tiles of Winograd's convolution. */
#define ROWS         126
#define KEPT_WEIGHT  8388608.0
#define FREQUENCIES  36
#define TILE         16
#define LEAST_PIXELS 1024
#define LEAST_PARTS  8

static double smaller(double a, double b)
{
    return a < b ? a : b;
}

double space_conv(const nj_space_how *how, double in, double out, double pixels,
                  double side)
{
    bool winograd =
        side == 3 && in >= 64 && out >= 64 && pixels >= LEAST_PIXELS;
    double words = in * how->bytes / 4;
    double taps = winograd ? FREQUENCIES : side * side;
    double weight = 4 * taps * words * out;
    double rows = winograd ? smaller(ROWS, pixels / TILE / LEAST_PARTS) : ROWS;
    double bench =
        4 * rows *
        (winograd ? FREQUENCIES * (words + out) : taps * words + out);

    if (how->threads == 0)
        return 0;
    return (weight > KEPT_WEIGHT ? weight : 0) + how->threads * bench;
}

/* ---- CLIP -----------------------------------------------------------------
 */

static nj_space vit(const nj_clip_card *card, const nj_space_how *how)
{
    double side = (double)card->image_size / card->patch_size;
    double n = (side * side + 1) * card->vision_width * how->images;
    double own = how->bytes * n;
    /* Layer norms on the CPU are taken in float32 and keep their input so. */
    double wide = how->threads > 0 ? 4 * n : own;
    double block = 2 * wide + 8 * own;
    double pixels =
        3.0 * card->image_size * card->image_size * how->images * how->bytes;
    nj_space s;

    s.kept = card->vision_layers * block + wide;
    s.peak = s.kept + 11 * own;
    /* The gradient of the pixels, when all else is gone. */
    if (s.peak < 3 * pixels + n)
        s.peak = 3 * pixels + n;
    return s;
}

/* Rectifiers keep their results. */
static double bottleneck(tape *t, double planes, double before, double after,
                         double bytes)
{
    double out = 4 * planes * after * bytes;

    tape_add(t, 2 * planes * before * bytes);
    tape_touch(t, planes * after * bytes + 3 * out);
    tape_add(t, out);
    return out;
}

static nj_space resnet(const nj_clip_card *card, const nj_space_how *how)
{
    double bytes = how->bytes * how->images;
    double pixels = (double)card->image_size * card->image_size / 4;
    double width = card->vision_width;
    double widest;
    tape t = {0, 0};

    tape_add(&t, 3 * card->image_size * (double)card->image_size * bytes);
    tape_add(&t, 2 * width * pixels * bytes); /* the stem */
    tape_touch(&t, width * pixels * bytes);
    widest = width * pixels * bytes;
    pixels /= 4;
    for (int layer = 0; layer < 4; layer++) {
        double planes = width * (1 << layer);

        for (int i = 0; i < card->resnet_layers[layer]; i++) {
            double before = pixels;

            if (layer > 0 && i == 0)
                pixels /= 4;
            bottleneck(&t, planes, before, pixels, bytes);
        }
    }
    /* Backwards the first layers' gradients come last. */
    return (nj_space){t.live, t.peak > 4 * widest ? t.peak : 4 * widest};
}

nj_space nj_clip_space(const nj_clip_card *card, const nj_space_how *how)
{
    return card->patch_size ? vit(card, how) : resnet(card, how);
}

/* ---- the others -----------------------------------------------------------
 */

/* Rectifiers keep their results. The most lives in the forward pass, when the
 * outermost level joins its result with its input: that, the result made
 * larger, what the level within joined, the input made smaller, and the picture
 * with the features of its time, twice. */
nj_space nj_secondary_space(int width, int height, const nj_space_how *how)
{
    static const double channels[] = {64, 128, 128, 256, 256, 512};
    double pixels = (double)width * height * 4 * how->images;
    double part = 1;
    nj_space s = {0, 0};

    s.kept = 2 * channels[0] * pixels;
    for (int i = 1; i < 6; i++) {
        part /= 4;
        s.kept += (3 * channels[i] + channels[i - 1]) * part * pixels;
    }
    s.peak = s.kept + (2 * channels[0] + channels[0] + 2 * channels[1] / 4 +
                       channels[0] / 4 + 2 * 19) *
                          pixels;
    s.kept += channels[0] * pixels; /* behind the levels */
    return s;
}

nj_space nj_lpips_space(int width, int height, const nj_space_how *how)
{
    static const double channels[] = {64, 128, 256, 512, 512};
    static const double count[] = {2, 2, 3, 3, 3};
    double pixels = (double)width * height * 4 * how->images;
    double part = 1;
    nj_space s = {0, 0};

    for (int i = 0; i < 5; i++, part /= 4)
        s.kept += channels[i] * (count[i] + 2) * part * pixels;
    s.peak = s.kept + 3 * 64 * pixels;
    return s;
}
