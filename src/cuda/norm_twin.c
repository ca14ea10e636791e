/* The kernels of norm.cu as plain C: the same parts summed in the same order,
 * so that a difference between both is a mistake and not rounding (save that
 * the kernels' exponential and reciprocal are the device's quick ones). */
#include <math.h>

#include "cuda/gate.h"
#include "cuda/norm.h"

enum { LANES = 32, FILM_ROWS = 32 };

static float parameter(const nj_norm_param *p, int64_t image, int channel,
                       float absent)
{
    return p->data ? ((const float *)p->data)[image * p->row + channel]
                   : absent;
}

struct affine {
    float mean, factor, offset;
};

static struct affine affine_of(const nj_norm *n, const float *moments,
                               int64_t image, int c)
{
    const float *m =
        moments + 2 * (image * n->groups + c / (n->channels / n->groups));
    const float film = 1 + parameter(&n->scale, image, c, 0);

    return (struct affine){
        .mean = m[0],
        .factor = m[1] * (parameter(&n->gamma, 0, c, 1) * film),
        .offset = parameter(&n->beta, 0, c, 0) * film +
                  parameter(&n->shift, image, c, 0),
    };
}

static float sigmoid(float u)
{
    return 1 / (1 + expf(-u));
}

static float slope(bool silu, float u, float dy)
{
    return silu ? dy * nj_gate_slope(u, sigmoid(u)) : dy;
}

/* Two numbers, as the kernels sum them. */
struct two {
    float a, b;
};

static struct two plus(struct two p, struct two q)
{
    return (struct two){p.a + q.a, p.b + q.b};
}

static float group_values(const nj_norm *n)
{
    return (float)n->pixels * (float)(n->channels / n->groups);
}

/* What a block has of one group, and what is summed over it. */
struct task {
    const nj_norm *n;
    nj_norm_grid g;
    const float *x, *dy, *moments; /* dy NULL: the forward's sums */
    const float *more;             /* or NULL: dx is added to it */
    int64_t image, first, pixels;  /* first pixel of the chunk, count */
    int group, channel, columns;   /* first channel, columns of threads */
};

static float pivot_of(const nj_norm *n, const float *x, int64_t image,
                      int group)
{
    return x[image * n->pixels * n->channels +
             group * (n->channels / n->groups)];
}

/* Forward: distance from the pivot and its square. Backward: factor du and
 * factor du (x - mean). */
static struct two terms_at(const struct task *t, int64_t pixel, int c)
{
    const nj_norm *n = t->n;
    const int64_t at = (t->image * n->pixels + pixel) * n->channels + c;
    struct two v;

    if (!t->dy) {
        v.a = t->x[at] - pivot_of(n, t->x, t->image, t->group);
        v.b = v.a * v.a;
        return v;
    }
    const struct affine a = affine_of(n, t->moments, t->image, c);
    const float distance = t->x[at] - a.mean;

    v.a = a.factor * slope(n->silu, distance * a.factor + a.offset, t->dy[at]);
    v.b = v.a * distance;
    return v;
}

/* What one thread sums; pixels: how many it has. */
static struct two sum_thread(const struct task *t, int row, int column,
                             int *pixels)
{
    const int from = t->channel + column * t->g.vector;
    struct two sum = {0, 0};

    *pixels = 0;
    for (int64_t p = row; p < t->pixels; p += t->g.rows) {
        struct two v = {0, 0};

        for (int c = from; c < from + t->g.vector; c++)
            v = plus(v, terms_at(t, t->first + p, c));
        sum = plus(sum, v);
        ++*pixels;
    }
    return sum;
}

/* cells [rows,columns], in the order of the block's threads; overwritten. */
static struct two add_group(const struct task *t, struct two *cells)
{
    struct two total = {0, 0};

    for (int rows = t->g.rows; rows > 1; rows = (rows + 3) / 4) {
        const int fourth = (rows + 3) / 4;

        for (int i = 0; i < fourth * t->columns; i++)
            for (int r = fourth; i / t->columns + r < rows; r += fourth)
                cells[i] = plus(cells[i], cells[i + r * t->columns]);
    }
    for (int c = 0; c < t->columns; c++)
        total = plus(total, cells[c]);
    return total;
}

/* Forward: mean from the pivot and sum of squared distances from the mean.
 * Backward: the two sums. */
static struct two sum_block(const struct task *t)
{
    struct two cells[nj_norm_whole_threads] = {{0, 0}};
    struct two sums[nj_norm_whole_threads];
    const int threads = t->g.rows * t->columns;
    int pixels[nj_norm_whole_threads];
    float mean;

    for (int i = 0; i < threads; i++) {
        sums[i] = sum_thread(t, i / t->columns, i % t->columns, &pixels[i]);
        cells[i] = t->dy ? sums[i] : (struct two){sums[i].a, 0};
    }
    if (t->dy)
        return add_group(t, cells);
    mean = add_group(t, cells).a /
           ((float)t->pixels * (float)(t->columns * t->g.vector));
    for (int i = 0; i < threads; i++) {
        const float own = (float)(pixels[i] * t->g.vector);
        const float own_mean = pixels[i] > 0 ? sums[i].a / own : 0;
        const float distance = own_mean - mean;

        cells[i] = (struct two){
            sums[i].b - sums[i].a * own_mean + own * (distance * distance), 0};
    }
    return (struct two){mean, add_group(t, cells).a};
}

/* Goes to one of a group's parts: slice s, chunk k. Returns how many numbers
 * it has. */
static float go_to(struct task *t, int s, int64_t k)
{
    const int of_group = t->n->channels / t->n->groups;
    int width = of_group;

    if (t->g.slices > 1)
        width = of_group - s * t->g.span < t->g.span ? of_group - s * t->g.span
                                                     : t->g.span;
    t->channel = t->group * of_group + s * t->g.span;
    t->columns = width / t->g.vector;
    t->first = k * t->g.chunk;
    t->pixels = t->n->pixels - t->first < t->g.chunk ? t->n->pixels - t->first
                                                     : t->g.chunk;
    return (float)t->pixels * (float)width;
}

static struct two add_lanes(struct two *lanes)
{
    for (int distance = LANES / 2; distance > 0; distance /= 2)
        for (int l = 0; l < distance; l++)
            lanes[l] = plus(lanes[l], lanes[l + distance]);
    return lanes[0];
}

/* A warp's forward sums: means first, then distances from their mean. */
static struct two add_spreads(struct task *t, const struct two *parts)
{
    struct two lanes[LANES] = {{0, 0}};
    const int64_t chunks = t->g.chunks, count = t->g.slices * chunks;
    float mean;

    for (int64_t i = 0; i < count; i++)
        lanes[i % chunks % LANES].a +=
            parts[i].a * go_to(t, (int)(i / chunks), i % chunks);
    mean = add_lanes(lanes).a / group_values(t->n);
    for (int l = 0; l < LANES; l++)
        lanes[l] = (struct two){0, 0};
    for (int64_t i = 0; i < count; i++) {
        const float distance = parts[i].a - mean;

        lanes[i % chunks % LANES].b +=
            parts[i].b +
            go_to(t, (int)(i / chunks), i % chunks) * (distance * distance);
    }
    return (struct two){mean, add_lanes(lanes).b};
}

/* The sums over a group of one image: those of its one block, or its parts',
 * which a warp adds. scratch: room for the parts. */
static struct two sum_group(struct task *t, float *scratch)
{
    struct two *parts = (struct two *)scratch;
    struct two lanes[LANES] = {{0, 0}};
    const int64_t chunks = t->g.chunks, count = t->g.slices * chunks;

    if (t->g.whole) {
        go_to(t, 0, 0);
        return sum_block(t);
    }
    for (int64_t i = 0; i < count; i++) {
        go_to(t, (int)(i / chunks), i % chunks);
        parts[i] = sum_block(t);
    }
    if (!t->dy)
        return add_spreads(t, parts);
    for (int64_t i = 0; i < count; i++)
        lanes[i % chunks % LANES] = plus(lanes[i % chunks % LANES], parts[i]);
    return add_lanes(lanes);
}

static void film_at(const struct task *t, int c, float *film)
{
    const nj_norm *n = t->n;
    const struct affine a = affine_of(n, t->moments, t->image, c);
    const float r = t->moments[2 * (t->image * n->groups + t->group) + 1];
    struct two sum = {0, 0};

    for (int64_t row = 0; row < FILM_ROWS; row++) {
        struct two thread = {0, 0}, run = {0, 0};
        int64_t i = 0;

        for (int64_t p = row; p < n->pixels; p += FILM_ROWS) {
            const int64_t at = (t->image * n->pixels + p) * n->channels + c;
            const float distance = t->x[at] - a.mean;
            const float du =
                slope(n->silu, distance * a.factor + a.offset, t->dy[at]);

            run = plus(run, (struct two){du, du * distance});
            if (++i % nj_norm_film_run == 0) {
                thread = plus(thread, run);
                run = (struct two){0, 0};
            }
        }
        sum = plus(sum, plus(thread, run));
    }
    film[t->image * n->channels + c] =
        parameter(&n->gamma, 0, c, 1) * r * sum.b +
        parameter(&n->beta, 0, c, 0) * sum.a;
    film[(n->images + t->image) * n->channels + c] = sum.a;
}

void nj_norm_forward_twin(const nj_norm *n, const float *x, float *y,
                          float *moments, float *scratch)
{
    struct task t = {.n = n, .g = nj_norm_grid_of(n), .x = x};

    for (int64_t pair = 0; pair < n->images * n->groups; pair++) {
        t.image = pair / n->groups;
        t.group = (int)(pair % n->groups);
        const struct two spread = sum_group(&t, scratch);

        moments[2 * pair] = pivot_of(n, x, t.image, t.group) + spread.a;
        moments[2 * pair + 1] =
            1 / sqrtf(fmaxf(spread.b, 0) / group_values(n) + n->eps);
    }
    for (int64_t at = 0; at < n->images * n->pixels * n->channels; at++) {
        const struct affine a =
            affine_of(n, moments, at / (n->pixels * n->channels),
                      (int)(at % n->channels));
        const float u = (x[at] - a.mean) * a.factor + a.offset;

        y[at] = n->silu ? u * sigmoid(u) : u;
    }
}

/* dx of one group of one image. */
static void derive_group(const struct task *t, struct two sum, float *dx)
{
    const nj_norm *n = t->n;
    const int width = n->channels / n->groups;
    const float values = group_values(n);
    const float r = t->moments[2 * (t->image * n->groups + t->group) + 1];
    const float c1 = sum.a / values, c2 = r * r * (sum.b / values);

    for (int64_t i = 0; i < n->pixels * width; i++) {
        const int c = t->group * width + (int)(i % width);
        const int64_t at = (t->image * n->pixels + i / width) * n->channels + c;
        const struct affine a = affine_of(n, t->moments, t->image, c);
        const float distance = t->x[at] - a.mean;
        const float du =
            slope(n->silu, distance * a.factor + a.offset, t->dy[at]);

        dx[at] = a.factor * du - c1 - distance * c2;
        if (t->more)
            dx[at] += t->more[at];
    }
}

void nj_norm_backward_twin(const nj_norm *n,
                           const float *const reads[NJ_NORM_READS],
                           const float *moments, float *dx, float *film,
                           float *scratch)
{
    struct task t = {.n = n,
                     .g = nj_norm_grid_of(n),
                     .x = reads[NJ_NORM_X],
                     .dy = reads[NJ_NORM_DY],
                     .more = reads[NJ_NORM_MORE],
                     .moments = moments};
    const int width = n->channels / n->groups;

    for (int64_t pair = 0; pair < n->images * n->groups; pair++) {
        t.image = pair / n->groups;
        t.group = (int)(pair % n->groups);
        derive_group(&t, sum_group(&t, scratch), dx);
        for (int c = t.group * width; film && c < (t.group + 1) * width; c++)
            film_at(&t, c, film);
    }
}
