/* PNG pixels by libpng: expanded to 8 bits a channel, without any colour
 * conversion, so that a byte in the file is the byte that the network sees. */
#include "image/decoders.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "base/mem.h"

typedef struct reader {
    const uint8_t *next;
    size_t left;
    char text[120];
} reader;

static void on_error(png_structp png, png_const_charp text)
{
    reader *r = png_get_error_ptr(png);

    strncpy(r->text, text, sizeof(r->text) - 1);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static void on_read(png_structp png, png_bytep out, size_t n)
{
    reader *r = png_get_io_ptr(png);

    if (n > r->left)
        png_error(png, "the file is cut short");
    memcpy(out, r->next, n);
    r->next += n;
    r->left -= n;
}

static void ask_for_8_bits(png_structp png, png_infop info)
{
    png_set_expand(png);
    png_set_scale_16(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
}

static nj_status read_rows(png_structp png, png_infop info,
                           const nj_picture *out, png_bytep *rows)
{
    size_t row = png_get_rowbytes(png, info);

    for (int y = 0; y < out->height; y++)
        rows[y] = out->pixels + (size_t)y * row;
    png_read_image(png, rows);
    png_read_end(png, info);
    return NJ_OK;
}

/* `rows` lives outside, so that it survives libpng's long jump. */
static nj_status decode(png_structp png, png_infop info,
                        const nj_decode_job *job, nj_picture *out,
                        png_bytep **rows, nj_err *err)
{
    reader *r = png_get_io_ptr(png);
    nj_status status;

    if (setjmp(png_jmpbuf(png)))
        return nj_fail(err, NJ_E_FORMAT, "broken PNG: %s", r->text);
    png_set_user_limits(png, 1000000, 1000000);
    /* Texts, profiles and the like are skipped, so that none is inflated. */
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_AS_DEFAULT,
                                (png_const_bytep) "eXIf", 1);
    png_read_info(png, info);
    out->width = (int)png_get_image_width(png, info);
    out->height = (int)png_get_image_height(png, info);
    ask_for_8_bits(png, info);
    out->channels = png_get_channels(png, info);
    status = nj_decode_allocate(job, out, err);
    if (status != NJ_OK || job->header_only)
        return status;
    *rows = nj_calloc((size_t)out->height, sizeof(**rows));
    if (!*rows)
        return nj_fail(err, NJ_E_MEMORY, "no memory for a PNG");
    return read_rows(png, info, out, *rows);
}

/* Of the whole file, or of what stands before the pixels when only that was
 * read. */
static int orientation_of(png_structp png, png_infop info)
{
    png_bytep block;
    png_uint_32 n;

    if (!(png_get_eXIf_1(png, info, &n, &block) & PNG_INFO_eXIf))
        return 1;
    return nj_exif_block_orientation(block, n);
}

/* libpng takes whatever memory a chunk's length field claims: the file must
 * hold that much. */
static bool lengths_fit(const uint8_t *bytes, size_t n)
{
    size_t at = 8;

    while (at < n && n - at >= 12 && memcmp(bytes + at + 4, "IEND", 4) != 0) {
        size_t length = png_get_uint_32(bytes + at);

        if (length > n - at - 12)
            return false;
        at += length + 12;
    }
    return true;
}

nj_status nj_decode_png(const nj_decode_job *job, nj_picture *out, nj_err *err)
{
    reader r = {.next = job->bytes, .left = job->n};
    png_bytep *rows = NULL;
    png_infop info = NULL;
    nj_status status;
    png_structp png;

    if (!lengths_fit(job->bytes, job->n))
        return nj_fail(err, NJ_E_FORMAT, "broken PNG: a chunk is cut short");
    png =
        png_create_read_struct(PNG_LIBPNG_VER_STRING, &r, on_error, on_warning);

    if (png)
        info = png_create_info_struct(png);
    if (!info) {
        png_destroy_read_struct(&png, NULL, NULL);
        return nj_fail(err, NJ_E_MEMORY, "no memory for a PNG");
    }
    png_set_read_fn(png, &r, on_read);
    status = decode(png, info, job, out, &rows, err);
    free(rows);
    if (status == NJ_OK)
        status = nj_picture_orient(out, orientation_of(png, info), err);
    png_destroy_read_struct(&png, &info, NULL);
    return status;
}
