/* The calls that a weight file may make, by name, as plain data.
 *
 * A module of its own because it is the whole list of what is allowed: what is
 * not in the table is refused. Names and arguments are those of torch._utils
 * and torch.serialization.
 */
#include "weights/pickle.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "weights/weights_internal.h"

#define REBUILD_ARGUMENTS_MIN 4

/* A call in progress. */
struct call {
    nj_pickle *p;
    nj_ref function;
    const nj_ref *args;
    uint32_t count;
    nj_err *err;
};

typedef nj_status handler(const struct call *c, nj_ref *out);

static const nj_value *arg(const struct call *c, uint32_t i)
{
    return &c->p->values[c->args[i]];
}

static nj_status bad_arguments(const struct call *c)
{
    const nj_value *f = &c->p->values[c->function];

    return nj_fail(c->err, NJ_E_FORMAT, "wrong arguments for '%.*s'",
                   (int)f->as.global.name_length, f->as.global.name);
}

/* ---- storages ---------------------------------------------------------- */

static const struct {
    const char *name;
    nj_dtype dtype;
} storage_types[] = {
    {"FloatStorage", NJ_F32},  {"DoubleStorage", NJ_F64},
    {"HalfStorage", NJ_F16},   {"BFloat16Storage", NJ_BF16},
    {"LongStorage", NJ_I64},   {"IntStorage", NJ_I32},
    {"ShortStorage", NJ_I16},  {"CharStorage", NJ_I8},
    {"ByteStorage", NJ_U8},    {"BoolStorage", NJ_BOOL},
    {"UntypedStorage", NJ_U8},
};

/* Words for dtypes that have no place in a network of ours. */
static const struct {
    const char *name;
    const char *dtype;
} foreign_types[] = {
    {"ComplexFloatStorage", "complex64"},
    {"ComplexDoubleStorage", "complex128"},
    {"QInt8Storage", "qint8"},
    {"QUInt8Storage", "quint8"},
    {"QInt32Storage", "qint32"},
    {"QUInt4x2Storage", "quint4x2"},
    {"QUInt2x4Storage", "quint2x4"},
};

static bool is_torch_module(const nj_value *v, const char *name)
{
    return nj_value_is_global(v, "torch", name) ||
           nj_value_is_global(v, "torch.cuda", name) ||
           nj_value_is_global(v, "torch.storage", name);
}

static nj_status storage_type(const nj_value *v, nj_pickled_storage *s,
                              nj_err *err)
{
    if (v->kind != NJ_V_GLOBAL)
        return nj_fail(err, NJ_E_FORMAT, "a storage without a type");
    for (size_t i = 0; i < sizeof(storage_types) / sizeof(storage_types[0]);
         i++) {
        if (is_torch_module(v, storage_types[i].name)) {
            s->dtype = storage_types[i].dtype;
            s->untyped = strcmp(storage_types[i].name, "UntypedStorage") == 0;
            return NJ_OK;
        }
    }
    for (size_t i = 0; i < sizeof(foreign_types) / sizeof(foreign_types[0]);
         i++) {
        if (is_torch_module(v, foreign_types[i].name))
            return nj_fail(err, NJ_E_FORMAT, "dtype %s is not supported",
                           foreign_types[i].dtype);
    }
    return nj_fail(err, NJ_E_FORMAT,
                   "storage type '%.*s.%.*s' is not supported",
                   (int)v->as.global.module_length, v->as.global.module,
                   (int)v->as.global.name_length, v->as.global.name);
}

static bool natural(const nj_value *v, uint64_t *out)
{
    if (v->kind != NJ_V_INT || v->as.integer < 0)
        return false;
    *out = (uint64_t)v->as.integer;
    return true;
}

/* torch 0.3 and older: (key of the piece, offset, size), or None. */
static bool read_piece(const nj_pickle *p, const nj_value *v,
                       nj_pickled_storage *s)
{
    uint64_t end;

    if (v->kind == NJ_V_NONE)
        return true;
    return v->kind == NJ_V_TUPLE && v->as.list.count == 3 &&
           natural(&p->values[v->as.list.items[1]], &s->view_offset) &&
           natural(&p->values[v->as.list.items[2]], &s->view_numel) &&
           !__builtin_add_overflow(s->view_offset, s->view_numel, &end) &&
           end <= s->numel;
}

static nj_status read_storage(const nj_pickle *p, const nj_value *id,
                              nj_pickled_storage *s, nj_err *err)
{
    const nj_ref *items = id->as.list.items;
    const nj_value *key;
    nj_status status;

    if (id->kind != NJ_V_TUPLE || id->as.list.count < 5 ||
        id->as.list.count > 6 ||
        !nj_value_is_text(&p->values[items[0]], "storage"))
        return nj_fail(err, NJ_E_FORMAT,
                       "a persistent id that does not name a storage");
    status = storage_type(&p->values[items[1]], s, err);
    if (status != NJ_OK)
        return status;
    key = &p->values[items[2]];
    if (key->kind != NJ_V_TEXT)
        return nj_fail(err, NJ_E_FORMAT, "a storage's key is no text");
    s->key = key->as.text.text;
    s->key_length = key->as.text.length;
    if (!natural(&p->values[items[4]], &s->numel))
        return nj_fail(err, NJ_E_FORMAT,
                       "a storage's length is negative or no integer");
    s->view_numel = s->numel;
    if (id->as.list.count == 6 && !read_piece(p, &p->values[items[5]], s))
        return nj_fail(err, NJ_E_FORMAT, "a piece outside of its storage");
    return NJ_OK;
}

nj_status nj_pickle_persistent(nj_pickle *p, nj_ref id, nj_ref *out,
                               nj_err *err)
{
    nj_pickled_storage s = {0};
    nj_status status = read_storage(p, &p->values[id], &s, err);

    if (status != NJ_OK)
        return status;
    if (p->storage_count >= NJ_WEIGHTS_TENSORS_MAX)
        return nj_fail(err, NJ_E_FORMAT, "more than %zu storages",
                       NJ_WEIGHTS_TENSORS_MAX);
    if (!nj_grow(&p->storages, &p->storage_capacity, p->storage_count + 1,
                 sizeof(*p->storages)))
        return nj_fail(err, NJ_E_MEMORY, "no memory for storages");
    p->storages[p->storage_count] = s;
    *out = nj_pickle_new(p,
                         (nj_value){.kind = NJ_V_STORAGE,
                                    .as.index = (uint32_t)p->storage_count},
                         err);
    p->storage_count++;
    return *out ? NJ_OK : NJ_E_FORMAT;
}

/* ---- tensors ----------------------------------------------------------- */

/* A tuple (or TorchScript's list) of at most NJ_DIMS_MAX integers. */
static nj_status read_sizes(const struct call *c, uint32_t i, const char *what,
                            int64_t *out, int *count)
{
    const nj_value *v = arg(c, i);

    if (v->kind != NJ_V_TUPLE && v->kind != NJ_V_LIST)
        return nj_fail(c->err, NJ_E_FORMAT, "a tensor's %s is no tuple", what);
    if (v->as.list.count > NJ_DIMS_MAX)
        return nj_fail(c->err, NJ_E_FORMAT,
                       "a tensor of %u dimensions, at most %d are supported",
                       v->as.list.count, NJ_DIMS_MAX);
    *count = (int)v->as.list.count;
    for (int k = 0; k < *count; k++) {
        const nj_value *x = &c->p->values[v->as.list.items[k]];

        if (x->kind != NJ_V_INT || x->as.integer < 0)
            return nj_fail(c->err, NJ_E_FORMAT,
                           "a tensor's %s holds a value that is no "
                           "integer from 0 to 2^63-1",
                           what);
        out[k] = x->as.integer;
    }
    return NJ_OK;
}

static nj_status add_tensor(const struct call *c, const nj_pickled_tensor *t,
                            nj_ref *out)
{
    nj_pickle *p = c->p;

    if (p->tensor_count >= NJ_WEIGHTS_TENSORS_MAX)
        return nj_fail(c->err, NJ_E_FORMAT, "more than %zu tensors",
                       NJ_WEIGHTS_TENSORS_MAX);
    if (!nj_grow(&p->tensors, &p->tensor_capacity, p->tensor_count + 1,
                 sizeof(*p->tensors)))
        return nj_fail(c->err, NJ_E_MEMORY, "no memory for tensors");
    p->tensors[p->tensor_count] = *t;
    *out = nj_pickle_new(
        p,
        (nj_value){.kind = NJ_V_TENSOR, .as.index = (uint32_t)p->tensor_count},
        c->err);
    p->tensor_count++;
    return *out ? NJ_OK : NJ_E_FORMAT;
}

/* (storage, offset, size, stride, ...) */
static nj_status read_tensor(const struct call *c, nj_pickled_tensor *t)
{
    int strides = 0;
    nj_status status;

    if (c->count < REBUILD_ARGUMENTS_MIN || arg(c, 0)->kind != NJ_V_STORAGE ||
        arg(c, 1)->kind != NJ_V_INT)
        return bad_arguments(c);
    t->storage = arg(c, 0)->as.index;
    t->dtype = c->p->storages[t->storage].dtype;
    t->offset = arg(c, 1)->as.integer;
    status = read_sizes(c, 2, "shape", t->shape, &t->ndim);
    if (status == NJ_OK)
        status = read_sizes(c, 3, "stride", t->stride, &strides);
    if (status == NJ_OK && strides != t->ndim)
        return nj_fail(c->err, NJ_E_FORMAT,
                       "a tensor of %d sizes and %d strides", t->ndim, strides);
    return status;
}

static nj_status rebuild_tensor(const struct call *c, nj_ref *out)
{
    nj_pickled_tensor t = {0};
    nj_status status = read_tensor(c, &t);

    if (status == NJ_OK && c->p->storages[t.storage].untyped)
        return bad_arguments(c);
    return status == NJ_OK ? add_tensor(c, &t, out) : status;
}

static const struct {
    const char *name;
    nj_dtype dtype;
} torch_dtypes[] = {
    {"float32", NJ_F32},   {"float64", NJ_F64}, {"float16", NJ_F16},
    {"bfloat16", NJ_BF16}, {"int64", NJ_I64},   {"int32", NJ_I32},
    {"int16", NJ_I16},     {"int8", NJ_I8},     {"uint8", NJ_U8},
    {"bool", NJ_BOOL},
};

/* (storage, offset, size, stride, requires_grad, hooks, dtype, ...): for
 * dtypes without a storage type of their own. */
static nj_status rebuild_tensor_v3(const struct call *c, nj_ref *out)
{
    nj_pickled_tensor t = {0};
    nj_status status;
    const nj_value *dtype;

    if (c->count < 7 || arg(c, 6)->kind != NJ_V_GLOBAL)
        return bad_arguments(c);
    status = read_tensor(c, &t);
    if (status != NJ_OK)
        return status;
    dtype = arg(c, 6);
    for (size_t i = 0; i < sizeof(torch_dtypes) / sizeof(torch_dtypes[0]);
         i++) {
        if (nj_value_is_global(dtype, "torch", torch_dtypes[i].name)) {
            t.dtype = torch_dtypes[i].dtype;
            return add_tensor(c, &t, out);
        }
    }
    return nj_fail(c->err, NJ_E_FORMAT, "dtype %.*s is not supported",
                   (int)dtype->as.global.name_length, dtype->as.global.name);
}

/* ---- other calls ------------------------------------------------------- */

/* (tensor, requires_grad, hooks): the tensor itself; and torch.Size(tuple),
 * TorchScript's typed lists. */
static nj_status first_argument(const struct call *c, nj_ref *out)
{
    if (c->count < 1)
        return bad_arguments(c);
    *out = c->args[0];
    return NJ_OK;
}

static nj_status rebuild_parameter(const struct call *c, nj_ref *out)
{
    if (c->count < 1 || arg(c, 0)->kind != NJ_V_TENSOR)
        return bad_arguments(c);
    return first_argument(c, out);
}

/* (function, type, arguments, state): a tensor with attributes. */
static nj_status rebuild_from_type(const struct call *c, nj_ref *out)
{
    const nj_value *f;

    if (c->count < 3)
        return bad_arguments(c);
    f = arg(c, 0);
    /* Not itself again: the recursion ends here. */
    if (!nj_value_is_global(f, "torch._utils", "_rebuild_tensor_v2") &&
        !nj_value_is_global(f, "torch._utils", "_rebuild_parameter"))
        return bad_arguments(c);
    return nj_pickle_call(c->p, c->args[0], c->args[2], out, c->err);
}

/* OrderedDict(), or of Python 2: OrderedDict([[key, value], ...]). */
static nj_status ordered_dict(const struct call *c, nj_ref *out)
{
    nj_ref dict = nj_pickle_new(c->p, (nj_value){.kind = NJ_V_DICT}, c->err);
    uint32_t pairs;

    if (!dict)
        return NJ_E_FORMAT;
    *out = dict;
    if (c->count == 0)
        return NJ_OK;
    if (arg(c, 0)->kind != NJ_V_LIST)
        return bad_arguments(c);
    pairs = arg(c, 0)->as.list.count;
    for (uint32_t i = 0; i < pairs; i++) {
        const nj_value *pair = &c->p->values[arg(c, 0)->as.list.items[i]];

        if ((pair->kind != NJ_V_LIST && pair->kind != NJ_V_TUPLE) ||
            pair->as.list.count != 2)
            return bad_arguments(c);
        if (!nj_pickle_append(c->p, dict, pair->as.list.items[0], c->err) ||
            !nj_pickle_append(c->p, dict, pair->as.list.items[1], c->err))
            return NJ_E_FORMAT;
    }
    return NJ_OK;
}

static nj_status inert(const struct call *c, nj_ref *out)
{
    *out = nj_pickle_new(c->p, (nj_value){.kind = NJ_V_INERT}, c->err);
    return *out ? NJ_OK : NJ_E_FORMAT;
}

static const struct {
    const char *module;
    const char *name;
    handler *handle;
} calls[] = {
    {"torch._utils", "_rebuild_tensor_v2", rebuild_tensor},
    {"torch._utils", "_rebuild_tensor", rebuild_tensor},
    {"torch._utils", "_rebuild_tensor_v3", rebuild_tensor_v3},
    {"torch._utils", "_rebuild_parameter", rebuild_parameter},
    {"torch._utils", "_rebuild_parameter_with_state", rebuild_parameter},
    {"torch._tensor", "_rebuild_from_type_v2", rebuild_from_type},
    {"collections", "OrderedDict", ordered_dict},
    {"torch", "Size", first_argument},
    {"torch.jit._pickle", "build_intlist", first_argument},
    {"torch.jit._pickle", "build_tensorlist", first_argument},
    {"torch.jit._pickle", "build_doublelist", first_argument},
    {"torch.jit._pickle", "build_boollist", first_argument},
    {"torch.jit._pickle", "restore_type_tag", first_argument},
    {"torch", "device", inert},
    {"_codecs", "encode", inert},
    {"builtins", "set", inert},
    {"__builtin__", "set", inert},
};

nj_status nj_pickle_refuse(const nj_value *f, const char *doing, nj_err *err)
{
    if (f->kind != NJ_V_GLOBAL)
        return nj_fail(err, NJ_E_FORMAT, "a call of what is no function");
    if (f->as.global.name_length > 9 &&
        memcmp(f->as.global.name, "_rebuild_", 9) == 0)
        return nj_fail(err, NJ_E_FORMAT,
                       "a tensor made by '%.*s.%.*s' is not supported",
                       (int)f->as.global.module_length, f->as.global.module,
                       (int)f->as.global.name_length, f->as.global.name);
    return nj_fail(err, NJ_E_FORMAT,
                   "it would %s '%.*s.%.*s': nothing that a file names is run",
                   doing, (int)f->as.global.module_length, f->as.global.module,
                   (int)f->as.global.name_length, f->as.global.name);
}

nj_status nj_pickle_call(nj_pickle *p, nj_ref function, nj_ref arguments,
                         nj_ref *out, nj_err *err)
{
    const nj_value *f = &p->values[function];
    const nj_value *args = &p->values[arguments];
    struct call c = {p, function, NULL, 0, err};

    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        if (!nj_value_is_global(f, calls[i].module, calls[i].name))
            continue;
        if (args->kind != NJ_V_TUPLE)
            return bad_arguments(&c);
        c.args = args->as.list.items;
        c.count = args->as.list.count;
        return calls[i].handle(&c, out);
    }
    return nj_pickle_refuse(f, "call", err);
}

/* ---- objects ----------------------------------------------------------- */

static bool is_torchscript_class(const nj_value *v)
{
    static const char prefix[] = "__torch__";
    size_t n = sizeof(prefix) - 1;

    return v->kind == NJ_V_GLOBAL && v->as.global.module_length >= n &&
           memcmp(v->as.global.module, prefix, n) == 0;
}

nj_status nj_pickle_make(nj_pickle *p, nj_ref class, nj_ref arguments,
                         nj_ref *out, nj_err *err)
{
    const nj_value *v = &p->values[class];

    if (!p->torchscript || !is_torchscript_class(v))
        return nj_pickle_refuse(v, "make an object of", err);
    if (p->values[arguments].kind != NJ_V_TUPLE)
        return nj_fail(err, NJ_E_FORMAT, "wrong arguments for a class");
    *out = nj_pickle_new(p, (nj_value){.kind = NJ_V_OBJECT}, err);
    return *out ? NJ_OK : NJ_E_FORMAT;
}

nj_status nj_pickle_set_state(nj_pickle *p, nj_ref object, nj_ref state,
                              nj_err *err)
{
    nj_value *v = &p->values[object];

    /* A dictionary's state is the _metadata of a state_dict. */
    if (v->kind == NJ_V_DICT)
        return NJ_OK;
    if (v->kind != NJ_V_OBJECT || v->as.list.count)
        return nj_fail(err, NJ_E_FORMAT, "BUILD of a value that has no state");
    return nj_pickle_append(p, object, state, err) ? NJ_OK : NJ_E_FORMAT;
}
