/* Orientation from EXIF data, by libexif: JPEG files carry it in a segment of
 * their own, PNG and WebP as a bare block. */
#include "image/decoders.h"

#include <stdlib.h>
#include <string.h>

#include <libexif/exif-data.h>

#include "base/mem.h"

static const char prefix[6] = {'E', 'x', 'i', 'f', 0, 0};

int nj_exif_orientation(const uint8_t *bytes, size_t n)
{
    int orientation = 1;
    ExifData *exif;
    ExifEntry *entry;

    if (n > 0x7fffffff)
        return 1;
    exif = exif_data_new_from_data(bytes, (unsigned)n);
    if (!exif)
        return 1;
    entry = exif_content_get_entry(exif->ifd[EXIF_IFD_0], EXIF_TAG_ORIENTATION);
    if (entry && entry->format == EXIF_FORMAT_SHORT && entry->components == 1)
        orientation =
            exif_get_short(entry->data, exif_data_get_byte_order(exif));
    exif_data_unref(exif);
    return orientation;
}

int nj_exif_block_orientation(const uint8_t *block, size_t n)
{
    uint8_t *bytes;
    int orientation;

    if (n >= sizeof(prefix) && memcmp(block, prefix, sizeof(prefix)) == 0)
        return nj_exif_orientation(block, n);
    bytes = n < 0x7fffffff ? nj_calloc(n + sizeof(prefix), 1) : NULL;
    if (!bytes)
        return 1;
    memcpy(bytes, prefix, sizeof(prefix));
    memcpy(bytes + sizeof(prefix), block, n);
    orientation = nj_exif_orientation(bytes, n + sizeof(prefix));
    free(bytes);
    return orientation;
}
