/* What the fuzz targets of weight files do with a file that was read: every
 * value is copied and converted, so that a view that leaves its storage is
 * seen by the sanitizer. */
#ifndef NJ_TESTS_FUZZ_VIEWS_H
#define NJ_TESTS_FUZZ_VIEWS_H

#include "weights/weights_internal.h"

#define TOUCH_MAX 65536

static inline void touch_views(const nj_weights *w)
{
    static double copy[TOUCH_MAX];
    static float floats[TOUCH_MAX];

    for (size_t i = 0; i < nj_weights_count(w); i++) {
        const nj_view *v = nj_weights_at(w, i);

        if (!nj_weights_find(w, v->name))
            __builtin_trap();
        if (nj_view_elements(v) <= TOUCH_MAX) {
            nj_view_copy(v, copy);
            nj_view_to_f32(v, floats);
        }
    }
}

static inline void open_and_touch(const uint8_t *data, size_t size)
{
    nj_weights *w = NULL;
    nj_err err = {0};

    if (nj_weights_open_memory(data, size, &w, &err) == NJ_OK)
        touch_views(w);
    else if (!err.text[0])
        __builtin_trap();
    nj_weights_free(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
