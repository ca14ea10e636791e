/* Walks the values of a pickle and names its tensors.
 *
 * A tree may hold itself, or hold one branch so often that no walk would end:
 * depth and steps are bounded. Names are dotted from where the weights start,
 * so that a file which wraps them in `state_dict` or `params_ema` looks like
 * one that does not.
 */
#include "weights/tree.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "weights/names.h"

#define DEPTH_MAX 64
#define STEPS_MAX ((size_t)1 << 22)
#define CHAIN_MAX 4

struct walk {
    nj_weights *w;
    const nj_pickle *p;
    const struct nj_storage *storages;
    bool torchscript;
    nj_str name;
    int levels; /* keys that are in `name` */
    nj_str path;
    size_t steps;
    uint32_t chain[CHAIN_MAX]; /* items to follow to where the weights start */
    int chain_length;
    bool outside;
    nj_err *err;
};

/* How far into the tree a value is; links is the number of links of the chain
 * that led to it, or -1 off the chain. */
struct place {
    int depth;
    int links;
};

static nj_status walk_value(struct walk *k, nj_ref ref, struct place at);

static const nj_value *value(const struct walk *k, nj_ref ref)
{
    return &k->p->values[ref];
}

/* ---- where the weights start ------------------------------------------- */

/* Keys that hold the weights of a checkpoint, the preferred one first
 * (Real-ESRGAN keeps params and params_ema, of which the latter counts). */
static const char *const containers[] = {
    "params_ema", "state_dict", "model_state_dict", "params", "model", "module",
    "net",        "ema",
};

static bool holds_tensor(const struct walk *k, const nj_value *dict)
{
    for (uint32_t i = 1; i < dict->as.list.count; i += 2) {
        if (value(k, dict->as.list.items[i])->kind == NJ_V_TENSOR)
            return true;
    }
    return false;
}

static bool find_container(const struct walk *k, const nj_value *dict,
                           uint32_t *item)
{
    for (size_t c = 0; c < sizeof(containers) / sizeof(containers[0]); c++) {
        for (uint32_t i = 0; i + 1 < dict->as.list.count; i += 2) {
            const nj_ref *pair = dict->as.list.items + i;

            if (nj_value_is_text(value(k, pair[0]), containers[c]) &&
                value(k, pair[1])->kind == NJ_V_DICT &&
                value(k, pair[1])->as.list.count) {
                *item = i;
                return true;
            }
        }
    }
    return false;
}

static void find_start(struct walk *k)
{
    const nj_value *v = value(k, k->p->root);

    while (k->chain_length < CHAIN_MAX && v->kind == NJ_V_DICT &&
           !holds_tensor(k, v) &&
           find_container(k, v, &k->chain[k->chain_length]))
        v = value(k, v->as.list.items[k->chain[k->chain_length++] + 1]);
}

/* ---- one tensor -------------------------------------------------------- */

static nj_status place_tensor(const struct walk *k, const nj_pickled_tensor *t,
                              nj_view *v)
{
    struct nj_storage s = k->storages[t->storage];

    if (s.dtype != t->dtype) {
        s.elements =
            s.elements * nj_dtype_size(s.dtype) / nj_dtype_size(t->dtype);
        s.dtype = t->dtype;
    }
    v->ndim = t->ndim;
    memcpy(v->shape, t->shape, sizeof(t->shape));
    memcpy(v->stride, t->stride, sizeof(t->stride));
    return nj_view_place(v, &s, t->offset, k->err);
}

static nj_status add_tensor(struct walk *k, const nj_pickled_tensor *t)
{
    nj_view v = {0};
    nj_str path = {0};
    nj_status status;

    if (k->path.length == 0)
        return nj_fail(k->err, NJ_E_FORMAT,
                       "its root is a tensor without a "
                       "name");
    if (k->torchscript)
        nj_path_add_key(&path, k->name.text, k->name.length);
    else
        nj_str_addn(&path, k->path.text, k->path.length);
    nj_str_addc(&path, ']');
    nj_str_addn(&k->name, "", 0);
    if (!nj_str_ok(&path) || !nj_str_ok(&k->name) || !nj_str_ok(&k->path)) {
        nj_str_release(&path);
        return nj_fail(k->err, NJ_E_MEMORY, "no memory for names");
    }
    v.name = k->name.text;
    v.path = path.text;
    status = place_tensor(k, t, &v);
    if (status != NJ_OK)
        nj_err_add(k->err, "tensor '%s'", v.name);
    else
        status = nj_weights_add(k->w, &v, k->outside, k->err);
    nj_str_release(&path);
    return status;
}

/* ---- containers -------------------------------------------------------- */

static void cut(nj_str *s, size_t length)
{
    s->length = length;
    if (s->text)
        s->text[length] = '\0';
}

/* The value of one key, with the key's words added to the names and taken
 * away again. */
static nj_status walk_named(struct walk *k, const nj_value *key, nj_ref ref,
                            struct place at)
{
    size_t name_length = k->name.length;
    size_t path_length = k->path.length;
    nj_status status;

    if (k->levels++)
        nj_str_addc(&k->name, '.');
    if (key->kind == NJ_V_TEXT) {
        nj_str_addn(&k->name, key->as.text.text, key->as.text.length);
        nj_path_add_key(&k->path, key->as.text.text, key->as.text.length);
    } else {
        nj_str_addf(&k->name, "%" PRId64, key->as.integer);
        nj_path_add_integer(&k->path, key->as.integer);
    }
    status = walk_value(k, ref, at);
    k->levels--;
    cut(&k->name, name_length);
    cut(&k->path, path_length);
    return status;
}

static nj_status walk_list(struct walk *k, const nj_value *v, struct place at)
{
    nj_status status = NJ_OK;

    for (uint32_t i = 0; status == NJ_OK && i < v->as.list.count; i++) {
        nj_value key = {.kind = NJ_V_INT, .as.integer = i};

        status = walk_named(k, &key, v->as.list.items[i],
                            (struct place){at.depth + 1, -1});
    }
    return status;
}

static int compare_keys(const void *a, const void *b)
{
    const nj_value *x = *(const nj_value *const *)a;
    const nj_value *y = *(const nj_value *const *)b;
    uint32_t n;
    int order;

    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    if (x->kind == NJ_V_INT)
        return (x->as.integer > y->as.integer) -
               (x->as.integer < y->as.integer);
    n = x->as.text.length < y->as.text.length ? x->as.text.length
                                              : y->as.text.length;
    order = n ? memcmp(x->as.text.text, y->as.text.text, n) : 0;
    return order ? order
                 : (x->as.text.length > y->as.text.length) -
                       (x->as.text.length < y->as.text.length);
}

static bool names_something(const nj_value *key)
{
    return key->kind == NJ_V_TEXT || key->kind == NJ_V_INT;
}

/* Names must be C strings and must be unique. */
static nj_status check_keys(const struct walk *k, const nj_value *dict)
{
    size_t n = 0;
    nj_status status = NJ_OK;
    const nj_value **keys =
        nj_calloc(dict->as.list.count / 2, sizeof(const nj_value *));

    if (!keys)
        return nj_fail(k->err, NJ_E_MEMORY, "no memory for names");
    for (uint32_t i = 0; i + 1 < dict->as.list.count; i += 2) {
        const nj_value *key = value(k, dict->as.list.items[i]);

        if (key->kind == NJ_V_TEXT && key->as.text.length &&
            memchr(key->as.text.text, '\0', key->as.text.length))
            status = nj_fail(k->err, NJ_E_FORMAT, "a name holds a NUL byte");
        if (names_something(key))
            keys[n++] = key;
    }
    qsort(keys, n, sizeof(const nj_value *), compare_keys);
    for (size_t i = 1; status == NJ_OK && i < n; i++) {
        if (compare_keys(&keys[i - 1], &keys[i]) == 0)
            status = nj_fail(k->err, NJ_E_FORMAT,
                             "a dictionary holds one key twice");
    }
    free(keys);
    return status;
}

static nj_status walk_dict(struct walk *k, const nj_value *v, struct place at)
{
    nj_status status = check_keys(k, v);

    for (uint32_t i = 0; status == NJ_OK && i + 1 < v->as.list.count; i += 2) {
        const nj_value *key = value(k, v->as.list.items[i]);
        bool linked = at.links >= 0 && at.links < k->chain_length &&
                      k->chain[at.links] == i;
        struct place below = {at.depth + 1, linked ? at.links + 1 : -1};

        k->steps++;
        if (names_something(key))
            status = walk_named(k, key, v->as.list.items[i + 1], below);
    }
    return status;
}

/* The container where the weights start: names begin anew. */
static nj_status walk_start(struct walk *k, const nj_value *v, struct place at)
{
    nj_str name = k->name;
    int levels = k->levels;
    nj_status status;

    k->name = (nj_str){0};
    k->levels = 0;
    k->outside = false;
    status = walk_dict(k, v, at);
    k->outside = true;
    k->levels = levels;
    nj_str_release(&k->name);
    k->name = name;
    return status;
}

static nj_status walk_value(struct walk *k, nj_ref ref, struct place at)
{
    const nj_value *v = value(k, ref);

    if (at.depth > DEPTH_MAX)
        return nj_fail(k->err, NJ_E_FORMAT,
                       "values nested deeper than %d (or in a circle)",
                       DEPTH_MAX);
    if (++k->steps > STEPS_MAX)
        return nj_fail(k->err, NJ_E_FORMAT, "a tree of more than %zu branches",
                       STEPS_MAX);
    switch (v->kind) {
    case NJ_V_TENSOR:
        return add_tensor(k, &k->p->tensors[v->as.index]);
    case NJ_V_DICT:
        return k->outside && at.links == k->chain_length ? walk_start(k, v, at)
                                                         : walk_dict(k, v, at);
    case NJ_V_LIST:
    case NJ_V_TUPLE:
        return walk_list(k, v, at);
    case NJ_V_OBJECT:
        if (v->as.list.count == 0)
            return NJ_OK;
        return walk_value(k, v->as.list.items[0],
                          (struct place){at.depth + 1, -1});
    default:
        return NJ_OK;
    }
}

nj_status nj_tree_collect(nj_weights *w, const nj_pickle *p,
                          const struct nj_storage *storages, nj_err *err)
{
    struct walk k = {.w = w, .p = p, .storages = storages, .err = err};
    nj_status status;

    k.torchscript = w->format == NJ_WEIGHTS_TORCHSCRIPT;
    if (!k.torchscript)
        find_start(&k);
    k.outside = k.chain_length > 0;
    status = walk_value(&k, p->root, (struct place){0, 0});
    nj_str_release(&k.name);
    nj_str_release(&k.path);
    return status;
}
