/* PNG files in memory: writing with text chunks, and reading those chunks.
 *
 * Pixels are encoded by stb_image_write with zlib as its compressor; text
 * chunks are put in front of the pixel data and every chunk's CRC is checked
 * when they are read. Not for: decoding pixels (image/picture.h).
 */
#ifndef NJ_IMAGE_PNG_H
#define NJ_IMAGE_PNG_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "image/picture.h"

/* A text chunk. `keyword`: 1..79 bytes of Latin-1. `text`: UTF-8; iTXt holds it
 * as it is, tEXt only Latin-1 (other characters become '?'). */
typedef struct nj_png_text {
    const char *keyword;
    const char *text;
    int international; /* 1: iTXt, 0: tEXt */
} nj_png_text;

/* Encodes a picture of 1..4 channels with `count` text chunks. The same input
 * gives the same bytes. The caller frees *bytes. */
nj_status nj_png_encode(const nj_picture *p, const nj_png_text *texts,
                        size_t count, uint8_t **bytes, size_t *n,
                        nj_err *err) NJ_MUST_USE;

/* Finds the text of the first tEXt, zTXt or iTXt chunk of that keyword as
 * UTF-8 (the caller frees *text); *text = NULL when there is none.
 * NJ_E_FORMAT when the file is no PNG or a chunk is broken. */
nj_status nj_png_find_text(const uint8_t *bytes, size_t n, const char *keyword,
                           char **text, nj_err *err) NJ_MUST_USE;

/* Puts text chunks in front of the pixel data of an existing PNG; chunks of
 * the same keywords are replaced, everything else stays byte for byte. */
nj_status nj_png_replace_texts(const uint8_t *bytes, size_t n,
                               const nj_png_text *texts, size_t count,
                               uint8_t **out, size_t *out_n,
                               nj_err *err) NJ_MUST_USE;

#endif
