/* Pictures: see picture.h. The format is decided by content. */
#include "image/picture.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "image/decoders.h"

#define FILE_BYTES_MAX ((size_t)512 << 20)

nj_status nj_decode_allocate(const nj_decode_job *job, nj_picture *out,
                             nj_err *err)
{
    size_t pixels;

    if (out->width <= 0 || out->height <= 0 ||
        !nj_mul_size((size_t)out->width, (size_t)out->height, &pixels) ||
        pixels > job->pixels_max)
        return nj_fail(err, NJ_E_FORMAT,
                       "the picture is too large: %d x %d, at most %zu pixels "
                       "expected",
                       out->width, out->height, job->pixels_max);
    if (job->header_only)
        return NJ_OK;
    out->pixels = nj_calloc(pixels, (size_t)out->channels);
    if (!out->pixels)
        return nj_fail(err, NJ_E_MEMORY, "no memory for a picture of %d x %d",
                       out->width, out->height);
    return NJ_OK;
}

static nj_status decode(const nj_decode_job *job, nj_picture *out, nj_err *err)
{
    const uint8_t *b = job->bytes;

    *out = (nj_picture){0};
    if (job->n >= 8 && memcmp(b, "\x89PNG\r\n\x1a\n", 8) == 0)
        return nj_decode_png(job, out, err);
    if (job->n >= 3 && memcmp(b, "\xff\xd8\xff", 3) == 0)
        return nj_decode_jpeg(job, out, err);
    if (job->n >= 12 && memcmp(b, "RIFF", 4) == 0 &&
        memcmp(b + 8, "WEBP", 4) == 0)
        return nj_decode_webp(job, out, err);
    return nj_fail(err, NJ_E_FORMAT, "not a PNG, JPEG or WebP picture");
}

nj_status nj_picture_decode(const uint8_t *bytes, size_t n, size_t pixels_max,
                            nj_picture *out, nj_err *err)
{
    const nj_decode_job job = {bytes, n, pixels_max, 0};
    nj_status status = decode(&job, out, err);

    if (status != NJ_OK)
        nj_picture_release(out);
    return status;
}

static nj_status read_file(const char *path, size_t pixels_max, int header_only,
                           nj_picture *out, nj_err *err)
{
    nj_decode_job job = {.pixels_max = pixels_max, .header_only = header_only};
    char *bytes;
    nj_status status = nj_file_read(path, FILE_BYTES_MAX, &bytes, &job.n, err);

    if (status != NJ_OK)
        return status;
    job.bytes = (const uint8_t *)bytes;
    status = decode(&job, out, err);
    free(bytes);
    if (status == NJ_OK)
        return NJ_OK;
    nj_picture_release(out);
    return nj_err_add(err, "cannot use '%s'", path);
}

nj_status nj_picture_read(const char *path, size_t pixels_max, nj_picture *out,
                          nj_err *err)
{
    return read_file(path, pixels_max, 0, out, err);
}

nj_status nj_picture_probe(const char *path, nj_picture *out, nj_err *err)
{
    return read_file(path, (size_t)-1 / 8, 1, out, err);
}

void nj_picture_release(nj_picture *p)
{
    free(p->pixels);
    *p = (nj_picture){0};
}

nj_status nj_picture_to_rgb(const nj_picture *p, nj_picture *out, nj_err *err)
{
    const nj_decode_job job = {.pixels_max = (size_t)-1 / 8};
    size_t pixels = (size_t)p->width * (size_t)p->height;
    int step = p->channels >= 3;
    nj_status status;

    *out = (nj_picture){.width = p->width, .height = p->height, .channels = 3};
    status = nj_decode_allocate(&job, out, err);
    if (status != NJ_OK)
        return status;
    for (size_t i = 0; i < pixels; i++) {
        const uint8_t *from = p->pixels + i * (size_t)p->channels;

        for (int c = 0; c < 3; c++)
            out->pixels[3 * i + (size_t)c] = from[c * step];
    }
    return NJ_OK;
}

/* Orientation as EXIF numbers it: 2 mirrored, 3 turned by 180, 4 flipped,
 * 5 transposed, 6 turned right, 7 transverse, 8 turned left. */
static size_t source_index(const nj_picture *p, int orientation, int x, int y)
{
    int sx = orientation >= 5 ? y : x;
    int sy = orientation >= 5 ? x : y;

    if (orientation == 2 || orientation == 3 || orientation == 7 ||
        orientation == 8)
        sx = p->width - 1 - sx;
    if (orientation == 3 || orientation == 4 || orientation == 6 ||
        orientation == 7)
        sy = p->height - 1 - sy;
    return (size_t)sy * (size_t)p->width + (size_t)sx;
}

nj_status nj_picture_orient(nj_picture *p, int orientation, nj_err *err)
{
    const nj_decode_job job = {.pixels_max = (size_t)-1 / 8,
                               .header_only = !p->pixels};
    nj_picture turned = {
        .width = p->width, .height = p->height, .channels = p->channels};
    size_t bytes = (size_t)p->channels;
    nj_status status;

    if (orientation <= 1 || orientation > 8)
        return NJ_OK;
    if (orientation >= 5) {
        turned.width = p->height;
        turned.height = p->width;
    }
    status = nj_decode_allocate(&job, &turned, err);
    if (status != NJ_OK)
        return status;
    for (int y = 0; turned.pixels && y < turned.height; y++) {
        for (int x = 0; x < turned.width; x++) {
            size_t to = (size_t)y * (size_t)turned.width + (size_t)x;
            size_t from = source_index(p, orientation, x, y);

            memcpy(turned.pixels + to * bytes, p->pixels + from * bytes, bytes);
        }
    }
    free(p->pixels);
    *p = turned;
    return NJ_OK;
}
