/* Weight files: opening, deciding the format by content, finding by name.
 * The formats themselves are in safetensors.c, torch_zip.c, torch_legacy.c. */
#include "weights/weights_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "weights/sniff.h"

nj_status nj_weights_add(nj_weights *w, const nj_view *v, bool outside,
                         nj_err *err)
{
    size_t bytes = strlen(v->name) + strlen(v->path) + 2;
    struct nj_entry *entry;

    w->name_bytes += bytes;
    if (w->count >= NJ_WEIGHTS_TENSORS_MAX ||
        w->name_bytes > NJ_WEIGHTS_NAME_BYTES_MAX)
        return nj_fail(err, NJ_E_FORMAT,
                       "too many tensors or too long names: at most %zu "
                       "tensors and %zu bytes of names are read",
                       NJ_WEIGHTS_TENSORS_MAX, NJ_WEIGHTS_NAME_BYTES_MAX);
    if (!nj_grow(&w->entries, &w->capacity, w->count + 1, sizeof(*w->entries)))
        return nj_fail(err, NJ_E_MEMORY, "no memory for tensors");
    entry = &w->entries[w->count];
    entry->view = *v;
    entry->outside = outside;
    entry->view.name = nj_strdup(v->name);
    entry->view.path = nj_strdup(v->path);
    w->count++;
    if (!entry->view.name || !entry->view.path)
        return nj_fail(err, NJ_E_MEMORY, "no memory for names");
    return NJ_OK;
}

nj_status nj_weights_own(nj_weights *w, unsigned char *bytes, nj_err *err)
{
    if (!nj_grow(&w->owned, &w->owned_capacity, w->owned_count + 1,
                 sizeof(*w->owned))) {
        free(bytes);
        return nj_fail(err, NJ_E_MEMORY, "no memory for records");
    }
    w->owned[w->owned_count++] = bytes;
    return NJ_OK;
}

/* By name; of equal names the one inside the weights, then the first. */
static int compare_entries(const void *a, const void *b)
{
    const struct nj_entry *x = *(const struct nj_entry *const *)a;
    const struct nj_entry *y = *(const struct nj_entry *const *)b;
    int order = strcmp(x->view.name, y->view.name);

    if (order == 0)
        order = (int)x->outside - (int)y->outside;
    if (order == 0)
        order = (x > y) - (x < y);
    return order;
}

nj_status nj_weights_index(nj_weights *w, nj_err *err)
{
    if (w->count == 0)
        return nj_fail(err, NJ_E_FORMAT, "it holds no tensor");
    w->by_name = nj_calloc(w->count, sizeof(*w->by_name));
    if (!w->by_name)
        return nj_fail(err, NJ_E_MEMORY, "no memory for names");
    for (size_t i = 0; i < w->count; i++)
        w->by_name[i] = &w->entries[i];
    qsort(w->by_name, w->count, sizeof(*w->by_name), compare_entries);
    return NJ_OK;
}

static nj_status read_any(nj_weights *w, nj_err *err)
{
    nj_status status;

    switch (nj_sniff(w->bytes, w->n)) {
    case NJ_LOOKS_ZIP:
        status = nj_read_torch_zip(w, err);
        break;
    case NJ_LOOKS_PICKLE:
        status = nj_read_torch_legacy(w, err);
        break;
    case NJ_LOOKS_SAFETENSORS:
        status = nj_read_safetensors(w, err);
        break;
    default:
        return nj_fail(err, NJ_E_FORMAT, "not a weight file: %s",
                       nj_sniff_words(w->bytes, w->n));
    }
    return status == NJ_OK ? nj_weights_index(w, err) : status;
}

nj_status nj_weights_open(const char *path, nj_weights **out, nj_err *err)
{
    nj_status status;
    nj_weights *w = nj_calloc(1, sizeof(*w));

    if (!w)
        return nj_fail(err, NJ_E_MEMORY, "no memory for weights");
    status = nj_map_open(path, &w->map, err);
    if (status == NJ_OK) {
        w->bytes = w->map.bytes;
        w->n = w->map.n;
        status = read_any(w, err);
        if (status != NJ_OK)
            nj_err_add(err, "cannot read '%s'", path);
    }
    if (status != NJ_OK) {
        nj_weights_free(w);
        return status;
    }
    *out = w;
    return NJ_OK;
}

nj_status nj_weights_open_memory(const void *bytes, size_t n, nj_weights **out,
                                 nj_err *err)
{
    nj_status status;
    nj_weights *w = nj_calloc(1, sizeof(*w));

    if (!w)
        return nj_fail(err, NJ_E_MEMORY, "no memory for weights");
    w->bytes = bytes;
    w->n = n;
    status = read_any(w, err);
    if (status != NJ_OK) {
        nj_weights_free(w);
        return status;
    }
    *out = w;
    return NJ_OK;
}

void nj_weights_free(nj_weights *w)
{
    if (!w)
        return;
    for (size_t i = 0; i < w->count; i++) {
        free((char *)(uintptr_t)w->entries[i].view.name);
        free((char *)(uintptr_t)w->entries[i].view.path);
    }
    for (size_t i = 0; i < w->owned_count; i++)
        free(w->owned[i]);
    free(w->owned);
    free(w->by_name);
    free(w->entries);
    nj_map_close(&w->map);
    free(w);
}

nj_weights_format nj_weights_kind(const nj_weights *w)
{
    return w->format;
}

size_t nj_weights_count(const nj_weights *w)
{
    return w->count;
}

const nj_view *nj_weights_at(const nj_weights *w, size_t i)
{
    return &w->entries[i].view;
}

void nj_weights_done(const nj_weights *w, const nj_view *v)
{
    const unsigned char *data = v->data;
    size_t last = 0;

    if (data < w->map.bytes || data >= w->map.bytes + w->map.n ||
        nj_view_elements(v) == 0)
        return;
    for (int i = 0; i < v->ndim; i++)
        last += (size_t)(v->shape[i] - 1) * (size_t)v->stride[i];
    nj_map_forget(&w->map, data, (last + 1) * nj_dtype_size(v->dtype));
}

const nj_view *nj_weights_find(const nj_weights *w, const char *name)
{
    size_t low = 0;
    size_t high = w->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(w->by_name[middle]->view.name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < w->count && strcmp(w->by_name[low]->view.name, name) == 0)
        return &w->by_name[low]->view;
    return NULL;
}
