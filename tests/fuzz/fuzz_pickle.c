/* The pickle machine and the tree walk, over storages that are there; and the
 * legacy format, which is pickles. */
#include "fuzz_views.h"

#include <stdlib.h>

#include "base/mem.h"
#include "weights/pickle.h"
#include "weights/tree.h"

#define STORAGE_BYTES 4096

/* Storages that claim more than the buffer get none. */
static struct nj_storage *make_storages(const nj_pickle *p)
{
    static const unsigned char bytes[STORAGE_BYTES];
    struct nj_storage *s = nj_calloc(p->storage_count, sizeof(*s));

    for (size_t i = 0; s && i < p->storage_count; i++) {
        uint64_t room = STORAGE_BYTES / nj_dtype_size(p->storages[i].dtype);

        s[i].data = bytes;
        s[i].dtype = p->storages[i].dtype;
        if (p->storages[i].view_numel <= room)
            s[i].elements = p->storages[i].view_numel;
    }
    return s;
}

static void run_pickle(const uint8_t *data, size_t size, bool torchscript)
{
    nj_pickle p = {.torchscript = torchscript};
    nj_weights *w = nj_calloc(1, sizeof(*w));
    struct nj_storage *storages = NULL;
    nj_err err = {0};

    if (w && nj_pickle_run(&p, data, size, &err) == NJ_OK) {
        w->format = torchscript ? NJ_WEIGHTS_TORCHSCRIPT : NJ_WEIGHTS_TORCH_ZIP;
        storages = make_storages(&p);
        if (storages && nj_tree_collect(w, &p, storages, &err) != NJ_OK &&
            !err.text[0])
            __builtin_trap();
    }
    free(storages);
    nj_pickle_release(&p);
    nj_weights_free(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    run_pickle(data, size, false);
    run_pickle(data, size, true);
    open_and_touch(data, size);
    return 0;
}
