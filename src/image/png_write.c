/* PNG encoding: stb_image_write filters and frames the pixels, zlib compresses
 * them (smaller and quicker than stb's own compressor, and its output is
 * stable). stb's file writer is never used: it reports success on a full
 * disk. */
#include "image/png.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

static unsigned char *compress_by_zlib(unsigned char *data, int n, int *out_n,
                                       int quality);

#define STBIW_ZLIB_COMPRESS compress_by_zlib
#define STBI_WRITE_NO_STDIO
#ifndef __clang_analyzer__ /* it complains about stb, not about us */
#define STB_IMAGE_WRITE_IMPLEMENTATION
#endif
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#include <stb/stb_image_write.h>
#pragma GCC diagnostic pop

static unsigned char *compress_by_zlib(unsigned char *data, int n, int *out_n,
                                       int quality)
{
    uLongf size = compressBound((uLong)n);
    unsigned char *out = malloc(size);

    if (!out || size > INT_MAX ||
        compress2(out, &size, data, (uLong)n, quality) != Z_OK) {
        free(out);
        return NULL;
    }
    *out_n = (int)size;
    return out;
}

static nj_status encode_pixels(const nj_picture *p, uint8_t **bytes, size_t *n,
                               nj_err *err)
{
    int length = 0;

    if (p->width <= 0 || p->height <= 0 || p->channels < 1 || p->channels > 4 ||
        (size_t)p->height > (size_t)(INT_MAX / 2) / ((size_t)p->width * 4 + 1))
        return nj_fail(err, NJ_E_USAGE,
                       "a picture of %d x %d cannot be written as PNG",
                       p->width, p->height);
    *bytes = stbi_write_png_to_mem(p->pixels, p->width * p->channels, p->width,
                                   p->height, p->channels, &length);
    if (!*bytes)
        return nj_fail(err, NJ_E_MEMORY, "no memory to encode a picture");
    *n = (size_t)length;
    return NJ_OK;
}

nj_status nj_png_encode(const nj_picture *p, const nj_png_text *texts,
                        size_t count, uint8_t **bytes, size_t *n, nj_err *err)
{
    uint8_t *plain;
    size_t plain_n = 0;
    nj_status status = encode_pixels(p, &plain, &plain_n, err);

    if (status != NJ_OK)
        return status;
    status = nj_png_replace_texts(plain, plain_n, texts, count, bytes, n, err);
    free(plain);
    return status;
}
