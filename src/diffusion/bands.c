/* Bands: weights of the four filters, row by row, through one writer that
 * keeps what falls into the picture and bounds the band's width. */
#include "diffusion/bands.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"

#define SIDE_MAX 65536 /* pixels; keeps every product below within an int */

static const double pi = 3.14159265358979323846;

void nj_band_release(nj_band *b)
{
    free(b->first);
    free(b->weights);
    *b = (nj_band){0};
}

/* One row at a time: weights are added up in double at their pixel, then
 * stored as the shortest run of pixels that holds them. */
struct writer {
    nj_band *band;
    const nj_window *window;
    double *row; /* [length], zero between rows */
    int low;
    int high; /* low > high: nothing was added */
    int done; /* rows written */
};

static int at_least(int a, int b)
{
    return a > b ? a : b;
}

static int at_most(int a, int b)
{
    return a < b ? a : b;
}

static int clamped(int value, int low, int high)
{
    return at_least(low, at_most(value, high));
}

static nj_status check_sizes(const nj_window *w, int outputs, nj_err *err)
{
    if (w->length < 1 || w->length > SIDE_MAX || w->span < 1 ||
        w->span > SIDE_MAX || w->start < -SIDE_MAX || w->start > SIDE_MAX ||
        outputs < 1 || outputs > SIDE_MAX)
        return nj_fail(err, NJ_E_USAGE,
                       "cannot resample %d pixels at %d of %d to %d: sides of "
                       "1 to %d are expected",
                       w->span, w->start, w->length, outputs, SIDE_MAX);
    return NJ_OK;
}

static nj_status allocate(nj_band *b, int inputs, int outputs, int taps,
                          nj_err *err)
{
    const size_t rows = (size_t)outputs;

    *b = (nj_band){
        .inputs = inputs, .outputs = outputs, .taps = clamped(taps, 1, inputs)};
    b->first = nj_calloc(rows, sizeof(*b->first));
    b->weights = nj_calloc(rows * (size_t)b->taps, sizeof(*b->weights));
    if (b->first != NULL && b->weights != NULL)
        return NJ_OK;
    nj_band_release(b);
    return nj_fail(err, NJ_E_MEMORY, "out of memory for a filter of %d taps",
                   taps);
}

/* No row may spread over more than `taps` pixels. */
static nj_status writer_init(struct writer *to, nj_band *b,
                             const nj_window *window, int outputs, int taps,
                             nj_err *err)
{
    const nj_status st = allocate(b, window->length, outputs, taps, err);

    if (st != NJ_OK)
        return st;
    *to = (struct writer){
        .band = b, .window = window, .low = window->length, .high = -1};
    to->row = nj_calloc((size_t)window->length, sizeof(*to->row));
    if (to->row != NULL)
        return NJ_OK;
    nj_band_release(b);
    return nj_fail(err, NJ_E_MEMORY, "out of memory for a filter's row");
}

static void writer_release(struct writer *to)
{
    free(to->row);
}

/* Adds weight at pixel j of the window; outside the picture it is dropped. */
static void add_weight(struct writer *to, int j, double weight)
{
    const int pixel = to->window->start + j;

    if (pixel < 0 || pixel >= to->window->length || weight == 0)
        return;
    to->row[pixel] += weight;
    to->low = at_most(to->low, pixel);
    to->high = at_least(to->high, pixel);
}

static void end_row(struct writer *to)
{
    nj_band *b = to->band;
    const int first = clamped(to->low, 0, b->inputs - b->taps);
    float *weights = b->weights + (size_t)to->done * (size_t)b->taps;

    b->first[to->done++] = first;
    for (int j = to->low; j <= to->high; j++) {
        weights[j - first] = (float)to->row[j];
        to->row[j] = 0;
    }
    to->low = to->window->length;
    to->high = -1;
}

/* ---- pooling ----------------------------------------------------------- */

nj_status nj_band_pool(nj_band *b, const nj_window *window, int outputs,
                       nj_err *err)
{
    const int64_t n = window->span;
    struct writer to;
    nj_status st = check_sizes(window, outputs, err);

    if (st == NJ_OK)
        st = writer_init(&to, b, window, outputs,
                         (int)((n + outputs - 1) / outputs) + 1, err);
    if (st != NJ_OK)
        return st;
    for (int64_t i = 0; i < outputs; i++) {
        const int from = (int)(i * n / outputs);
        const int until = (int)(((i + 1) * n + outputs - 1) / outputs);

        for (int j = from; j < until; j++)
            add_weight(&to, j, 1.0 / (until - from));
        end_row(&to);
    }
    writer_release(&to);
    return NJ_OK;
}

/* ---- Lanczos prefilter and bicubic ------------------------------------- */

static double sinc(double x)
{
    return x == 0 ? 1 : sin(pi * x) / (pi * x);
}

nj_status nj_lanczos_weights(int from, int to, double **weights, int *taps,
                             nj_err *err)
{
    const double ratio = (double)to / from;
    const int reach = (int)ceil(2 / ratio + 1) - 2; /* taps on each side */
    double sum = 0;

    *taps = 2 * reach + 1;
    *weights = nj_calloc((size_t)*taps, sizeof(**weights));
    if (*weights == NULL)
        return nj_fail(err, NJ_E_MEMORY, "out of memory for %d filter taps",
                       *taps);
    for (int k = -reach; k <= reach; k++) {
        const double x = k * ratio;
        const double w = fabs(x) < 2 ? sinc(x) * sinc(x / 2) : 0;

        (*weights)[k + reach] = w;
        sum += w;
    }
    for (int k = 0; k < *taps; k++)
        (*weights)[k] /= sum;
    return NJ_OK;
}

/* Bicubic weights of the four pixels around a position, t in [0,1) behind the
 * second; a = -0.75. */
static void bicubic(double t, double w[4])
{
    const double a = -.75;

    for (int k = 0; k < 4; k++) {
        const double x = fabs(t + 1 - k);

        if (x <= 1)
            w[k] = ((a + 2) * x - (a + 3)) * x * x + 1;
        else
            w[k] = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
    }
}

/* Pixel j of n, mirrored at the first and last pixel; |overhang| < n. */
static int reflected(int j, int n)
{
    if (j < 0)
        return -j;
    return j < n ? j : 2 * (n - 1) - j;
}

/* The prefilter of a window: one tap of weight 1 where it does not shrink. */
struct prefilter {
    double *weights;
    int taps;
};

static nj_status prefilter_init(struct prefilter *f, int from, int to,
                                nj_err *err)
{
    int shrinks = from > to;
    nj_status st = nj_lanczos_weights(shrinks ? from : 1, shrinks ? to : 1,
                                      &f->weights, &f->taps, err);

    if (st == NJ_OK && f->taps / 2 >= from) {
        free(f->weights);
        st = nj_fail(err, NJ_E_USAGE,
                     "cannot resample %d pixels to %d: the filter's %d taps "
                     "do not fit",
                     from, to, f->taps);
    }
    return st;
}

static void add_lanczos_row(struct writer *to, const struct prefilter *f,
                            double at)
{
    const int n = to->window->span;
    const int base = (int)floor(at);
    double cubic[4];

    bicubic(at - base, cubic);
    for (int m = 0; m < 4; m++) {
        const int centre = clamped(base - 1 + m, 0, n - 1);

        for (int k = 0; k < f->taps; k++)
            add_weight(to, reflected(centre + k - f->taps / 2, n),
                       cubic[m] * f->weights[k]);
    }
    end_row(to);
}

nj_status nj_band_lanczos(nj_band *b, const nj_window *window, int outputs,
                          nj_err *err)
{
    const int n = window->span;
    const double step = outputs > 1 ? (double)(n - 1) / (outputs - 1) : 0;
    struct prefilter f = {0};
    struct writer to;
    nj_status st = check_sizes(window, outputs, err);

    if (st == NJ_OK)
        st = prefilter_init(&f, n, outputs, err);
    if (st != NJ_OK)
        return st;
    st = writer_init(&to, b, window, outputs, f.taps + 3, err);
    if (st == NJ_OK) {
        for (int i = 0; i < outputs; i++)
            add_lanczos_row(&to, &f, i * step);
        writer_release(&to);
    }
    free(f.weights);
    return st;
}

/* ---- ResizeRight ------------------------------------------------------- */

/* Keys' cubic, a = -0.5. */
static double keys(double x)
{
    x = fabs(x);
    if (x <= 1)
        return (1.5 * x - 2.5) * x * x + 1;
    return x < 2 ? ((-.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

static void add_cubic_row(struct writer *to, double u, double e)
{
    const int from = (int)ceil(u - 2 / e);
    const int until = (int)floor(u + 2 / e);
    double sum = 0;

    for (int j = from; j <= until; j++)
        sum += keys((u - j) * e);
    for (int j = at_least(from, 0); j <= at_most(until, to->window->span - 1);
         j++)
        add_weight(to, j, keys((u - j) * e) / sum);
    end_row(to);
}

nj_status nj_band_cubic(nj_band *b, const nj_window *window, int outputs,
                        nj_err *err)
{
    const double n = window->span;
    const double s = outputs / n;
    const double e = fmin(s, 1);
    struct writer to;
    nj_status st = check_sizes(window, outputs, err);

    if (st == NJ_OK)
        st = writer_init(&to, b, window, outputs, (int)ceil(4 / e) + 1, err);
    if (st != NJ_OK)
        return st;
    for (int i = 0; i < outputs; i++)
        add_cubic_row(&to, i / s + (n - 1) / 2 - (outputs - 1) / (2 * s), e);
    writer_release(&to);
    return NJ_OK;
}

/* ---- bilinear ---------------------------------------------------------- */

/* A triangle of half width `reach` around position `at` (pixel j is centred
 * at j), weights divided by the sum of those inside the window. */
static void add_triangle_row(struct writer *to, double at, double reach)
{
    const int last = to->window->span - 1;
    const int from = clamped((int)ceil(at - reach), 0, last);
    const int until = clamped((int)floor(at + reach), 0, last);
    double sum = 0;

    for (int j = from; j <= until; j++)
        sum += fmax(1 - fabs(j - at) / reach, 0);
    for (int j = from; j <= until; j++)
        add_weight(to, j, fmax(1 - fabs(j - at) / reach, 0) / sum);
    end_row(to);
}

nj_status nj_band_bilinear(nj_band *b, const nj_window *window, int outputs,
                           bool antialias, nj_err *err)
{
    const double scale = (double)window->span / outputs;
    const double reach = antialias ? fmax(scale, 1) : 1;
    struct writer to;
    nj_status st = check_sizes(window, outputs, err);

    if (st == NJ_OK)
        st =
            writer_init(&to, b, window, outputs, (int)ceil(2 * reach) + 1, err);
    if (st != NJ_OK)
        return st;
    for (int i = 0; i < outputs; i++) {
        const double at = (i + .5) * scale - .5;

        add_triangle_row(&to, fmin(fmax(at, 0), window->span - 1), reach);
    }
    writer_release(&to);
    return NJ_OK;
}

/* ---- the gradient and the dense form ----------------------------------- */

static float weight_at(const nj_band *b, int i, int k)
{
    return b->weights[(size_t)i * (size_t)b->taps + (size_t)k];
}

/* For every input the first and last output that reads it. */
static void find_readers(const nj_band *b, int *low, int *high)
{
    for (int j = 0; j < b->inputs; j++) {
        low[j] = b->outputs;
        high[j] = -1;
    }
    for (int i = 0; i < b->outputs; i++)
        for (int k = 0; k < b->taps; k++) {
            const int j = b->first[i] + k;

            if (weight_at(b, i, k) == 0)
                continue;
            low[j] = at_most(low[j], i);
            high[j] = at_least(high[j], i);
        }
}

static int widest(const int *low, const int *high, int n)
{
    int taps = 1;

    for (int j = 0; j < n; j++)
        taps = at_least(taps, high[j] - low[j] + 1);
    return taps;
}

static void fill_transpose(nj_band *out, const nj_band *b, const int *low)
{
    for (int j = 0; j < b->inputs; j++)
        out->first[j] = clamped(low[j], 0, out->inputs - out->taps);
    for (int i = 0; i < b->outputs; i++)
        for (int k = 0; k < b->taps; k++) {
            const int j = b->first[i] + k;

            if (weight_at(b, i, k) != 0)
                out->weights[(size_t)j * (size_t)out->taps +
                             (size_t)(i - out->first[j])] = weight_at(b, i, k);
        }
}

nj_status nj_band_transpose(nj_band *out, const nj_band *b, nj_err *err)
{
    int *low = nj_calloc((size_t)b->inputs, 2 * sizeof(*low));
    int *high = low + b->inputs;
    nj_status st;

    if (low == NULL)
        return nj_fail(err, NJ_E_MEMORY, "out of memory for a filter");
    find_readers(b, low, high);
    st =
        allocate(out, b->outputs, b->inputs, widest(low, high, b->inputs), err);
    if (st == NJ_OK)
        fill_transpose(out, b, low);
    free(low);
    return st;
}
