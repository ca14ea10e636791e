/* Contact sheets: see sheet.h. Scaling is stb_image_resize's. */
#include "image/sheet.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "image/decoders.h"
#include "image/font.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wunused-function"
#define STB_IMAGE_RESIZE_IMPLEMENTATION
#define STB_IMAGE_RESIZE_STATIC
#include <stb/stb_image_resize.h>
#pragma GCC diagnostic pop

#define MARGIN     8
#define BACKGROUND 24
#define LETTERS    220
#define FOOT       150
#define PAGE_MAX   ((size_t)64 << 20)

struct nj_sheet {
    nj_sheet_config config;
    size_t count;
    int step_x; /* from cell to cell */
    int step_y;
    nj_font *font;
    nj_picture page;
};

nj_status nj_picture_scale(const nj_picture *p, int width, int height,
                           nj_picture *out, nj_err *err)
{
    const nj_decode_job job = {.pixels_max = PAGE_MAX};
    nj_status status;

    *out = (nj_picture){width, height, p->channels, NULL};
    status = nj_decode_allocate(&job, out, err);
    if (status != NJ_OK)
        return status;
    if (stbir_resize_uint8(p->pixels, p->width, p->height, 0, out->pixels,
                           width, height, 0, p->channels))
        return NJ_OK;
    nj_picture_release(out);
    return nj_fail(err, NJ_E_MEMORY, "no memory to scale a picture");
}

static nj_status make_page(nj_sheet *s, nj_err *err)
{
    const nj_decode_job job = {.pixels_max = PAGE_MAX};
    int columns = s->config.columns;
    size_t rows = (s->count + (size_t)columns - 1) / (size_t)columns;
    nj_status status;

    s->step_x = s->config.cell + MARGIN;
    s->step_y = s->config.cell + MARGIN;
    if (s->font)
        s->step_y += s->config.caption_lines * nj_font_line(s->font) + 2;
    s->page.width = columns * s->step_x + MARGIN;
    if (rows >= PAGE_MAX / (size_t)s->step_y / (size_t)s->page.width)
        return nj_fail(err, NJ_E_USAGE,
                       "%zu pictures of %d pixels are too many for one page: "
                       "ask for fewer (--per-page) or smaller ones (--cell)",
                       s->count, s->config.cell);
    s->page.height = (int)rows * s->step_y + MARGIN;
    s->page.channels = 3;
    status = nj_decode_allocate(&job, &s->page, err);
    if (status != NJ_OK)
        return status;
    memset(s->page.pixels, BACKGROUND,
           3 * (size_t)s->page.width * (size_t)s->page.height);
    return NJ_OK;
}

nj_status nj_sheet_new(const nj_sheet_config *config, size_t count,
                       nj_sheet **out, nj_err *err)
{
    nj_sheet *s = nj_calloc(1, sizeof(*s));
    int letters = config->cell / 10;
    nj_status status = NJ_OK;

    if (!s)
        return nj_fail(err, NJ_E_MEMORY, "no memory for a contact sheet");
    s->config = *config;
    s->count = count ? count : 1;
    letters = letters < 11 ? 11 : letters > 20 ? 20 : letters;
    if (config->caption_lines > 0)
        status = nj_font_open(config->font, letters, &s->font, err);
    if (status == NJ_OK)
        status = make_page(s, err);
    if (status != NJ_OK) {
        nj_sheet_free(s);
        return status;
    }
    *out = s;
    return NJ_OK;
}

void nj_sheet_free(nj_sheet *s)
{
    if (!s)
        return;
    nj_font_free(s->font);
    nj_picture_release(&s->page);
    free(s);
}

static void paste(nj_picture *page, const nj_picture *p, int x, int y)
{
    size_t row = 3 * (size_t)p->width;

    for (int j = 0; j < p->height; j++)
        memcpy(page->pixels +
                   3 * ((size_t)(y + j) * (size_t)page->width + (size_t)x),
               p->pixels + (size_t)j * row, row);
}

/* Size that fits into the cell with the picture's proportions. */
static void fitted_size(const nj_picture *p, int cell, int *width, int *height)
{
    int longest = p->width > p->height ? p->width : p->height;

    *width = (int)((int64_t)p->width * cell / longest);
    *height = (int)((int64_t)p->height * cell / longest);
    *width = *width < 1 ? 1 : *width;
    *height = *height < 1 ? 1 : *height;
}

static nj_status put_picture(nj_sheet *s, const nj_picture *p, int x, int y,
                             nj_err *err)
{
    nj_picture rgb = {0};
    nj_picture scaled = {0};
    int width;
    int height;
    nj_status status = nj_picture_to_rgb(p, &rgb, err);

    fitted_size(p, s->config.cell, &width, &height);
    if (status == NJ_OK)
        status = nj_picture_scale(&rgb, width, height, &scaled, err);
    if (status == NJ_OK)
        paste(&s->page, &scaled, x + (s->config.cell - width) / 2,
              y + (s->config.cell - height) / 2);
    nj_picture_release(&rgb);
    nj_picture_release(&scaled);
    return status;
}

static const char more[] = "...";

/* One line of at most the cell's width; what does not fit ends in "...". */
static void put_line(nj_sheet *s, const char *text, nj_font_place at)
{
    size_t left = strlen(text);
    size_t n = nj_font_fit(s->font, text, left, s->config.cell);

    if (n < left) {
        int room = s->config.cell - nj_font_width(s->font, more, 3);

        n = nj_font_fit(s->font, text, left, room);
        nj_font_draw(s->font, &at, text, n);
        at.x += nj_font_width(s->font, text, n);
        text = more;
        n = 3;
    }
    nj_font_draw(s->font, &at, text, n);
}

static void put_caption(nj_sheet *s, const nj_sheet_caption *caption, int x,
                        int y)
{
    int line = nj_font_line(s->font);
    int lines = s->config.caption_lines - (caption->foot != NULL);
    const char *text = caption->text ? caption->text : "";
    nj_font_place at = {&s->page, x, y, LETTERS};

    for (; lines > 0 && *text; lines--, at.y += line) {
        size_t left = strlen(text);
        size_t n = nj_font_fit(s->font, text, left, s->config.cell);

        if (lines == 1) {
            put_line(s, text, at);
            text += left;
        } else {
            nj_font_draw(s->font, &at, text, n);
            text += n;
        }
    }
    at.level = FOOT;
    if (caption->foot)
        put_line(s, caption->foot, at);
}

nj_status nj_sheet_put(nj_sheet *s, size_t index, const nj_picture *p,
                       const nj_sheet_caption *caption, nj_err *err)
{
    int column = (int)(index % (size_t)s->config.columns);
    int row = (int)(index / (size_t)s->config.columns);
    int x = MARGIN + column * s->step_x;
    int y = MARGIN + row * s->step_y;
    nj_status status;

    if (index >= s->count)
        return nj_fail(err, NJ_E_INTERNAL, "cell %zu is not on the sheet",
                       index);
    status = put_picture(s, p, x, y, err);
    if (status == NJ_OK && s->font && caption)
        put_caption(s, caption, x, y + s->config.cell + 2);
    return status;
}

const nj_picture *nj_sheet_page(const nj_sheet *s)
{
    return &s->page;
}
