/* Search: see search.h. */
#include "album/search.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "album/embed_folder.h"
#include "album/vectors.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"

/* ---- queries ----------------------------------------------------------- */

static nj_status embed_part(nj_lens *l, const nj_prompt_part *part, float *out,
                            nj_err *err)
{
    const char *text = part->text;
    nj_picture rgb;
    nj_status status;

    if (!part->image)
        return l->api->embed_texts(l->embedder, &text, 1, out, err);
    status = nj_embed_read(part->text, &rgb, err);
    if (status == NJ_OK) {
        const nj_engine_rgb shown = {rgb.width, rgb.height, rgb.pixels};

        status = l->api->embed_pictures(l->embedder, &shown, 1, out, err);
    }
    nj_picture_release(&rgb);
    return status;
}

static nj_status to_unit(float *v, size_t width, nj_err *err)
{
    double sum = 0;

    for (size_t k = 0; k < width; k++)
        sum += (double)v[k] * v[k];
    if (!(sum > 1e-12))
        return nj_fail(err, NJ_E_USAGE, "the parts of the query cancel out");
    for (size_t k = 0; k < width; k++)
        v[k] = (float)(v[k] / sqrt(sum));
    return NJ_OK;
}

nj_status nj_search_vector(nj_lens *lens, const nj_embeddings *e,
                           const nj_prompt *query, float **out, nj_err *err)
{
    nj_status status = nj_lens_open_for(lens, nj_embeddings_width(e), err);
    size_t width;
    float *part;
    float *sum;

    if (status != NJ_OK)
        return status;
    width = (size_t)lens->api->embedder_facts(lens->embedder)->width;
    part = nj_calloc(width, sizeof(*part));
    sum = nj_calloc(width, sizeof(*sum));
    if (!part || !sum)
        status = nj_fail(err, NJ_E_MEMORY, "no memory for a query");
    for (size_t i = 0; i < query->count && status == NJ_OK; i++) {
        status = embed_part(lens, &query->parts[i], part, err);
        for (size_t k = 0; k < width && status == NJ_OK; k++)
            sum[k] += (float)query->parts[i].weight * part[k];
    }
    if (status == NJ_OK)
        status = to_unit(sum, width, err);
    free(part);
    if (status != NJ_OK) {
        free(sum);
        sum = NULL;
    }
    *out = sum;
    return status;
}

/* ---- the nearest ------------------------------------------------------- */

static bool is_there(const char *folder, const char *name)
{
    char *path = nj_path_join(folder, name);
    bool there = path && access(path, F_OK) == 0;

    free(path);
    return there;
}

/* Of `most` hits those whose files are there; returns how many they are. */
static size_t keep_there(const nj_embeddings *e, const char *folder,
                         const nj_hit *hits, size_t count, nj_found *out)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        const nj_embedded *picture = nj_embeddings_at(e, hits[i].row);

        if (!folder || is_there(folder, picture->path))
            out[kept++] = (nj_found){picture, hits[i].score};
    }
    return kept;
}

/* Files that are gone make room for the next best ones. */
static nj_status pick_best(const nj_embeddings *e, const float *scores,
                           const nj_search_ask *ask, nj_found **out,
                           size_t *count, nj_err *err)
{
    size_t all = nj_embeddings_count(e);
    size_t most = ask->most < all ? ask->most : all;

    for (size_t room = most;; room = 2 * room < all ? 2 * room : all) {
        nj_hit *hits = nj_calloc(room, sizeof(*hits));
        nj_found *found = nj_calloc(room, sizeof(*found));
        size_t n;

        if (!hits || !found) {
            free(hits);
            free(found);
            return nj_fail(err, NJ_E_MEMORY, "no memory for hits");
        }
        n = nj_vectors_best(scores, all, ask->least, hits, room);
        *count = keep_there(e, ask->folder, hits, n, found);
        free(hits);
        if (*count >= most || n < room || room == all) {
            *count = *count < most ? *count : most;
            *out = found;
            return NJ_OK;
        }
        free(found);
    }
}

nj_status nj_search(const nj_embeddings *e, const nj_search_ask *ask,
                    nj_found **out, size_t *count, nj_err *err)
{
    size_t all = nj_embeddings_count(e);
    const float **rows = nj_calloc(all, sizeof(*rows));
    float *scores = nj_calloc(all, sizeof(*scores));
    nj_status status = NJ_OK;

    *out = NULL;
    *count = 0;
    if (!rows || !scores)
        status = nj_fail(err, NJ_E_MEMORY, "no memory for scores");
    for (size_t i = 0; i < all && status == NJ_OK; i++)
        rows[i] = nj_embeddings_at(e, i)->vector;
    if (status == NJ_OK) {
        nj_vectors_score(rows, all, ask->query, nj_embeddings_width(e), scores);
        status = pick_best(e, scores, ask, out, count, err);
    }
    free(rows);
    free(scores);
    return status;
}

/* ---- export ------------------------------------------------------------ */

static void add_npy(nj_str *s, const nj_embeddings *e)
{
    size_t count = nj_embeddings_count(e);
    size_t width = nj_embeddings_width(e);
    nj_str head = {0};

    nj_str_addf(&head,
                "{'descr': '<f4', 'fortran_order': False, 'shape': (%zu, %zu), "
                "}",
                count, width);
    /* Numbers begin at a multiple of 64 bytes; the header ends in a newline. */
    while ((10 + head.length + 1) % 64 != 0 && !head.failed)
        nj_str_addc(&head, ' ');
    nj_str_addc(&head, '\n');
    nj_str_addn(s, "\x93NUMPY\x01\x00", 8);
    nj_str_addc(s, (char)(head.length & 255));
    nj_str_addc(s, (char)(head.length >> 8));
    nj_str_addn(s, head.text ? head.text : "", head.length);
    s->failed = s->failed || head.failed;
    for (size_t i = 0; i < count; i++)
        nj_str_addn(s, (const char *)nj_embeddings_at(e, i)->vector,
                    width * sizeof(float));
    nj_str_release(&head);
}

static nj_status write_part(const char *prefix, const char *ending,
                            const nj_str *s, nj_err *err)
{
    nj_str path = {0};
    nj_status status;

    nj_str_addf(&path, "%s%s", prefix, ending);
    if (!nj_str_ok(&path) || !nj_str_ok(s))
        status = nj_fail(err, NJ_E_MEMORY, "no memory to export embeddings");
    else
        status = nj_file_write_atomic(path.text, s->text ? s->text : "",
                                      s->length, err);
    nj_str_release(&path);
    return status;
}

nj_status nj_search_export(const nj_embeddings *e, const char *prefix,
                           nj_err *err)
{
    nj_str s = {0};
    nj_status status;

    add_npy(&s, e);
    status = write_part(prefix, ".npy", &s, err);
    nj_str_release(&s);
    for (size_t i = 0; i < nj_embeddings_count(e); i++)
        nj_str_addf(&s, "%s\n", nj_embeddings_at(e, i)->path);
    if (status == NJ_OK)
        status = write_part(prefix, ".txt", &s, err);
    nj_str_release(&s);
    return status;
}
