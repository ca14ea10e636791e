/* Any bytes as a picture and as a PNG with text chunks: refused or read, never
 * a crash, a leak or more memory than allowed. The chunks' checksums are put
 * right in a copy, or hardly any mutation would get past them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "base/str.h"
#include "image/png.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { SIGNATURE = 8, AROUND = 12, PIXELS = 1 << 16 };

static void require(int holds)
{
    if (!holds)
        abort();
}

static size_t big_endian(const uint8_t *b)
{
    return (size_t)b[0] << 24 | (size_t)b[1] << 16 | (size_t)b[2] << 8 | b[3];
}

static void mend_sums(uint8_t *png, size_t n)
{
    size_t at = SIGNATURE;

    while (n >= AROUND && at <= n - AROUND) {
        size_t length = big_endian(png + at);
        uint32_t crc;

        if (length > n - AROUND - at)
            return;
        crc = (uint32_t)crc32_z(0, png + at + 4, length + 4);
        for (size_t i = 0; i < 4; i++)
            png[at + 8 + length + i] = (uint8_t)(crc >> (24 - 8 * i));
        at += length + AROUND;
    }
}

static void try_picture(const uint8_t *data, size_t n)
{
    nj_picture p = {0};
    nj_picture rgb = {0};

    if (nj_picture_decode(data, n, PIXELS, &p, NULL) != NJ_OK)
        return;
    require(p.width > 0 && p.height > 0 && p.channels >= 1 && p.channels <= 4);
    require((size_t)p.width * (size_t)p.height <= PIXELS);
    if (nj_picture_to_rgb(&p, &rgb, NULL) == NJ_OK)
        nj_picture_release(&rgb);
    nj_picture_release(&p);
}

/* A text that was put in is found again. */
static void try_texts(const uint8_t *data, size_t n)
{
    const nj_png_text note = {"nightjar", "x", 1};
    char *text = NULL;
    uint8_t *out;
    size_t out_n;

    if (nj_png_find_text(data, n, "nightjar", &text, NULL) == NJ_OK && text)
        require(nj_utf8_valid(text, strlen(text)));
    free(text);
    text = NULL;
    if (nj_png_replace_texts(data, n, &note, 1, &out, &out_n, NULL) != NJ_OK)
        return;
    require(nj_png_find_text(out, out_n, "nightjar", &text, NULL) == NJ_OK);
    require(text && strcmp(text, "x") == 0);
    free(text);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    uint8_t *copy = malloc(n + 1);

    try_picture(data, n);
    try_texts(data, n);
    if (copy) {
        memcpy(copy, data, n);
        mend_sums(copy, n);
        try_picture(copy, n);
        try_texts(copy, n);
    }
    free(copy);
    return 0;
}
