/* Zip archives: the directory, every record, and the whole as weights. The
 * checksums of stored records are put right first, or hardly any mutation
 * would get past them. */
#include "fuzz_views.h"

#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "base/mem.h"
#include "weights/zip.h"

#define DIRECTORY_BYTES 46
#define CRC_AT          16

static void load_all(const uint8_t *data, size_t size)
{
    nj_zip z;
    nj_err err = {0};

    if (nj_zip_init(&z, data, size, NULL, &err) != NJ_OK)
        return;
    for (size_t i = 0; i < z.count; i++) {
        nj_zip_entry *e = &z.entries[i];

        if (nj_zip_load(&z, e, &err) == NJ_OK &&
            crc32_z(0, e->data, (size_t)e->size) != e->crc)
            __builtin_trap();
    }
    nj_zip_release(&z);
}

/* `copy` is written where the directory has the sums of its records. */
static void mend_sums(uint8_t *copy, size_t size)
{
    nj_zip z;
    nj_err err = {0};

    if (nj_zip_init(&z, copy, size, NULL, &err) != NJ_OK)
        return;
    for (size_t i = 0; i < z.count; i++) {
        const nj_zip_entry *e = &z.entries[i];
        uint8_t *sum =
            copy + ((const uint8_t *)e->name - copy) - DIRECTORY_BYTES + CRC_AT;
        uint64_t head;
        uint32_t crc;

        if (e->offset > size || size - e->offset < 30)
            continue;
        head = e->offset + 30 +
               (uint64_t)(copy[e->offset + 26] | copy[e->offset + 27] << 8) +
               (uint64_t)(copy[e->offset + 28] | copy[e->offset + 29] << 8);
        if (head > size || e->size > size - head)
            continue;
        crc = (uint32_t)crc32_z(0, copy + head, (size_t)e->size);
        for (int b = 0; b < 4; b++)
            sum[b] = (uint8_t)(crc >> 8 * b);
    }
    nj_zip_release(&z);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size + 1);

    load_all(data, size);
    if (copy) {
        memcpy(copy, data, size);
        mend_sums(copy, size);
        open_and_touch(copy, size);
    }
    free(copy);
    return 0;
}
