/* Writes tensors to a safetensors file as float32: for tests that need a
 * weight file with something wrong in it, and for weights that a fixture gives
 * by a formula. */
#ifndef NJ_TESTS_WEIGHTS_WRITE_H
#define NJ_TESTS_WEIGHTS_WRITE_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "weights/weights.h"

/* The header: names need no escapes. Padded to a multiple of 8 bytes. */
static inline void weights_header(nj_str *h, const nj_view *views, size_t n)
{
    uint64_t at = 0;

    nj_str_add(h, "{");
    for (size_t i = 0; i < n; i++) {
        uint64_t bytes = 4 * (uint64_t)nj_view_elements(&views[i]);

        nj_str_addf(h, "%s\"%s\":{\"dtype\":\"F32\",\"shape\":[", i ? "," : "",
                    views[i].name);
        for (int d = 0; d < views[i].ndim; d++)
            nj_str_addf(h, "%s%" PRId64, d ? "," : "", views[i].shape[d]);
        nj_str_addf(h, "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", at,
                    at + bytes);
        at += bytes;
    }
    nj_str_add(h, "}");
    while (nj_str_ok(h) && h->length % 8)
        nj_str_add(h, " ");
}

static inline bool weights_put(FILE *f, const nj_view *v)
{
    size_t n = (size_t)nj_view_elements(v);
    float *values = nj_calloc(n, sizeof(*values));
    bool ok = values != NULL;

    if (ok) {
        nj_view_to_f32(v, values);
        ok = fwrite(values, sizeof(*values), n, f) == n;
    }
    free(values);
    return ok;
}

/* False when the file could not be written. */
static inline bool weights_write(const char *path, const nj_view *views,
                                 size_t n)
{
    FILE *f = fopen(path, "wb");
    nj_str header = {0};
    uint64_t length;
    bool ok;

    if (!f)
        return false;
    weights_header(&header, views, n);
    length = header.length;
    ok = nj_str_ok(&header) && fwrite(&length, sizeof(length), 1, f) == 1 &&
         fwrite(header.text, 1, header.length, f) == header.length;
    for (size_t i = 0; ok && i < n; i++)
        ok = weights_put(f, &views[i]);
    nj_str_release(&header);
    return fclose(f) == 0 && ok;
}

#endif
