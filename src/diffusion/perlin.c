/* Perlin noise by rows: each row of the field that the resized picture reads
 * is computed where it is read, resized along the row, and added to the rows
 * of the picture that it belongs to. A field of 4096 x 4096 pixels is never
 * held. Double throughout, rounded to float at the end. */
#include "diffusion/perlin.h"

#include <stdlib.h>

#include "base/mem.h"
#include "diffusion/bands.h"

#define FIELD_SIDE_MAX 32768

/* The resizing in both forms, and room for one row of each. */
struct resizing {
    nj_band cols;        /* [width, field columns] */
    nj_band to_row;      /* for each field row the picture rows that read it */
    unsigned char *read; /* [field columns] whether the picture reads it */
    double *field;       /* [field columns] */
    double *sums;        /* [height,width] */
};

static void resizing_release(struct resizing *r)
{
    nj_band_release(&r->cols);
    nj_band_release(&r->to_row);
    free(r->read);
    free(r->field);
    free(r->sums);
}

static void mark_read(const nj_band *cols, unsigned char *read)
{
    for (int i = 0; i < cols->outputs; i++)
        for (int k = 0; k < cols->taps; k++)
            if (cols->weights[(size_t)i * (size_t)cols->taps + (size_t)k] != 0)
                read[cols->first[i] + k] = 1;
}

static nj_status bands_init(struct resizing *r, const int field[2],
                            const int picture[2], bool antialias, nj_err *err)
{
    const nj_window high = {.length = field[0], .span = field[0]};
    const nj_window wide = {.length = field[1], .span = field[1]};
    nj_band rows = {0};
    nj_status st = nj_band_bilinear(&rows, &high, picture[0], antialias, err);

    if (st == NJ_OK)
        st = nj_band_transpose(&r->to_row, &rows, err);
    nj_band_release(&rows);
    if (st == NJ_OK)
        st = nj_band_bilinear(&r->cols, &wide, picture[1], antialias, err);
    return st;
}

/* Sizes are rows, columns. */
static nj_status resizing_init(struct resizing *r, const int field[2],
                               const int picture[2], bool antialias,
                               nj_err *err)
{
    nj_status st;

    *r = (struct resizing){0};
    st = bands_init(r, field, picture, antialias, err);
    if (st != NJ_OK)
        return st;
    r->read = nj_calloc((size_t)field[1], sizeof(*r->read));
    r->field = nj_calloc((size_t)field[1], sizeof(*r->field));
    r->sums =
        nj_calloc((size_t)picture[0], (size_t)picture[1] * sizeof(*r->sums));
    if (r->read == NULL || r->field == NULL || r->sums == NULL)
        return nj_fail(err, NJ_E_MEMORY,
                       "out of memory for perlin noise of %d x %d pixels",
                       picture[1], picture[0]);
    mark_read(&r->cols, r->read);
    return NJ_OK;
}

static double smoothstep(double t)
{
    return t * t * (3 - 2 * t);
}

/* One row of one octave: its place in the lattice. */
struct octave_row {
    const float *gradients; /* of the upper lattice row, in pairs */
    size_t stride;          /* from a lattice row to the next */
    double t;               /* place between the lattice rows, 0 <= t < 1 */
    double s;               /* smoothstep of t */
};

/* The noise between two lattice columns, at t of the way. */
static double noise_at(const struct octave_row *o, size_t column, double t)
{
    double mixed[2];

    for (size_t b = 0; b < 2; b++) {
        const float *up = o->gradients + 2 * (column + b);
        const float *down = up + o->stride;
        const double x = t - (double)b;
        const double high = up[0] * o->t + up[1] * x;
        const double low = down[0] * (o->t - 1) + down[1] * x;

        mixed[b] = high + o->s * (low - high);
    }
    return mixed[0] + smoothstep(t) * (mixed[1] - mixed[0]);
}

/* Adds octave o of field row y to r->field where it is read. */
static void add_octave(const nj_perlin_field *f, int o, int y,
                       struct resizing *r)
{
    const int cell = 1 << (f->octaves - o);
    const size_t stride = 2 * (((size_t)f->cols << o) + 1);
    const double t = (double)(y % cell) / cell;
    const struct octave_row row = {.gradients = f->gradients[o] +
                                                (size_t)(y / cell) * stride,
                                   .stride = stride,
                                   .t = t,
                                   .s = smoothstep(t)};

    for (int x = 0; x < r->cols.inputs; x++)
        if (r->read[x])
            r->field[x] +=
                f->amplitudes[o] *
                noise_at(&row, (size_t)(x / cell), (double)(x % cell) / cell);
}

static double resized_value(const nj_band *cols, const double *field, int i)
{
    const float *w = cols->weights + (size_t)i * (size_t)cols->taps;
    const double *from = field + cols->first[i];
    double sum = 0;

    for (int k = 0; k < cols->taps; k++)
        sum += w[k] * from[k];
    return sum;
}

/* Adds the finished field row y to the picture rows that read it. */
static void spread_row(struct resizing *r, int y)
{
    const nj_band *t = &r->to_row;
    const int width = r->cols.outputs;

    for (int k = 0; k < t->taps; k++) {
        const double w = t->weights[(size_t)y * (size_t)t->taps + (size_t)k];
        double *to = r->sums + (size_t)(t->first[y] + k) * (size_t)width;

        if (w == 0)
            continue;
        for (int i = 0; i < width; i++)
            to[i] += w * resized_value(&r->cols, r->field, i);
    }
}

static bool row_is_read(const nj_band *t, int y)
{
    for (int k = 0; k < t->taps; k++)
        if (t->weights[(size_t)y * (size_t)t->taps + (size_t)k] != 0)
            return true;
    return false;
}

static nj_status check_field(const nj_perlin_field *f, nj_err *err)
{
    const int n = f->octaves;

    if (n < 1 || n >= NJ_PERLIN_OCTAVES_MAX || f->rows < 1 || f->cols < 1 ||
        f->rows > FIELD_SIDE_MAX >> n || f->cols > FIELD_SIDE_MAX >> n)
        return nj_fail(err, NJ_E_USAGE,
                       "cannot make perlin noise of %d octaves on a %d x %d "
                       "lattice: at most %d pixels a side are possible",
                       n, f->rows, f->cols, FIELD_SIDE_MAX);
    return NJ_OK;
}

nj_status nj_perlin_resized(const nj_perlin_field *field, int width, int height,
                            bool antialias, float *out, nj_err *err)
{
    struct resizing r = {0};
    nj_status st = check_field(field, err);

    if (st == NJ_OK) {
        const int from[2] = {field->rows << field->octaves,
                             field->cols << field->octaves};
        const int to[2] = {height, width};

        st = resizing_init(&r, from, to, antialias, err);
    }
    for (int y = 0; st == NJ_OK && y < r.to_row.outputs; y++) {
        if (!row_is_read(&r.to_row, y))
            continue;
        for (int x = 0; x < r.cols.inputs; x++)
            r.field[x] = .5;
        for (int o = 0; o < field->octaves; o++)
            add_octave(field, o, y, &r);
        spread_row(&r, y);
    }
    for (size_t i = 0; st == NJ_OK && i < (size_t)width * (size_t)height; i++)
        out[i] = (float)r.sums[i];
    resizing_release(&r);
    return st;
}

void nj_perlin_rgb8(const float *values, size_t n, uint8_t *out)
{
    for (size_t i = 0; i < n; i++) {
        const float v = values[i];
        const float unit = v > 0 ? (v < 1 ? v : 1) : 0;

        out[i] = (uint8_t)(unit * 255.0F);
    }
}

void nj_autocontrast(uint8_t *values, size_t n)
{
    uint8_t low = 255;
    uint8_t high = 0;
    double scale;

    for (size_t i = 0; i < n; i++) {
        low = values[i] < low ? values[i] : low;
        high = values[i] > high ? values[i] : high;
    }
    if (high <= low)
        return;
    scale = 255.0 / (high - low);
    for (size_t i = 0; i < n; i++) {
        const double v = values[i] * scale + -low * scale;

        values[i] = (uint8_t)(v > 0 ? (v < 255 ? v : 255) : 0);
    }
}

void nj_perlin_init(const uint8_t *a, const uint8_t *b, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (float)(((double)a[i] + b[i]) / 255 - 1);
}
