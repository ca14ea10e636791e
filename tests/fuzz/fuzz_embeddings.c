/* Any bytes as a file of embeddings: read or refused; what is read has paths
 * inside of the folder and vectors inside of the file. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "job/embeddings.h"
#include "job/picks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void require(int holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char model[65] = {0};
    uint8_t *bytes = malloc(n + 1); /* at an address that floats may have */
    nj_embeddings *e = NULL;

    memset(model, 'a', 64);
    require(bytes != NULL);
    memcpy(bytes, data, n);
    if (nj_embeddings_parse(bytes, n, model, &e, NULL) == NJ_OK) {
        size_t width = nj_embeddings_width(e);

        for (size_t i = 0; i < nj_embeddings_count(e); i++) {
            const nj_embedded *row = nj_embeddings_at(e, i);
            const uint8_t *at = (const uint8_t *)row->vector;

            require(nj_picks_inside(row->path, strlen(row->path)));
            require(nj_embeddings_find(e, row->path) == row);
            require(at >= bytes && at + width * sizeof(float) <= bytes + n);
        }
        nj_embeddings_free(e);
    }
    free(bytes);
    return 0;
}
