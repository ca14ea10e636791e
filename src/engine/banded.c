/* Banded: bands of different widths, and their transposes for the gradient,
 * packed into one array of each kind. */
#include "engine/banded.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static void release_bands(nj_band *bands, size_t n)
{
    for (size_t i = 0; bands != NULL && i < n; i++)
        nj_band_release(&bands[i]);
    free(bands);
}

nj_status nj_banded_init(nj_banded *b, size_t pictures, nj_err *err)
{
    *b = (nj_banded){.pictures = pictures};
    b->rows = nj_calloc(pictures, sizeof(*b->rows));
    b->cols = nj_calloc(pictures, sizeof(*b->cols));
    if (b->rows != NULL && b->cols != NULL)
        return NJ_OK;
    nj_banded_release(b);
    return nj_fail(err, NJ_E_MEMORY, "out of memory for %zu filters", pictures);
}

void nj_banded_release(nj_banded *b)
{
    release_bands(b->rows, b->pictures);
    release_bands(b->cols, b->pictures);
    *b = (nj_banded){0};
}

/* A th_band with its arrays. */
struct packed {
    th_band band;
    int32_t *first;
    float *weights;
};

static void packed_release(struct packed *p)
{
    free(p->first);
    free(p->weights);
}

/* Stores one band where every output has room for `taps`. */
static void pack_one(const nj_band *b, int taps, int32_t *first, float *weights)
{
    const int last = b->inputs - taps;

    for (int i = 0; i < b->outputs; i++) {
        first[i] = b->first[i] < last ? b->first[i] : last;
        memcpy(weights + (ptrdiff_t)i * taps + (b->first[i] - first[i]),
               b->weights + (ptrdiff_t)i * b->taps,
               (size_t)b->taps * sizeof(*weights));
    }
}

static nj_status pack(struct packed *p, const nj_band *bands, size_t n,
                      nj_err *err)
{
    const size_t outputs = (size_t)bands[0].outputs;
    size_t taps = 1, rows = 0;

    for (size_t i = 0; i < n; i++)
        taps = (size_t)bands[i].taps > taps ? (size_t)bands[i].taps : taps;
    if (nj_mul_size(n, outputs, &rows)) {
        p->first = nj_calloc(rows, sizeof(*p->first));
        p->weights = nj_calloc(rows, taps * sizeof(*p->weights));
    }
    if (p->first == NULL || p->weights == NULL)
        return nj_fail(err, NJ_E_MEMORY, "out of memory for %zu filters", n);
    for (size_t i = 0; i < n; i++)
        pack_one(&bands[i], (int)taps, p->first + i * outputs,
                 p->weights + i * outputs * taps);
    p->band = (th_band){.inputs = bands[0].inputs,
                        .outputs = bands[0].outputs,
                        .taps = (int64_t)taps,
                        .first = p->first,
                        .weights = p->weights};
    return NJ_OK;
}

static nj_status pack_transposed(struct packed *p, const nj_band *bands,
                                 size_t n, nj_err *err)
{
    nj_band *back = nj_calloc(n, sizeof(*back));
    nj_status st = NJ_OK;

    if (back == NULL)
        return nj_fail(err, NJ_E_MEMORY, "out of memory for %zu filters", n);
    for (size_t i = 0; i < n && st == NJ_OK; i++)
        st = nj_band_transpose(&back[i], &bands[i], err);
    if (st == NJ_OK)
        st = pack(p, back, n, err);
    release_bands(back, n);
    return st;
}

th_tensor *nj_banded_apply(th_scope *s, const th_tensor *x, const nj_banded *b)
{
    struct packed p[4] = {{.first = NULL}};
    nj_err err = {0};
    th_tensor *y = NULL;
    nj_status st = pack(&p[0], b->rows, b->pictures, &err);

    if (st == NJ_OK)
        st = pack(&p[1], b->cols, b->pictures, &err);
    if (st == NJ_OK)
        st = pack_transposed(&p[2], b->rows, b->pictures, &err);
    if (st == NJ_OK)
        st = pack_transposed(&p[3], b->cols, b->pictures, &err);
    if (st == NJ_OK) {
        const th_bands bands = {.pictures = (int64_t)b->pictures,
                                .rows = p[0].band,
                                .cols = p[1].band,
                                .rows_back = p[2].band,
                                .cols_back = p[3].band};

        y = th_apply_bands(s, x, &bands);
    } else {
        th_scope_fail(s, st, err.text);
    }
    for (int i = 0; i < 4; i++)
        packed_release(&p[i]);
    return y;
}
