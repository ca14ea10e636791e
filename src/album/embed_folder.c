/* Embedding a folder: see embed_folder.h. */
#define _GNU_SOURCE /* st_mtim */
#include "album/embed_folder.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "album/folder.h"
#include "album/picks.h"
#include "base/mem.h"
#include "base/path.h"

/* Pictures that the network sees together, and the pixels they may have. */
#define BATCH        8
#define BATCH_PIXELS ((size_t)32 << 20)

/* The longer side of a picture in shorter ones. */
#define ASPECT_MAX 100

struct embedding {
    const nj_embed_job *job;
    nj_lens *lens;
    nj_embed_tally *tally;
    const char *file; /* of the embeddings */
    nj_embeddings *stored;
    size_t done;
    /* Pictures that wait for the network. */
    nj_picture waiting[BATCH];
    size_t waiting_count;
    size_t waiting_pixels;
    /* Rows that wait for the disk; the last waiting_count have no vector yet.
     */
    nj_embedded rows[NJ_EMBED_BLOCK];
    size_t count;
    float *vectors; /* [NJ_EMBED_BLOCK,width] */
    size_t width;
};

nj_status nj_embed_read(const char *path, nj_picture *out, nj_err *err)
{
    nj_picture read = {0};
    nj_status status = nj_picture_read(path, NJ_PICTURE_PIXELS_MAX, &read, err);

    *out = (nj_picture){0};
    if (status == NJ_OK && (read.width / ASPECT_MAX > read.height ||
                            read.height / ASPECT_MAX > read.width))
        status = nj_fail(err, NJ_E_FORMAT,
                         "cannot use '%s': %d x %d is more than %d times as "
                         "long as it is wide",
                         path, read.width, read.height, ASPECT_MAX);
    if (status == NJ_OK)
        status = nj_picture_to_rgb(&read, out, err);
    nj_picture_release(&read);
    return status;
}

/* ---- network and disk ---------------------------------------------------- */

static nj_status show_waiting(struct embedding *w, nj_err *err)
{
    nj_engine_rgb shown[BATCH];
    size_t first = w->count - w->waiting_count;
    nj_status status;

    if (w->waiting_count == 0)
        return NJ_OK;
    for (size_t i = 0; i < w->waiting_count; i++)
        shown[i] = (nj_engine_rgb){w->waiting[i].width, w->waiting[i].height,
                                   w->waiting[i].pixels};
    status =
        w->lens->api->embed_pictures(w->lens->embedder, shown, w->waiting_count,
                                     w->vectors + first * w->width, err);
    for (size_t i = 0; i < w->waiting_count; i++) {
        w->rows[first + i].vector = w->vectors + (first + i) * w->width;
        nj_picture_release(&w->waiting[i]);
    }
    w->tally->embedded += status == NJ_OK ? w->waiting_count : 0;
    w->waiting_count = 0;
    w->waiting_pixels = 0;
    return status;
}

static void tell(const struct embedding *w)
{
    if (w->job->progress)
        w->job->progress(w->job->user, w->done, w->job->names->count);
}

static nj_status store(struct embedding *w, nj_err *err)
{
    nj_status status = show_waiting(w, err);

    if (status == NJ_OK)
        status = nj_embeddings_append(w->file, w->lens->sha256, w->width,
                                      w->rows, w->count, err);
    w->count = 0;
    tell(w);
    return status;
}

static nj_status need_network(struct embedding *w, nj_err *err)
{
    nj_status status;

    if (w->vectors)
        return NJ_OK;
    status = nj_lens_open(w->lens, err);
    if (status != NJ_OK)
        return status;
    w->width = (size_t)w->lens->api->embedder_facts(w->lens->embedder)->width;
    w->vectors = nj_calloc(NJ_EMBED_BLOCK * w->width, sizeof(*w->vectors));
    return w->vectors ? NJ_OK
                      : nj_fail(err, NJ_E_MEMORY, "no memory for embeddings");
}

/* ---- one picture --------------------------------------------------------- */

static void skip(struct embedding *w, const nj_err *why)
{
    w->tally->skipped++;
    if (w->job->skipped)
        w->job->skipped(w->job->user, why);
}

static nj_status take(struct embedding *w, const nj_embedded *row,
                      nj_picture *picture, nj_err *err)
{
    nj_status status = need_network(w, err);

    if (status != NJ_OK) {
        nj_picture_release(picture);
        return status;
    }
    w->waiting_pixels += (size_t)picture->width * (size_t)picture->height;
    w->waiting[w->waiting_count++] = *picture;
    w->rows[w->count++] = *row;
    if (w->count == NJ_EMBED_BLOCK)
        return store(w, err);
    if (w->waiting_count == BATCH || w->waiting_pixels > BATCH_PIXELS)
        return show_waiting(w, err);
    return NJ_OK;
}

/* Size and time are looked at before the picture is read: a file that changes
 * meanwhile is read again next time. */
static bool describe(const char *path, const char *name, nj_embedded *row)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return false;
    *row = (nj_embedded){
        .path = name,
        .bytes = (uint64_t)st.st_size,
        .changed = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec,
    };
    return true;
}

static nj_status add_picture(struct embedding *w, const char *path,
                             const char *name, nj_err *err)
{
    const nj_embedded *known = nj_embeddings_find(w->stored, name);
    nj_picture picture;
    nj_embedded row = {0};
    nj_err why = {0};
    nj_status status;

    if (!nj_picks_inside(name, strlen(name)))
        nj_fail(&why, NJ_E_FORMAT,
                "cannot use '%s': its name has control characters or is not "
                "UTF-8",
                path);
    else if (!describe(path, name, &row))
        nj_fail(&why, NJ_E_IO, "cannot use '%s': it is gone", path);
    if (why.code != NJ_OK) {
        skip(w, &why);
        return NJ_OK;
    }
    if (known && known->bytes == row.bytes && known->changed == row.changed) {
        w->tally->known++;
        return NJ_OK;
    }
    if (nj_about_sheet(path)) {
        w->tally->sheets++;
        return NJ_OK;
    }
    status = nj_embed_read(path, &picture, &why);
    if (status == NJ_E_MEMORY) {
        *err = why;
        return status;
    }
    if (status != NJ_OK) {
        skip(w, &why);
        return NJ_OK;
    }
    return take(w, &row, &picture, err);
}

static nj_status add_pictures(struct embedding *w, nj_err *err)
{
    const nj_list *names = w->job->names;
    nj_status status = NJ_OK;
    nj_status last;
    nj_err late = {0};

    for (size_t i = 0; i < names->count && status == NJ_OK; i++) {
        char *path = nj_path_join(w->job->folder, names->items[i]);

        if (nj_stop_soon(w->job->stop))
            status = nj_fail(err, NJ_E_INTERRUPTED, "stopped");
        else if (!path)
            status = nj_fail(err, NJ_E_MEMORY, "no memory for a path");
        else
            status = add_picture(w, path, names->items[i], err);
        w->done = i + 1;
        free(path);
    }
    if (status != NJ_OK && status != NJ_E_INTERRUPTED)
        return status;
    last = store(w, &late);
    if (last == NJ_OK)
        return status;
    *err = late;
    return last;
}

/* ---- the folder ------------------------------------------------------------
 */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Rows of pictures that are no longer there. */
static nj_status find_removed(struct embedding *w, nj_embedded *gone,
                              size_t *count, nj_err *err)
{
    nj_list sorted = {0};

    if (!nj_list_add_all(&sorted, w->job->names)) {
        nj_list_release(&sorted);
        return nj_fail(err, NJ_E_MEMORY, "no memory for names");
    }
    if (sorted.count)
        qsort(sorted.items, sorted.count, sizeof(*sorted.items), by_text);
    for (size_t i = 0; i < nj_embeddings_count(w->stored); i++) {
        const nj_embedded *row = nj_embeddings_at(w->stored, i);

        if (!sorted.count || !bsearch(&row->path, sorted.items, sorted.count,
                                      sizeof(*sorted.items), by_text))
            gone[(*count)++] = *row;
    }
    nj_list_release(&sorted);
    return NJ_OK;
}

static nj_status prune(struct embedding *w, nj_err *err)
{
    nj_embedded *gone =
        nj_calloc(nj_embeddings_count(w->stored), sizeof(*gone));
    size_t count = 0;
    nj_status status =
        gone ? find_removed(w, gone, &count, err)
             : nj_fail(err, NJ_E_MEMORY, "no memory for embeddings");

    if (status == NJ_OK)
        status =
            nj_embeddings_append(w->file, w->lens->sha256, 0, gone, count, err);
    w->tally->removed = count;
    free(gone);
    return status;
}

/* A quarter of dead rows is worth a new file. */
static nj_status reopen(struct embedding *w, nj_embeddings **out, nj_err *err)
{
    const char *model = w->lens->sha256;
    nj_status status = nj_embeddings_open(w->file, model, out, err);

    if (status != NJ_OK ||
        nj_embeddings_dead(*out) <= nj_embeddings_count(*out) / 4 + 64)
        return status;
    nj_embeddings_free(*out);
    *out = NULL;
    status = nj_embeddings_compact(w->file, model, err);
    return status == NJ_OK ? nj_embeddings_open(w->file, model, out, err)
                           : status;
}

static nj_status work(struct embedding *w, nj_embeddings **out, nj_err *err)
{
    nj_status status =
        nj_embeddings_open(w->file, w->lens->sha256, &w->stored, err);

    if (status != NJ_OK)
        return status;
    status = add_pictures(w, err);
    if (status == NJ_OK && w->job->prune)
        status = prune(w, err);
    if (status == NJ_OK)
        status = reopen(w, out, err);
    for (size_t i = 0; i < w->waiting_count; i++)
        nj_picture_release(&w->waiting[i]);
    nj_embeddings_free(w->stored);
    free(w->vectors);
    return status;
}

nj_status nj_embed_folder(const nj_embed_job *job, nj_lens *lens,
                          nj_embeddings **out, nj_embed_tally *tally,
                          nj_err *err)
{
    struct embedding w = {.job = job, .lens = lens, .tally = tally};
    char *file = nj_path_join(job->folder, NJ_EMBEDDINGS_FILE);
    nj_status status;

    *tally = (nj_embed_tally){0};
    *out = NULL;
    if (!file)
        return nj_fail(err, NJ_E_MEMORY, "no memory for a path");
    w.file = file;
    status = work(&w, out, err);
    free(file);
    return status;
}
