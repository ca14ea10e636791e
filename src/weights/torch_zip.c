/* Torch's zip archives (since 1.6) and TorchScript's: NAME/data.pkl, a record
 * NAME/data/KEY for each storage, and a few small records beside them. Layout:
 * torch.serialization and caffe2/serialize/inline_container. */
#include "weights/weights_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "weights/pickle.h"
#include "weights/tree.h"
#include "weights/zip.h"

/* kMaxSupportedFileFormatVersion of torch 2.11. */
#define VERSION_MAX 10

struct archive {
    nj_zip zip;
    const char *root; /* "NAME/", in the archive's bytes */
    size_t root_length;
    nj_pickle pickle;
    struct nj_storage *storages; /* of pickle.storages */
};

/* ---- records ----------------------------------------------------------- */

static nj_zip_entry *find_record(const struct archive *a, const char *folder,
                                 const char *key, size_t length)
{
    nj_str name = {0};
    nj_zip_entry *e = NULL;

    nj_str_addn(&name, a->root, a->root_length);
    nj_str_add(&name, folder);
    nj_str_addn(&name, key, length);
    if (nj_str_ok(&name))
        e = nj_zip_find(&a->zip, name.text, name.length);
    nj_str_release(&name);
    return e;
}

static nj_status find_root(struct archive *a, nj_err *err)
{
    static const char tail[] = "/data.pkl";
    size_t n = sizeof(tail) - 1;

    for (size_t i = 0; i < a->zip.count; i++) {
        const nj_zip_entry *e = &a->zip.entries[i];

        if (e->name_length < n ||
            memcmp(e->name + e->name_length - n, tail, n) != 0 ||
            memchr(e->name, '/', e->name_length - n))
            continue;
        if (a->root)
            return nj_fail(err, NJ_E_FORMAT,
                           "two folders with a data.pkl: which one counts?");
        a->root = e->name;
        a->root_length = e->name_length - n + 1;
    }
    if (!a->root)
        return nj_fail(err, NJ_E_FORMAT,
                       "a zip archive without NAME/data.pkl: not torch's");
    return NJ_OK;
}

/* Torch writes the byte order since 2.0. */
static nj_status check_byteorder(struct archive *a, nj_err *err)
{
    nj_zip_entry *e = find_record(a, "byteorder", "", 0);
    nj_status status = e ? nj_zip_load(&a->zip, e, err) : NJ_OK;

    if (!e || status != NJ_OK)
        return status;
    if (e->size == 6 && memcmp(e->data, "little", 6) == 0)
        return NJ_OK;
    if (e->size == 3 && memcmp(e->data, "big", 3) == 0)
        return nj_fail(err, NJ_E_FORMAT, "big-endian data are not supported");
    return nj_fail(err, NJ_E_FORMAT,
                   "record 'byteorder' is neither 'little' nor 'big'");
}

static nj_status check_version(struct archive *a, nj_err *err)
{
    nj_zip_entry *e = find_record(a, "version", "", 0);
    nj_status status = e ? nj_zip_load(&a->zip, e, err) : NJ_OK;
    unsigned version = 0;

    if (!e || status != NJ_OK)
        return status;
    for (size_t i = 0; i < e->size && i < 4; i++) {
        if (e->data[i] >= '0' && e->data[i] <= '9')
            version = version * 10 + (unsigned)(e->data[i] - '0');
    }
    if (version > VERSION_MAX)
        return nj_fail(err, NJ_E_FORMAT,
                       "format version %u of torch's archives is not known "
                       "(at most %d)",
                       version, VERSION_MAX);
    return NJ_OK;
}

static bool has_code(const struct archive *a)
{
    if (find_record(a, "constants.pkl", "", 0))
        return true;
    for (size_t i = 0; i < a->zip.count; i++) {
        const nj_zip_entry *e = &a->zip.entries[i];

        if (e->name_length > a->root_length + 5 &&
            memcmp(e->name, a->root, a->root_length) == 0 &&
            memcmp(e->name + a->root_length, "code/", 5) == 0)
            return true;
    }
    return false;
}

static nj_status run_pickle(struct archive *a, nj_weights *w, nj_err *err)
{
    nj_zip_entry *e = find_record(a, "data.pkl", "", 0);
    nj_status status;

    if (!e)
        return nj_fail(err, NJ_E_MEMORY, "no memory for a name");
    status = nj_zip_load(&a->zip, e, err);
    if (status != NJ_OK)
        return status;
    a->pickle.torchscript = has_code(a);
    status = nj_pickle_run(&a->pickle, e->data, (size_t)e->size, err);
    if (status == NJ_OK && a->pickle.values[a->pickle.root].kind == NJ_V_OBJECT)
        w->format = NJ_WEIGHTS_TORCHSCRIPT;
    return status;
}

/* ---- storages ---------------------------------------------------------- */

static nj_status place_storage(struct archive *a, nj_weights *w,
                               const nj_pickled_storage *s,
                               struct nj_storage *out, nj_err *err)
{
    size_t size = nj_dtype_size(s->dtype);
    nj_zip_entry *e = find_record(a, "data/", s->key, s->key_length);
    nj_status status;

    if (!e)
        return nj_fail(err, NJ_E_FORMAT,
                       "record 'data/%.*s' of a storage is missing",
                       (int)s->key_length, s->key);
    status = nj_zip_load(&a->zip, e, err);
    if (status != NJ_OK)
        return status;
    if (s->numel > e->size / size)
        return nj_fail(err, NJ_E_FORMAT,
                       "record 'data/%.*s' has %zu bytes, its storage "
                       "claims %zu elements of %zu",
                       (int)s->key_length, s->key, (size_t)e->size,
                       (size_t)s->numel, size);
    out->data = e->data + s->view_offset * size;
    out->elements = s->view_numel;
    out->dtype = s->dtype;
    if (e->inflated) {
        status = nj_weights_own(w, e->inflated, err);
        e->inflated = NULL;
    }
    return status;
}

static nj_status place_storages(struct archive *a, nj_weights *w, nj_err *err)
{
    nj_status status = NJ_OK;

    a->storages = nj_calloc(a->pickle.storage_count, sizeof(*a->storages));
    if (!a->storages)
        return nj_fail(err, NJ_E_MEMORY, "no memory for storages");
    for (size_t i = 0; status == NJ_OK && i < a->pickle.storage_count; i++)
        status =
            place_storage(a, w, &a->pickle.storages[i], &a->storages[i], err);
    return status;
}

static nj_status read_archive(struct archive *a, nj_weights *w, nj_err *err)
{
    nj_status status = find_root(a, err);

    if (status == NJ_OK)
        status = check_version(a, err);
    if (status == NJ_OK)
        status = check_byteorder(a, err);
    if (status == NJ_OK)
        status = run_pickle(a, w, err);
    if (status == NJ_OK)
        status = place_storages(a, w, err);
    if (status == NJ_OK)
        status = nj_tree_collect(w, &a->pickle, a->storages, err);
    return status;
}

nj_status nj_read_torch_zip(nj_weights *w, nj_err *err)
{
    struct archive a = {0};
    nj_status status =
        nj_zip_init(&a.zip, w->bytes, w->n, w->map.n ? &w->map : NULL, err);

    if (status != NJ_OK)
        return status;
    w->format = NJ_WEIGHTS_TORCH_ZIP;
    status = read_archive(&a, w, err);
    nj_pickle_release(&a.pickle);
    nj_zip_release(&a.zip);
    free(a.storages);
    return status;
}
