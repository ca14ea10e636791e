/* Text on pictures: see font.h. */
#include "image/font.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

#define STB_TRUETYPE_IMPLEMENTATION
#define STBTT_STATIC
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wconversion"
#include <stb/stb_easy_font.h>
#include <stb/stb_truetype.h>
#pragma GCC diagnostic pop

#define FONT_BYTES_MAX ((size_t)64 << 20)
#define EASY_HEIGHT    12

struct nj_font {
    char *file; /* NULL: built-in letters */
    stbtt_fontinfo info;
    float scale;
    int height;
    int ascent;
};

static const char *const usual_files[] = {
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "/usr/share/fonts/dejavu/DejaVuSans.ttf",
    "/usr/share/fonts/TTF/DejaVuSans.ttf",
    "/usr/share/fonts/truetype/liberation/LiberationSans-Regular.ttf",
    "/usr/share/fonts/truetype/noto/NotoSans-Regular.ttf",
};

static const char *find_file(void)
{
    for (size_t i = 0; i < sizeof(usual_files) / sizeof(usual_files[0]); i++) {
        if (access(usual_files[i], R_OK) == 0)
            return usual_files[i];
    }
    return NULL;
}

static uint32_t big_endian(const unsigned char *p, int n)
{
    uint32_t value = 0;

    for (int i = 0; i < n; i++)
        value = value << 8 | p[i];
    return value;
}

/* stb_truetype trusts its input, so the table directory is checked before: a
 * known tag, and every table inside the file. */
static bool is_sound(const unsigned char *file, size_t n)
{
    static const char *const tags[] = {"\0\1\0\0", "true", "OTTO"};
    bool known = false;
    size_t tables;

    if (n < 12)
        return false;
    for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
        known = known || memcmp(file, tags[i], 4) == 0;
    tables = big_endian(file + 4, 2);
    if (!known || n < 12 + 16 * tables)
        return false;
    for (size_t i = 0; i < tables; i++) {
        const unsigned char *entry = file + 12 + 16 * i;
        uint64_t end =
            (uint64_t)big_endian(entry + 8, 4) + big_endian(entry + 12, 4);

        if (end > n)
            return false;
    }
    return true;
}

static nj_status load(nj_font *font, const char *path, nj_err *err)
{
    size_t n;
    int ascent;
    int descent;
    int gap;
    nj_status status = nj_file_read(path, FONT_BYTES_MAX, &font->file, &n, err);

    if (status != NJ_OK)
        return status;
    if (!is_sound((unsigned char *)font->file, n) ||
        !stbtt_InitFont(&font->info, (unsigned char *)font->file, 0))
        return nj_fail(err, NJ_E_FORMAT, "'%s' is not a TrueType font", path);
    font->scale = stbtt_ScaleForPixelHeight(&font->info, (float)font->height);
    stbtt_GetFontVMetrics(&font->info, &ascent, &descent, &gap);
    font->ascent = (int)lroundf((float)ascent * font->scale);
    return NJ_OK;
}

nj_status nj_font_open(const char *path, int height, nj_font **out, nj_err *err)
{
    nj_font *font = nj_calloc(1, sizeof(*font));
    nj_status status = NJ_OK;

    if (!font)
        return nj_fail(err, NJ_E_MEMORY, "no memory for a font");
    font->height = height;
    if (!path)
        path = find_file();
    if (path)
        status = load(font, path, err);
    if (status != NJ_OK) {
        nj_font_free(font);
        return status;
    }
    *out = font;
    return NJ_OK;
}

void nj_font_free(nj_font *font)
{
    if (font)
        free(font->file);
    free(font);
}

int nj_font_line(const nj_font *font)
{
    return font->file ? font->height + font->height / 5 : EASY_HEIGHT;
}

/* The code point at text and the bytes it takes; invalid bytes become '?'. */
static size_t next_letter(const char *text, size_t n, uint32_t *c)
{
    size_t step = nj_utf8_decode(text, n, c);

    if (step)
        return step;
    *c = '?';
    return 1;
}

static float advance(const nj_font *font, uint32_t c)
{
    int width;
    int bearing;
    char letter[2] = {(char)(c < 127 && c >= 32 ? c : '?'), '\0'};

    if (!font->file)
        return (float)stb_easy_font_width(letter);
    stbtt_GetCodepointHMetrics(&font->info, (int)c, &width, &bearing);
    return (float)width * font->scale;
}

int nj_font_width(const nj_font *font, const char *text, size_t n)
{
    float width = 0;
    uint32_t c;

    for (size_t i = 0; i < n; i += next_letter(text + i, n - i, &c)) {
        next_letter(text + i, n - i, &c);
        width += advance(font, c);
    }
    return (int)ceilf(width);
}

size_t nj_font_fit(const nj_font *font, const char *text, size_t n, int width)
{
    float used = 0;
    size_t blank = 0;
    uint32_t c;

    for (size_t i = 0, step; i < n; i += step) {
        step = next_letter(text + i, n - i, &c);
        used += advance(font, c);
        if (used > (float)width && i > 0)
            return blank ? blank : i;
        if (c == ' ')
            blank = i + step;
    }
    return n;
}

static void blend(const nj_font_place *at, int x, int y, unsigned coverage)
{
    nj_picture *on = at->on;
    uint8_t *p;

    if (x < 0 || y < 0 || x >= on->width || y >= on->height)
        return;
    p = on->pixels + 3 * ((size_t)y * (size_t)on->width + (size_t)x);
    for (int i = 0; i < 3; i++)
        p[i] =
            (uint8_t)((p[i] * (255 - coverage) + at->level * coverage) / 255);
}

static void draw_outline(const nj_font *font, const nj_font_place *at, float x,
                         uint32_t c)
{
    int width;
    int height;
    int left;
    int top;
    unsigned char *mask = stbtt_GetCodepointBitmapSubpixel(
        &font->info, font->scale, font->scale, x - floorf(x), 0, (int)c, &width,
        &height, &left, &top);

    for (int j = 0; mask && j < height; j++) {
        for (int i = 0; i < width; i++)
            blend(at, (int)floorf(x) + left + i, at->y + font->ascent + top + j,
                  mask[j * width + i]);
    }
    stbtt_FreeBitmap(mask, NULL);
}

/* stb_easy_font gives a letter as rectangles of four corners x, y, z, colour.
 */
static void draw_easy(const nj_font_place *at, float x, uint32_t c)
{
    struct {
        float x, y, z;
        unsigned char colour[4];
    } corners[4 * 64];
    char letter[2] = {(char)(c < 127 && c >= 32 ? c : '?'), '\0'};
    int quads = stb_easy_font_print(x, (float)at->y, letter, NULL, corners,
                                    sizeof(corners));

    for (int q = 0; q < quads; q++) {
        for (int j = (int)corners[4 * q].y; j < (int)corners[4 * q + 2].y; j++)
            for (int i = (int)corners[4 * q].x; i < (int)corners[4 * q + 2].x;
                 i++)
                blend(at, i, j, 255);
    }
}

void nj_font_draw(const nj_font *font, const nj_font_place *at,
                  const char *text, size_t n)
{
    float x = (float)at->x;
    uint32_t c;

    for (size_t i = 0, step; i < n; i += step) {
        step = next_letter(text + i, n - i, &c);
        if (font->file)
            draw_outline(font, at, x, c);
        else
            draw_easy(at, x, c);
        x += advance(font, c);
    }
}
