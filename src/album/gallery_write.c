/* Gallery of a folder: which pictures are on the page, and where it goes. See
 * gallery.h. */
#include "album/gallery.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "album/folder.h"
#include "album/rank.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/path.h"

#define PAGE_BYTES_MAX ((size_t)1 << 30)

/* The records that the page's items point into. */
struct shelf {
    nj_about *abouts;
    nj_gallery_item *items;
    size_t count;
};

static nj_status no_memory(nj_err *err)
{
    return nj_fail(err, NJ_E_MEMORY, "no memory for a gallery");
}

/* An index.html that is there must be a gallery. */
static nj_status check_target(const char *path, nj_err *err)
{
    char *bytes;
    size_t n;
    bool ours;

    if (access(path, F_OK) != 0)
        return NJ_OK;
    if (nj_file_read(path, PAGE_BYTES_MAX, &bytes, &n, err) != NJ_OK)
        return err ? err->code : NJ_E_IO;
    ours = strstr(bytes, NJ_GALLERY_MARK) != NULL;
    free(bytes);
    if (ours)
        return NJ_OK;
    return nj_fail(
        err, NJ_E_USAGE,
        "'%s' is there and is no gallery of nightjar's: move it away", path);
}

static nj_status fill_shelf(const nj_list *paths, struct shelf *s, nj_err *err)
{
    s->abouts = nj_calloc(paths->count, sizeof(*s->abouts));
    s->items = nj_calloc(paths->count, sizeof(*s->items));
    if (!s->abouts || !s->items)
        return no_memory(err);
    for (; s->count < paths->count; s->count++) {
        nj_about *a = &s->abouts[s->count];
        const char *name = nj_path_name(paths->items[s->count]);
        nj_status status = nj_about_read(paths->items[s->count], a, err);

        if (status != NJ_OK) {
            nj_about_release(a);
            return status;
        }
        s->items[s->count] = (nj_gallery_item){
            .file = name,
            .prompt = a->prompt[0] ? a->prompt : name,
            .seed = a->seed,
            .record = a->record,
            .scored = a->scored,
            .score = a->score,
        };
    }
    return NJ_OK;
}

static int by_file(const void *a, const void *b)
{
    return strcmp((*(nj_ranked *const *)a)->file,
                  (*(nj_ranked *const *)b)->file);
}

static nj_status give_scores(const nj_ranking *r, struct shelf *s, nj_err *err)
{
    nj_ranked **sorted = nj_calloc(r->count, sizeof(*sorted));

    if (!sorted)
        return no_memory(err);
    for (size_t i = 0; i < r->count; i++)
        sorted[i] = &r->items[i];
    if (r->count)
        qsort(sorted, r->count, sizeof(*sorted), by_file);
    for (size_t i = 0; i < s->count && r->count; i++) {
        const nj_ranked key = {.file = (char *)(uintptr_t)s->items[i].file};
        const nj_ranked *const at = &key;
        nj_ranked **found =
            bsearch(&at, sorted, r->count, sizeof(*sorted), by_file);

        if (found) {
            s->items[i].scored = true;
            s->items[i].score = (*found)->score;
        }
    }
    free(sorted);
    return NJ_OK;
}

/* Scores of a ranking that the folder has. */
static nj_status add_scores(const char *folder, struct shelf *s, nj_err *err)
{
    nj_ranking ranking = {0};
    nj_status status = NJ_OK;

    if (nj_rank_is_there(folder)) {
        status = nj_rank_read(folder, &ranking, err);
        if (status == NJ_OK)
            status = give_scores(&ranking, s, err);
    }
    nj_ranking_release(&ranking);
    return status;
}

static void release_shelf(struct shelf *s)
{
    for (size_t i = 0; i < s->count; i++)
        nj_about_release(&s->abouts[i]);
    free(s->abouts);
    free(s->items);
}

/* Title and id of a folder: its name, and a sum of where it is. */
static nj_status render(const char *folder, const struct shelf *s, nj_str *html,
                        nj_err *err)
{
    char *full = realpath(folder, NULL);
    char id[65];
    nj_gallery_page page = {NULL, id, s->items, s->count};
    nj_status status;

    if (!full)
        return nj_fail(err, NJ_E_IO, "cannot find folder '%s'", folder);
    nj_sha256(full, strlen(full), id);
    id[16] = '\0';
    page.title = nj_path_name(full);
    status = nj_gallery_render(&page, html, err);
    free(full);
    return status;
}

static nj_status write_page(const nj_list *paths, const char *folder,
                            const char *path, nj_err *err)
{
    struct shelf shelf = {0};
    nj_str html = {0};
    nj_status status = fill_shelf(paths, &shelf, err);

    if (status == NJ_OK)
        status = add_scores(folder, &shelf, err);
    if (status == NJ_OK)
        status = render(folder, &shelf, &html, err);
    if (status == NJ_OK)
        status = nj_file_write_atomic(path, html.text, html.length, err);
    nj_str_release(&html);
    release_shelf(&shelf);
    return status;
}

nj_status nj_gallery_write(const nj_gallery_config *config,
                           nj_gallery_done *done, nj_err *err)
{
    char *entry = nj_strdup(config->folder);
    nj_list from = {&entry, 1, 1};
    const nj_gather_config gather = {&from, config->all, config->note,
                                     config->user};
    char *path = nj_path_join(config->folder, "index.html");
    nj_gathered found = {0};
    nj_status status;

    *done = (nj_gallery_done){0};
    status = path && entry ? check_target(path, err) : no_memory(err);
    if (status == NJ_OK)
        status = nj_gather(&gather, &found, err);
    if (status == NJ_OK && found.paths.count > 0) {
        status = write_page(&found.paths, config->folder, path, err);
        done->path = path;
        path = NULL;
    }
    done->pictures = found.paths.count;
    done->skipped = found.skipped;
    done->intermediate = found.intermediate;
    nj_gathered_release(&found);
    free(path);
    free(entry);
    return status;
}

void nj_gallery_done_release(nj_gallery_done *done)
{
    free(done->path);
    *done = (nj_gallery_done){0};
}
