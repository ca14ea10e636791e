/* Weight files: names and tensors, straight from a memory map.
 *
 * Reads torch zip archives (also TorchScript), legacy torch files (before
 * 1.6) and safetensors; the format is decided by content, not by name. It
 * never executes anything that a file names, and never allocates a size that
 * a file merely claims. Not for: writing, or for tensors other than strided.
 *
 *     nj_weights *w;
 *     if (nj_weights_open("unet.pt", &w, &err) != NJ_OK) ...
 *     const nj_view *v = nj_weights_find(w, "input_blocks.0.0.weight");
 *     nj_weights_free(w);
 */
#ifndef NJ_WEIGHTS_WEIGHTS_H
#define NJ_WEIGHTS_WEIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/dtype.h"
#include "base/err.h"

/* One tensor in the map. Shape and strides count elements; element (i,j,...)
 * lies at data + (i*stride[0] + j*stride[1] + ...) * size of dtype, inside
 * the map for every valid index (checked). Data may be unaligned. */
typedef struct nj_view {
    const char *name; /* dotted, from where the weights start: a container
                         such as state_dict or params_ema is left out */
    const char *path; /* JSON array of keys from the root of the file: strings
                         and integers; in TorchScript and safetensors one
                         string */
    const void *data; /* borrowed from the map */
    nj_dtype dtype;
    int ndim;
    int64_t shape[NJ_DIMS_MAX];
    int64_t stride[NJ_DIMS_MAX];
} nj_view;

typedef struct nj_weights nj_weights;

typedef enum nj_weights_format {
    NJ_WEIGHTS_TORCH_ZIP,
    NJ_WEIGHTS_TORCHSCRIPT,
    NJ_WEIGHTS_TORCH_LEGACY,
    NJ_WEIGHTS_SAFETENSORS
} nj_weights_format;

/* Opens and checks a file. *out is freed with nj_weights_free. NJ_E_IO when it
 * cannot be read, NJ_E_FORMAT with the reason when it is refused. */
nj_status nj_weights_open(const char *path, nj_weights **out,
                          nj_err *err) NJ_MUST_USE;
void nj_weights_free(nj_weights *w);

nj_weights_format nj_weights_kind(const nj_weights *w);
size_t nj_weights_count(const nj_weights *w);

/* Tensor i in the order of the file; the view lives as long as w. */
const nj_view *nj_weights_at(const nj_weights *w, size_t i);

/* The tensor of that dotted name, or NULL. */
const nj_view *nj_weights_find(const nj_weights *w, const char *name);

/* Says that v was converted and will hardly be read again: its pages of the
 * map leave the resident memory, so that loading a network holds the converted
 * tensors and not the file as well. v stays valid. */
void nj_weights_done(const nj_weights *w, const nj_view *v);

int64_t nj_view_elements(const nj_view *v);

/* Copies the tensor to `out`, contiguous and row-major, converted to float32
 * (from any dtype; BOOL as 0 and 1) or in its own dtype. `out` holds
 * nj_view_elements(v) elements. */
void nj_view_to_f32(const nj_view *v, float *out);
void nj_view_copy(const nj_view *v, void *out);

#endif
