/* Pictures that are the same: see alike.h. */
#include "album/alike.h"

#include <math.h>
#include <string.h>

#include "album/embed_folder.h"
#include "album/vectors.h"
#include "image/resize.h"

#define PIXELS  (NJ_ALIKE_SIDE * NJ_ALIKE_SIDE)
#define NUMBERS (3 * PIXELS)

/* On 64 x 64 pictures of the demo model (2026-11), different seeds of a prompt
 * correlate by up to .977; JPEG of quality 70, half and double size, 10 %
 * brighter and noise of deviation 4 by .993 and more. */
static const double alike_from = .985;

/* Pictures of one colour are the same when their colours are, by levels. */
static const double flat_levels = 4;
static const double flat_deviation = 1; /* of a channel, levels */

static void fill(const uint8_t *rgb, nj_thumb *out)
{
    double square = 0;

    for (int c = 0; c < 3; c++) {
        double sum = 0;

        for (int i = 0; i < PIXELS; i++)
            sum += rgb[3 * i + c];
        out->means[c] = (float)(sum / PIXELS);
    }
    for (int i = 0; i < NUMBERS; i++) {
        double d = rgb[i] - (double)out->means[i % 3];

        out->values[i] = (float)d;
        square += d * d;
    }
    out->flat = square < flat_deviation * flat_deviation * NUMBERS;
    for (int i = 0; i < NUMBERS; i++)
        out->values[i] =
            out->flat ? 0 : (float)((double)out->values[i] / sqrt(square));
}

nj_status nj_thumb_read(const char *path, nj_thumb *out, nj_err *err)
{
    nj_picture rgb;
    nj_picture small = {0};
    nj_status status = nj_embed_read(path, &rgb, err);

    if (status == NJ_OK)
        status =
            nj_picture_resize(&rgb, NJ_ALIKE_SIDE, NJ_ALIKE_SIDE, &small, err);
    if (status == NJ_OK)
        fill(small.pixels, out);
    nj_picture_release(&small);
    nj_picture_release(&rgb);
    return status;
}

bool nj_thumb_alike(const nj_thumb *a, const nj_thumb *b)
{
    if (a->flat != b->flat)
        return false;
    if (!a->flat)
        return (double)nj_vectors_dot(a->values, b->values, NUMBERS) >=
               alike_from;
    for (int c = 0; c < 3; c++)
        if (fabs((double)a->means[c] - (double)b->means[c]) > flat_levels)
            return false;
    return true;
}
