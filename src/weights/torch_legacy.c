/* Torch's files before 1.6: a magic number, a protocol version, the writer's
 * byte order, the object and the list of storage keys, a pickle each; then the
 * storages in the order of the list, each after its length. Layout:
 * torch.serialization, _legacy_save. */
#include "weights/weights_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "weights/pickle.h"
#include "weights/tree.h"

#define PROTOCOL 1001

struct legacy {
    nj_weights *w;
    size_t at; /* first byte that was not read yet */
    nj_pickle object;
    struct nj_storage *storages;       /* of object.storages */
    const nj_pickled_storage **by_key; /* the same count, sorted by key */
    nj_err *err;
};

static nj_status next_pickle(struct legacy *l, nj_pickle *p)
{
    nj_status status =
        nj_pickle_run(p, l->w->bytes + l->at, l->w->n - l->at, l->err);

    if (status == NJ_OK)
        l->at += p->used;
    return status;
}

/* ---- the head ---------------------------------------------------------- */

static nj_status check_magic(const nj_pickle *p, nj_err *err)
{
    static const char magic[] = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
    const nj_value *v = &p->values[p->root];

    if (v->kind == NJ_V_HUGE && v->as.text.length == sizeof(magic) - 1 &&
        memcmp(v->as.text.text, magic, sizeof(magic) - 1) == 0)
        return NJ_OK;
    return nj_fail(err, NJ_E_FORMAT,
                   "a pickle without torch's magic number: not a weight file");
}

static nj_status check_protocol(const nj_pickle *p, nj_err *err)
{
    const nj_value *v = &p->values[p->root];

    if (v->kind == NJ_V_INT && v->as.integer == PROTOCOL)
        return NJ_OK;
    return nj_fail(err, NJ_E_FORMAT,
                   "its protocol version is not %d: not supported", PROTOCOL);
}

static nj_status check_system(const nj_pickle *p, nj_err *err)
{
    const nj_value *v = &p->values[p->root];

    if (v->kind != NJ_V_DICT)
        return nj_fail(err, NJ_E_FORMAT, "its system information is broken");
    for (uint32_t i = 0; i + 1 < v->as.list.count; i += 2) {
        const nj_ref *pair = v->as.list.items + i;

        if (nj_value_is_text(&p->values[pair[0]], "little_endian") &&
            (p->values[pair[1]].kind != NJ_V_BOOL ||
             !p->values[pair[1]].as.integer))
            return nj_fail(err, NJ_E_FORMAT,
                           "big-endian data are not supported");
    }
    return NJ_OK;
}

static nj_status read_head(struct legacy *l)
{
    typedef nj_status check(const nj_pickle *p, nj_err *err);
    static check *const checks[] = {check_magic, check_protocol, check_system};
    nj_status status = NJ_OK;

    for (size_t i = 0; status == NJ_OK && i < 3; i++) {
        nj_pickle p = {0};

        status = next_pickle(l, &p);
        if (status == NJ_OK)
            status = checks[i](&p, l->err);
        nj_pickle_release(&p);
    }
    return status;
}

/* ---- storages ---------------------------------------------------------- */

static int compare_text(const char *a, uint32_t a_length, const char *b,
                        uint32_t b_length)
{
    uint32_t n = a_length < b_length ? a_length : b_length;
    int order = n ? memcmp(a, b, n) : 0;

    return order ? order : (a_length > b_length) - (a_length < b_length);
}

static int compare_storages(const void *a, const void *b)
{
    const nj_pickled_storage *x = *(const nj_pickled_storage *const *)a;
    const nj_pickled_storage *y = *(const nj_pickled_storage *const *)b;

    return compare_text(x->key, x->key_length, y->key, y->key_length);
}

static nj_status sort_storages(struct legacy *l)
{
    size_t n = l->object.storage_count;

    l->storages = nj_calloc(n, sizeof(*l->storages));
    l->by_key = nj_calloc(n, sizeof(*l->by_key));
    if (!l->storages || !l->by_key)
        return nj_fail(l->err, NJ_E_MEMORY, "no memory for storages");
    for (size_t i = 0; i < n; i++)
        l->by_key[i] = &l->object.storages[i];
    qsort(l->by_key, n, sizeof(*l->by_key), compare_storages);
    return NJ_OK;
}

/* First place in by_key whose key is not below. */
static size_t first_of(const struct legacy *l, const nj_value *key)
{
    size_t low = 0;
    size_t high = l->object.storage_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const nj_pickled_storage *s = l->by_key[middle];

        if (compare_text(s->key, s->key_length, key->as.text.text,
                         key->as.text.length) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool has_key(const struct legacy *l, size_t i, const nj_value *key)
{
    const nj_pickled_storage *s;

    if (i >= l->object.storage_count)
        return false;
    s = l->by_key[i];
    return compare_text(s->key, s->key_length, key->as.text.text,
                        key->as.text.length) == 0;
}

/* One mention of a storage: the file's length must be the object's. */
static nj_status place(struct legacy *l, const nj_pickled_storage *s,
                       uint64_t length, uint64_t *bytes)
{
    size_t size = nj_dtype_size(s->dtype);
    struct nj_storage *out = &l->storages[s - l->object.storages];

    if (s->untyped || out->data)
        return nj_fail(l->err, NJ_E_FORMAT, "storage '%.*s' occurs twice",
                       (int)s->key_length, s->key);
    if (length != s->numel)
        return nj_fail(l->err, NJ_E_FORMAT,
                       "storage '%.*s' has %" PRId64 " elements, %" PRIu64
                       " expected",
                       (int)s->key_length, s->key, (int64_t)length, s->numel);
    if (length > (l->w->n - l->at) / size)
        return nj_fail(l->err, NJ_E_FORMAT,
                       "storage '%.*s' of %" PRIu64
                       " elements is cut off (cut download?)",
                       (int)s->key_length, s->key, length);
    *bytes = length * size;
    out->data = l->w->bytes + l->at + s->view_offset * size;
    out->elements = s->view_numel;
    out->dtype = s->dtype;
    return NJ_OK;
}

static nj_status read_storage(struct legacy *l, const nj_value *key)
{
    uint64_t length = 0;
    uint64_t bytes = 0;
    nj_status status = NJ_OK;
    size_t i;

    if (key->kind != NJ_V_TEXT)
        return nj_fail(l->err, NJ_E_FORMAT, "a storage's key is no text");
    i = first_of(l, key);
    if (!has_key(l, i, key))
        return nj_fail(l->err, NJ_E_FORMAT,
                       "storage '%.*s' belongs to no tensor",
                       (int)key->as.text.length, key->as.text.text);
    if (l->w->n - l->at < 8)
        return nj_fail(l->err, NJ_E_FORMAT,
                       "the storages are cut off (cut download?)");
    for (int b = 7; b >= 0; b--)
        length = length << 8 | l->w->bytes[l->at + (size_t)b];
    l->at += 8;
    for (; status == NJ_OK && has_key(l, i, key); i++)
        status = place(l, l->by_key[i], length, &bytes);
    l->at += bytes;
    return status;
}

static nj_status read_storages(struct legacy *l, const nj_pickle *keys)
{
    const nj_value *list = &keys->values[keys->root];
    nj_status status = sort_storages(l);

    if (status == NJ_OK && list->kind != NJ_V_LIST)
        return nj_fail(l->err, NJ_E_FORMAT, "its list of keys is broken");
    for (uint32_t i = 0; status == NJ_OK && i < list->as.list.count; i++)
        status = read_storage(l, &keys->values[list->as.list.items[i]]);
    for (size_t i = 0; status == NJ_OK && i < l->object.storage_count; i++) {
        const nj_pickled_storage *s = &l->object.storages[i];

        if (!l->storages[i].data)
            status = nj_fail(l->err, NJ_E_FORMAT,
                             "storage '%.*s' is not in the list of keys",
                             (int)s->key_length, s->key);
    }
    return status;
}

static nj_status read_body(struct legacy *l)
{
    nj_pickle keys = {0};
    nj_status status = next_pickle(l, &l->object);

    if (status == NJ_OK)
        status = next_pickle(l, &keys);
    if (status == NJ_OK)
        status = read_storages(l, &keys);
    nj_pickle_release(&keys);
    if (status == NJ_OK)
        status = nj_tree_collect(l->w, &l->object, l->storages, l->err);
    return status;
}

nj_status nj_read_torch_legacy(nj_weights *w, nj_err *err)
{
    struct legacy l = {.w = w, .err = err};
    nj_status status;

    w->format = NJ_WEIGHTS_TORCH_LEGACY;
    status = read_head(&l);
    if (status == NJ_OK)
        status = read_body(&l);
    nj_pickle_release(&l.object);
    free(l.storages);
    free(l.by_key);
    return status;
}
