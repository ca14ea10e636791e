/* Cutout boxes; the header says whose rules they are. */
#include "diffusion/boxes.h"

#include <math.h>

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

/* A square of `size`, placed by two uniforms; both ends can be reached. */
static nj_box place(const nj_canvas *in, int size, double ux, double uy)
{
    return (nj_box){.x = (int)floor(ux * (in->width - size + 1)),
                    .y = (int)floor(uy * (in->height - size + 1)),
                    .w = size,
                    .h = size};
}

nj_box nj_box_crowson(const nj_canvas *in, double cut_pow, const double u[3])
{
    const int max = smaller(in->width, in->height);
    const int min = smaller(max, in->cut_size);
    const int size = (int)floor(pow(u[0], cut_pow) * (max - min) + min);

    return place(in, size, u[1], u[2]);
}

nj_box nj_box_russell(const nj_canvas *in, double normal, const double u[2])
{
    const int max = smaller(in->width, in->height);
    const double least = (double)in->cut_size / max;
    const double share = fmin(fmax(.8 + .3 * normal, least), 1.0);
    int size = (int)floor(max * share);

    /* floor(max * (cut / max)) can lose one pixel in doubles. */
    if (size < smaller(in->cut_size, max))
        size = smaller(in->cut_size, max);
    return place(in, size, u[0], u[1]);
}

int nj_russell_border(int height)
{
    return height / 4;
}

bool nj_russell_whole(int cutn, int k)
{
    return k > cutn - cutn / 4;
}

int nj_disco_border(int width, int height)
{
    return (width > height ? width - height : height - width) / 2;
}

nj_box nj_disco_square(int width, int height)
{
    const int p = nj_disco_border(width, height);

    if (width > height)
        return (nj_box){p, 0, width, height + 2 * p};
    return (nj_box){0, p, width + 2 * p, height};
}
