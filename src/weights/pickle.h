/* A pickle machine that cannot call anything.
 *
 * It runs the opcodes that torch writes and builds a tree of inert values:
 * a class or function is a pair of words, a tensor a record of numbers, a
 * storage a key. The few calls that torch needs (to rebuild a tensor, to make
 * a dictionary) are known by name in pickle_call.c; every other call is an
 * error as soon as it is met. Objects, memo and stack are bounded by the
 * pickle's own length. Opcodes: Python's pickletools, protocols 2 to 5.
 */
#ifndef NJ_WEIGHTS_PICKLE_H
#define NJ_WEIGHTS_PICKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/dtype.h"
#include "base/err.h"

#define NJ_PICKLE_BYTES_MAX  ((size_t)256 << 20)
#define NJ_PICKLE_VALUES_MAX ((size_t)1 << 22)

typedef uint32_t nj_ref; /* a value: index into nj_pickle.values */

typedef enum nj_value_kind {
    NJ_V_NONE,
    NJ_V_BOOL,
    NJ_V_INT,
    NJ_V_HUGE, /* an integer of more than 8 bytes, as it is written */
    NJ_V_FLOAT,
    NJ_V_TEXT,
    NJ_V_BYTES,
    NJ_V_TUPLE,
    NJ_V_LIST,
    NJ_V_DICT, /* items: key, value, key, value, ... */
    NJ_V_SET,
    NJ_V_GLOBAL,
    NJ_V_OBJECT, /* of a TorchScript class; items: its state, if set */
    NJ_V_STORAGE,
    NJ_V_TENSOR,
    NJ_V_INERT /* what a harmless call made: a device, a set, bytes */
} nj_value_kind;

typedef struct nj_value {
    nj_value_kind kind;
    union {
        int64_t integer; /* INT, BOOL */
        struct {
            const char
                *text; /* TEXT (valid UTF-8), BYTES, HUGE; in the pickle */
            uint32_t length;
        } text;
        struct {
            nj_ref *items;
            uint32_t count;
            uint32_t capacity;
        } list; /* TUPLE, LIST, DICT, SET, OBJECT */
        struct {
            const char *module;
            const char *name;
            uint32_t module_length;
            uint32_t name_length;
        } global;
        uint32_t index; /* STORAGE, TENSOR: in their arrays */
    } as;
} nj_value;

/* ('storage', class, key, location, numel[, view]). */
typedef struct nj_pickled_storage {
    const char *key; /* in the pickle, valid UTF-8 */
    uint32_t key_length;
    bool untyped;   /* the tensor says the dtype */
    nj_dtype dtype; /* of `numel` */
    uint64_t numel;
    uint64_t view_offset; /* elements; a piece of the storage `key` */
    uint64_t view_numel;  /* numel when it is no piece */
} nj_pickled_storage;

typedef struct nj_pickled_tensor {
    uint32_t storage;
    nj_dtype dtype;
    int64_t offset;
    int ndim;
    int64_t shape[NJ_DIMS_MAX];
    int64_t stride[NJ_DIMS_MAX];
} nj_pickled_tensor;

typedef struct nj_pickle {
    bool torchscript; /* classes of __torch__ may be made (set by caller) */
    nj_value *values;
    size_t count;
    size_t capacity;
    size_t items; /* in all lists together */
    nj_pickled_storage *storages;
    size_t storage_count;
    size_t storage_capacity;
    nj_pickled_tensor *tensors;
    size_t tensor_count;
    size_t tensor_capacity;
    nj_ref root;
    size_t used; /* bytes up to and including STOP */
} nj_pickle;

/* Runs the pickle that starts the n bytes, which must outlive *p. `*p` is
 * zero but for `torchscript`; it is released by nj_pickle_release, also after
 * a failure. */
nj_status nj_pickle_run(nj_pickle *p, const unsigned char *bytes, size_t n,
                        nj_err *err) NJ_MUST_USE;
void nj_pickle_release(nj_pickle *p);

/* ---- between the machine and pickle_call.c ------------------------------ */

/* A new value, or 0 with the error written (value 0 is None). */
nj_ref nj_pickle_new(nj_pickle *p, nj_value value, nj_err *err);
bool nj_pickle_append(nj_pickle *p, nj_ref list, nj_ref item, nj_err *err);
bool nj_value_is_text(const nj_value *v, const char *text);
bool nj_value_is_global(const nj_value *v, const char *module,
                        const char *name);

/* Writes what a forbidden call would do; never NJ_OK. */
nj_status nj_pickle_refuse(const nj_value *function, const char *doing,
                           nj_err *err);

/* What REDUCE, NEWOBJ, BUILD and BINPERSID make: *out, or an error. */
nj_status nj_pickle_call(nj_pickle *p, nj_ref function, nj_ref arguments,
                         nj_ref *out, nj_err *err) NJ_MUST_USE;
nj_status nj_pickle_make(nj_pickle *p, nj_ref class, nj_ref arguments,
                         nj_ref *out, nj_err *err) NJ_MUST_USE;
nj_status nj_pickle_set_state(nj_pickle *p, nj_ref object, nj_ref state,
                              nj_err *err) NJ_MUST_USE;
nj_status nj_pickle_persistent(nj_pickle *p, nj_ref id, nj_ref *out,
                               nj_err *err) NJ_MUST_USE;

#endif
