/* Contact sheets: a page of pictures in a grid, each with a caption below.
 *
 * A page is made at once and filled picture by picture, so memory is one page,
 * however many pictures a folder has.
 *
 *     nj_sheet_config c = {.columns = 4, .cell = 128, .caption_lines = 2};
 *     nj_sheet *s;
 *     nj_sheet_new(&c, 12, &s, &err);
 *     nj_sheet_caption caption = {"a red boat", "seed 1"};
 *     nj_sheet_put(s, 0, &picture, &caption, &err);
 *     nj_png_encode(nj_sheet_page(s), NULL, 0, &bytes, &n, &err);
 *     nj_sheet_free(s);
 */
#ifndef NJ_IMAGE_SHEET_H
#define NJ_IMAGE_SHEET_H

#include <stddef.h>

#include "base/err.h"
#include "image/picture.h"

typedef struct nj_sheet_config {
    int columns;       /* 1..100 */
    int cell;          /* longest side of a picture on the page, 16..2048 px */
    int caption_lines; /* 0..4 below each picture, that of `foot` included */
    const char *font;  /* TrueType file or NULL; borrowed */
} nj_sheet_config;

/* What stands below a picture: text over the lines there are, ending in an
 * ellipsis when it is too long, and a last line. UTF-8; NULL: nothing. */
typedef struct nj_sheet_caption {
    const char *text;
    const char *foot;
} nj_sheet_caption;

typedef struct nj_sheet nj_sheet;

/* A page for `count` pictures; *out is freed with nj_sheet_free. NJ_E_USAGE: it
 * would have more than 64 million pixels. */
nj_status nj_sheet_new(const nj_sheet_config *config, size_t count,
                       nj_sheet **out, nj_err *err) NJ_MUST_USE;
void nj_sheet_free(nj_sheet *s);

/* Puts a picture of any size and 1..4 channels into cell `index`, scaled to
 * fit, without its alpha. caption may be NULL. */
nj_status nj_sheet_put(nj_sheet *s, size_t index, const nj_picture *p,
                       const nj_sheet_caption *caption,
                       nj_err *err) NJ_MUST_USE;

/* The page so far: RGB, owned by s. */
const nj_picture *nj_sheet_page(const nj_sheet *s);

/* Scales to width x height (Mitchell down, Catmull-Rom up). Channels stay. */
nj_status nj_picture_scale(const nj_picture *p, int width, int height,
                           nj_picture *out, nj_err *err) NJ_MUST_USE;

#endif
