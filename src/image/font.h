/* Text on pictures: outlines of a TrueType file by stb_truetype, or, where no
 * font is found, stb_easy_font's built-in letters (ASCII alone; the rest shows
 * as '?'). Not for: joining scripts such as Arabic, or right-to-left order. */
#ifndef NJ_IMAGE_FONT_H
#define NJ_IMAGE_FONT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "image/picture.h"

typedef struct nj_font nj_font;

/* Opens `path`, or with NULL the first of the usual sans-serif files of Linux
 * distributions, or the built-in letters. `height` in pixels, 6..200. */
nj_status nj_font_open(const char *path, int height, nj_font **out,
                       nj_err *err) NJ_MUST_USE;
void nj_font_free(nj_font *font);

/* Distance between two lines, in pixels. */
int nj_font_line(const nj_font *font);

/* Width of n bytes of UTF-8, in pixels. */
int nj_font_width(const nj_font *font, const char *text, size_t n);

/* Bytes of `text` that fit into `width` pixels, cut after a blank where there
 * is one, and never inside a character; at least one character. */
size_t nj_font_fit(const nj_font *font, const char *text, size_t n, int width);

/* Where text goes: its top left corner on a picture of 3 channels. */
typedef struct nj_font_place {
    nj_picture *on;
    int x;
    int y;
    uint8_t level; /* grey of the letters */
} nj_font_place;

/* Draws n bytes; what lies outside the picture is left out. */
void nj_font_draw(const nj_font *font, const nj_font_place *at,
                  const char *text, size_t n);

#endif
