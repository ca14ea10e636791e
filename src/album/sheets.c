/* Contact sheets of many pictures: see sheets.h. */
#include "album/sheets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "album/folder.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "image/png.h"

#define COLUMNS_MAX 10

static nj_status no_memory(nj_err *err)
{
    return nj_fail(err, NJ_E_MEMORY, "no memory for a contact sheet");
}

/* Smallest whole number whose square is at least n, at most COLUMNS_MAX. */
static int square_columns(size_t n)
{
    int columns = 1;

    while (columns < COLUMNS_MAX && (size_t)columns * (size_t)columns < n)
        columns++;
    return columns;
}

static size_t page_count(const nj_sheets_config *c)
{
    size_t per_page = (size_t)c->per_page;

    return (c->paths->count + per_page - 1) / per_page;
}

/* Page `number` of several, from 1; 0: the only one. */
static char *numbered_name(const nj_sheets_config *c, size_t number)
{
    size_t stem = strlen(c->out) - strlen(".png");
    nj_str name = {0};

    nj_str_addn(&name, c->out, stem);
    if (number)
        nj_str_addf(&name, "-%zu", number);
    nj_str_add(&name, c->out + stem);
    return nj_str_take(&name);
}

static size_t number_of(const nj_sheets_config *c, size_t page)
{
    return page_count(c) > 1 ? page + 1 : 0;
}

static char *page_name(const nj_sheets_config *c, size_t page)
{
    return numbered_name(c, number_of(c, page));
}

/* What a page says about itself. */
static void mark_text(size_t number, char text[64])
{
    if (number)
        snprintf(text, 64, "contact sheet, page %zu", number);
    else
        snprintf(text, 64, "contact sheet");
}

/* A file in the way must be a contact sheet. */
static nj_status check_target(const char *path, nj_err *err)
{
    if (access(path, F_OK) != 0 || nj_about_sheet(path))
        return NJ_OK;
    return nj_fail(err, NJ_E_USAGE,
                   "'%s' is there and is no contact sheet: give another name "
                   "with --out",
                   path);
}

static nj_status check_targets(const nj_sheets_config *c, nj_err *err)
{
    size_t n = strlen(c->out);
    nj_status status = NJ_OK;

    if (n < 5 || strcasecmp(c->out + n - 4, ".png") != 0)
        return nj_fail(err, NJ_E_USAGE,
                       "option '--out': '%s' does not end in .png", c->out);
    for (size_t i = 0; i < page_count(c) && status == NJ_OK; i++) {
        char *name = page_name(c, i);

        status = name ? check_target(name, err) : no_memory(err);
        free(name);
    }
    return status;
}

/* The prompt (else the file's name), and the seed as the last line. */
static nj_status put_with_caption(nj_sheet *sheet, size_t cell,
                                  const char *path, const nj_picture *picture,
                                  nj_err *err)
{
    nj_about about;
    nj_str foot = {0};
    nj_sheet_caption caption = {NULL, NULL};
    nj_status status = nj_about_read(path, &about, err);

    if (status == NJ_OK) {
        if (about.seed[0])
            nj_str_addf(&foot, "seed %s", about.seed);
        if (about.preset[0])
            nj_str_addf(&foot, "%s%s", foot.length ? ", " : "", about.preset);
        if (!nj_about_finished(&about))
            nj_str_addf(&foot, ", step %d", about.iteration);
        caption.text = about.prompt[0] ? about.prompt : nj_path_name(path);
        caption.foot = foot.text;
        status = nj_sheet_put(sheet, cell, picture, &caption, err);
    }
    nj_str_release(&foot);
    nj_about_release(&about);
    return status;
}

/* *full tells whether the cell was filled. */
static nj_status put_file(const nj_sheets_config *c, nj_sheet *sheet,
                          size_t cell, const char *path, bool *full,
                          nj_err *err)
{
    nj_picture picture = {0};
    nj_err why = {0};
    nj_status status =
        nj_picture_read(path, NJ_PICTURE_PIXELS_MAX, &picture, &why);

    *full = status == NJ_OK;
    if (status == NJ_OK) {
        status = put_with_caption(sheet, cell, path, &picture, err);
        nj_picture_release(&picture);
        return status;
    }
    if (c->note)
        c->note(c->user, &why);
    return NJ_OK;
}

static nj_status write_page(const nj_sheets_config *c, const nj_sheet *sheet,
                            size_t page, nj_sheets *done, nj_err *err)
{
    char text[64];
    const nj_png_text mark = {NJ_SHEET_KEYWORD, text, 1};
    char *name = page_name(c, page);
    uint8_t *bytes = NULL;
    size_t n;
    nj_status status;

    if (!name)
        return no_memory(err);
    mark_text(number_of(c, page), text);
    status = nj_png_encode(nj_sheet_page(sheet), &mark, 1, &bytes, &n, err);
    if (status == NJ_OK)
        status = nj_file_write_atomic(name, bytes, n, err);
    if (status == NJ_OK && !nj_list_add(&done->pages, name))
        status = no_memory(err);
    free(bytes);
    free(name);
    return status;
}

static nj_status fill_page(const nj_sheets_config *c, nj_sheet *sheet,
                           size_t page, nj_sheets *done, nj_err *err)
{
    size_t next = page * (size_t)c->per_page;
    size_t end = next + (size_t)c->per_page;
    size_t cell = 0;
    nj_status status = NJ_OK;

    end = end < c->paths->count ? end : c->paths->count;
    for (; next < end && status == NJ_OK; next++) {
        bool full;

        status = put_file(c, sheet, cell, c->paths->items[next], &full, err);
        cell += full;
        done->skipped += !full;
    }
    done->pictures += cell;
    return status;
}

static nj_status make_page(const nj_sheets_config *c, size_t page,
                           nj_sheets *done, nj_err *err)
{
    size_t left = c->paths->count - page * (size_t)c->per_page;
    size_t count = left < (size_t)c->per_page ? left : (size_t)c->per_page;
    nj_sheet_config config = c->page;
    nj_sheet *sheet;
    nj_status status;

    if (config.columns == 0)
        config.columns = square_columns(count);
    if ((size_t)config.columns > count)
        config.columns = (int)count;
    status = nj_sheet_new(&config, count, &sheet, err);
    if (status != NJ_OK)
        return status;
    status = fill_page(c, sheet, page, done, err);
    if (status == NJ_OK)
        status = write_page(c, sheet, page, done, err);
    nj_sheet_free(sheet);
    return status;
}

/* ---- pages of an earlier series ------------------------------------------ */

/* Whether the file is page `number` of a series, by its own word. */
static bool is_page(const char *path, size_t number)
{
    char *text = NULL;
    char own[64];
    nj_map map;
    bool yes;

    if (nj_map_open(path, &map, NULL) != NJ_OK)
        return false;
    mark_text(number, own);
    yes = nj_png_find_text(map.bytes, map.n, NJ_SHEET_KEYWORD, &text, NULL) ==
              NJ_OK &&
          text && strcmp(text, own) == 0;
    free(text);
    nj_map_close(&map);
    return yes;
}

static nj_status remove_page(const nj_sheets_config *c, size_t number,
                             nj_sheets *done, nj_err *err)
{
    char *path = numbered_name(c, number);
    nj_status status = path ? NJ_OK : no_memory(err);

    if (path && is_page(path, number)) {
        if (unlink(path) == 0)
            done->removed++;
        else
            status = nj_file_error(err, "remove", path);
    }
    free(path);
    return status;
}

/* The number in "stem-12.png", as numbered_name writes it; else 0. */
static size_t number_in(const char *name, const char *stem, size_t n)
{
    char again[32];
    size_t number;

    if (strncmp(name, stem, n) != 0 ||
        sscanf(name + n, "-%9zu", &number) != 1 || number == 0)
        return 0;
    snprintf(again, sizeof(again), "-%zu", number);
    return strncmp(name + n, again, strlen(again)) == 0 &&
                   strcmp(name + n + strlen(again), stem + n) == 0
               ? number
               : 0;
}

/* The folder of `out`; the caller frees it. */
static char *folder_of(const char *out)
{
    size_t n = (size_t)(nj_path_name(out) - out);

    return n ? nj_strndup(out, n) : nj_strdup(".");
}

static nj_status remove_older(const nj_sheets_config *c, nj_sheets *done,
                              nj_err *err)
{
    const char *own = nj_path_name(c->out);
    size_t last = page_count(c) > 1 ? page_count(c) : 0;
    char *folder = folder_of(c->out);
    nj_list names = {0};
    nj_status status =
        folder ? nj_folder_list(folder, &names, err) : no_memory(err);

    for (size_t i = 0; i < names.count && status == NJ_OK; i++) {
        size_t number =
            number_in(names.items[i], own, strlen(own) - strlen(".png"));

        if (number > last)
            status = remove_page(c, number, done, err);
    }
    if (status == NJ_OK && last)
        status = remove_page(c, 0, done, err);
    nj_list_release(&names);
    free(folder);
    return status;
}

nj_status nj_sheets_write(const nj_sheets_config *config, nj_sheets *done,
                          nj_err *err)
{
    nj_status status = check_targets(config, err);

    *done = (nj_sheets){0};
    for (size_t i = 0; i < page_count(config) && status == NJ_OK; i++)
        status = make_page(config, i, done, err);
    return status == NJ_OK && config->paths->count
               ? remove_older(config, done, err)
               : status;
}

void nj_sheets_release(nj_sheets *done)
{
    nj_list_release(&done->pages);
    *done = (nj_sheets){0};
}
