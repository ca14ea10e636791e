/* What the readers of weight files share: the list of tensors being built,
 * and the check that a tensor lies inside its storage.
 *
 * A reader gets a nj_weights whose bytes are set and adds views; weights.c
 * makes the names searchable. Readers work on memory alone, so that they can
 * be fuzzed.
 */
#ifndef NJ_WEIGHTS_WEIGHTS_INTERNAL_H
#define NJ_WEIGHTS_WEIGHTS_INTERNAL_H

#include "base/file.h"
#include "weights/weights.h"

/* More tensors, or more bytes of names in all, than any network has. */
#define NJ_WEIGHTS_TENSORS_MAX    ((size_t)1 << 18)
#define NJ_WEIGHTS_NAME_BYTES_MAX ((size_t)64 << 20)

struct nj_entry {
    nj_view view;
    bool outside; /* of the container where the weights start */
};

struct nj_weights {
    nj_map map; /* empty when the bytes are the caller's */
    const unsigned char *bytes;
    size_t n;
    nj_weights_format format;
    struct nj_entry *entries;
    size_t count;
    size_t capacity;
    size_t name_bytes;
    const struct nj_entry **by_name; /* count of them, sorted */
    unsigned char **owned;           /* inflated records that views point to */
    size_t owned_count;
    size_t owned_capacity;
};

/* Elements of one dtype, inside the file (checked by who made it). */
struct nj_storage {
    const unsigned char *data;
    uint64_t elements;
    nj_dtype dtype;
};

/* As nj_weights_open, on bytes that the caller keeps until nj_weights_free. */
nj_status nj_weights_open_memory(const void *bytes, size_t n, nj_weights **out,
                                 nj_err *err) NJ_MUST_USE;

nj_status nj_read_safetensors(nj_weights *w, nj_err *err) NJ_MUST_USE;
nj_status nj_read_torch_zip(nj_weights *w, nj_err *err) NJ_MUST_USE;
nj_status nj_read_torch_legacy(nj_weights *w, nj_err *err) NJ_MUST_USE;

/* Appends a copy of *v; its name and path are copied too. */
nj_status nj_weights_add(nj_weights *w, const nj_view *v, bool outside,
                         nj_err *err) NJ_MUST_USE;

/* Makes the names of all that was added searchable. */
nj_status nj_weights_index(nj_weights *w, nj_err *err) NJ_MUST_USE;

/* Takes an inflated record that views point into; frees it on failure. */
nj_status nj_weights_own(nj_weights *w, unsigned char *bytes,
                         nj_err *err) NJ_MUST_USE;

/* Checks sizes and strides of *v against its storage, and sets data and
 * dtype. Offset and strides count elements. */
nj_status nj_view_place(nj_view *v, const struct nj_storage *storage,
                        int64_t offset, nj_err *err) NJ_MUST_USE;

/* Row-major strides for the shape of *v; false when a product overflows. */
bool nj_view_set_contiguous(nj_view *v);

/* Product of the sizes; false when one is negative or it overflows. An empty
 * tensor has 0 elements whatever its other sizes are. */
bool nj_shape_elements(int ndim, const int64_t *shape, uint64_t *elements);

#endif
