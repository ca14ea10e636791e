/* Augmentations that move pixels, and the chain of all of them. Positions are
 * computed in double, pixel i of a side being centred at i + 1/2. */
#include "engine/augment.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "engine/resample.h"

/* ---- sampling ---------------------------------------------------------- */

th_tensor *nj_augment_hflip(th_scope *s, const th_tensor *x)
{
    return th_flip(s, x, 3);
}

th_tensor *nj_augment_affine(th_scope *s, const th_tensor *x, double angle,
                             const double shift[2], nj_sampling how)
{
    const double a = angle * (3.14159265358979323846 / 180);
    const double cx = (double)th_size(x, 3) / 2;
    const double cy = (double)th_size(x, 2) / 2;
    const double dx = cx + shift[0];
    const double dy = cy + shift[1];
    const double c = cos(a);
    const double d = sin(a);
    const th_projection p = {
        .m = {c, d, cx - c * dx - d * dy, -d, c, cy + d * dx - c * dy, 0, 0},
        .nearest = how.nearest,
        .fill = how.fill};

    return th_project(s, x, &p);
}

/* Solves the n x n system a (row by row, right side last) by elimination with
 * row exchange; false when it is singular. */
static bool solve(double *a, int n, double *out)
{
    const int width = n + 1;

    for (int col = 0; col < n; col++) {
        int best = col;

        for (int r = col + 1; r < n; r++)
            if (fabs(a[r * width + col]) > fabs(a[best * width + col]))
                best = r;
        if (fabs(a[best * width + col]) < 1e-9)
            return false;
        for (int k = 0; k < width; k++) {
            const double t = a[col * width + k];

            a[col * width + k] = a[best * width + k];
            a[best * width + k] = t;
        }
        for (int r = 0; r < n; r++) {
            const double f = a[r * width + col] / a[col * width + col];

            for (int k = col; r != col && k < width; k++)
                a[r * width + k] -= f * a[col * width + k];
        }
    }
    for (int i = 0; i < n; i++)
        out[i] = a[i * width + n] / a[i * width + i];
    return true;
}

/* The map that takes the output corners `to` back to `from`. */
static bool projection_init(th_projection *p, const double from[4][2],
                            const double to[4][2])
{
    double a[8][9];

    for (int i = 0; i < 4; i++) {
        const double x = to[i][0], y = to[i][1];
        const double u = from[i][0], v = from[i][1];
        const double first[9] = {x, y, 1, 0, 0, 0, -u * x, -u * y, u};
        const double second[9] = {0, 0, 0, x, y, 1, -v * x, -v * y, v};

        for (int k = 0; k < 9; k++) {
            a[2 * i][k] = first[k];
            a[2 * i + 1][k] = second[k];
        }
    }
    if (!solve(&a[0][0], 8, p->m))
        return false;
    /* The public code keeps the coefficients in single precision. */
    for (int k = 0; k < 8; k++)
        p->m[k] = (float)p->m[k];
    return true;
}

th_tensor *nj_augment_perspective(th_scope *s, const th_tensor *x,
                                  const double from[4][2],
                                  const double to[4][2], nj_sampling how)
{
    th_projection p = {.nearest = how.nearest, .fill = how.fill};

    if (projection_init(&p, from, to))
        return th_project(s, x, &p);
    th_scope_fail(s, NJ_E_USAGE, "the corners of a perspective lie on a line");
    return NULL;
}

/* ---- the chain --------------------------------------------------------- */

static const double black[3] = {0, 0, 0};

static th_tensor *perspective_of(th_scope *s, th_tensor *x,
                                 const nj_augmentation *draws, nj_sampling how)
{
    const double right = (double)(th_size(x, 3) - 1);
    const double low = (double)(th_size(x, 2) - 1);
    const double corners[4][2] = {{0, 0}, {right, 0}, {right, low}, {0, low}};

    if (!draws->perspective)
        return x;
    return nj_augment_perspective(s, x, corners, draws->corners, how);
}

typedef enum link { END, FLIP, NOISE, AFFINE, PERSPECTIVE, JITTER, GRAY } link;

static const link chains[][10] = {
    [NJ_CHAIN_2021_11] = {FLIP, NOISE, AFFINE, NOISE, PERSPECTIVE, NOISE,
                          JITTER, NOISE, GRAY, END},
    [NJ_CHAIN_2021_09] = {FLIP, NOISE, AFFINE, NOISE, PERSPECTIVE, NOISE, GRAY,
                          NOISE, END},
    [NJ_CHAIN_DISCO] = {FLIP, NOISE, AFFINE, NOISE, GRAY, NOISE, JITTER, END},
};

static th_tensor *augment_once(th_scope *s, th_tensor *x, link what,
                               const nj_augmentation *draws)
{
    const nj_sampling how = {.fill = black};

    switch (what) {
    case FLIP:
        return draws->flip ? nj_augment_hflip(s, x) : x;
    case AFFINE:
        return nj_augment_affine(s, x, draws->angle, draws->shift, how);
    case PERSPECTIVE:
        return perspective_of(s, x, draws, how);
    case JITTER:
        return nj_augment_jitter(s, x, draws);
    case GRAY:
        return draws->gray ? nj_augment_gray(s, x) : x;
    case NOISE:
    case END:
        break;
    }
    return x;
}

/* Where the noise between the links comes from. */
struct noise {
    const th_tensor *const *fields; /* ready, or NULL: */
    const nj_source *from;          /* of one image, or NULL: none */
    double scale;
    size_t first; /* cutout of the image that picture 0 is */
};

/* The noise of cutouts `first`, `first` + 1.. for the `time`-th time is added
 * to x [N,3,H,W]. */
static th_tensor *add_drawn(th_scope *s, const th_tensor *x,
                            const struct noise *noise, int time)
{
    const size_t cuts = (size_t)th_size(x, 0);
    nj_source *sources = nj_calloc(cuts, sizeof(*sources));
    th_normals *each = nj_calloc(cuts, sizeof(*each));
    th_tensor *y = NULL;

    if (sources == NULL || each == NULL)
        th_scope_fail(s, NJ_E_MEMORY, "out of memory for cutout noise");
    for (size_t k = 0; sources && each && k < cuts; k++) {
        uint32_t block;
        const nj_source from = nj_cut_noise_source(
            noise->from, (int)(noise->first + k), time, &block);

        sources[k] = from;
        each[k] = (th_normals){&sources[k].seed, from.iteration, from.stream,
                               from.draw, block};
    }
    if (sources && each)
        y = th_add_normals(s, x, noise->scale, each);
    free(sources);
    free(each);
    return y;
}

static th_tensor *add_noise(th_scope *s, th_tensor *x,
                            const struct noise *noise, int time)
{
    if (noise->fields)
        return th_add(s, x, noise->fields[time]);
    return noise->from && x ? add_drawn(s, x, noise, time) : x;
}

static th_tensor *augment_all(th_scope *s, const th_tensor *x, nj_chain chain,
                              const nj_augmentation *draws,
                              const struct noise *noise)
{
    th_tensor *y = th_keep(s, x);
    int times = 0;

    for (const link *l = chains[chain]; *l != END; l++) {
        /* What lies between two links is let go at once: it is large. */
        th_scope *inner = th_scope_new(s);
        th_tensor *next = *l == NOISE ? add_noise(inner, y, noise, times++)
                                      : augment_once(inner, y, *l, draws);

        y = th_keep(s, next);
        th_scope_free(inner);
    }
    return y;
}

th_tensor *nj_augment(th_scope *s, const th_tensor *x, nj_chain chain,
                      const nj_augmentation *draws,
                      const th_tensor *const *noise)
{
    return augment_all(s, x, chain, draws, &(struct noise){.fields = noise});
}

/* ---- a step's cutouts -------------------------------------------------- */

static th_tensor *augment_drawn(th_scope *s, const th_tensor *x,
                                const nj_augment_part *part,
                                const nj_augmentation *draws)
{
    const nj_augment_plan *plan = part->augments;
    const struct noise noise = {.from = plan->noise ? &plan->noise[part->image]
                                                    : NULL,
                                .scale = plan->noise_scale,
                                .first = part->first};

    return augment_all(s, x, plan->chain, draws, &noise);
}

static th_tensor *to_input_size(th_scope *s, const th_tensor *x,
                                const nj_cutout_plan *plan)
{
    switch (plan->filter) {
    case NJ_CUT_LANCZOS:
        return nj_resample_lanczos(s, x, plan->size, plan->size);
    case NJ_CUT_CUBIC:
        return nj_resample_cubic(s, x, plan->size, plan->size);
    case NJ_CUT_POOL:
        break;
    }
    return nj_resample_pool(s, x, plan->size, plan->size);
}

/* padded [B,3,H,W] with its border -> [1,3,size,size] */
static th_tensor *augmented_cut(th_scope *s, const th_tensor *padded,
                                const nj_augment_part *part)
{
    const nj_cutout_plan *cuts = part->cutouts;
    const size_t i = part->image * cuts->cutn + part->first;
    const nj_box *box = &cuts->boxes[i];
    const th_window window = {box->y, box->x, box->h, box->w};
    const th_tensor *x = th_crop(s, padded, (int64_t)part->image, &window);

    x = augment_drawn(s, x, part, &part->augments->draws[i]);
    return to_input_size(s, x, cuts);
}

/* In a scope of its own, as a cutout has many copies on its way. */
static th_tensor *augment_part(th_scope *outer, const void *user,
                               const th_tensor *const *inputs)
{
    const nj_augment_part *part = user;
    th_scope *s = th_scope_new(outer);
    th_tensor *y = part->cutouts
                       ? augmented_cut(s, inputs[0], part)
                       : augment_drawn(s, inputs[0], part,
                                       &part->augments->draws[part->image]);

    y = th_keep(outer, y);
    th_scope_free(s);
    return y;
}

/* `room` is where the part lives on, NULL to keep its copies instead. */
static th_tensor *augment_or_again(th_scope *s, const th_tensor *x,
                                   const nj_augment_part *part,
                                   nj_augment_part *room)
{
    if (!room)
        return augment_part(s, part, &x);
    *room = *part;
    return th_checkpoint(s, augment_part, room, &x, 1, NULL);
}

th_tensor *nj_augmented_stack(th_scope *s, const th_tensor *x,
                              const nj_augment_plan *augments, size_t image)
{
    const nj_augment_part part = {NULL, augments, image, 0};

    return augment_part(s, &part, &x);
}

th_tensor *nj_augmented_cutouts(th_scope *s, const th_tensor *x,
                                const nj_cutout_plan *cutouts,
                                const nj_augment_plan *augments)
{
    const size_t rows = cutouts->images * cutouts->cutn;
    const int p = cutouts->border;
    const th_tensor *padded = th_pad2d(s, x, TH_PAD_ZERO, p, p, p, p);
    const th_tensor **list = nj_calloc(rows, sizeof(const th_tensor *));
    th_tensor *y = NULL;

    if (list == NULL) {
        th_scope_fail(s, NJ_E_MEMORY, "out of memory for a list of cutouts");
        return NULL;
    }
    for (size_t row = 0; row < rows; row++) {
        const nj_augment_part part = {cutouts, augments, row % cutouts->images,
                                      row / cutouts->images};

        list[row] = augment_or_again(
            s, padded, &part, augments->again ? &augments->again[row] : NULL);
    }
    y = th_cat(s, list, rows, 0);
    free(list);
    return y;
}
