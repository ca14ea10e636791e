/* Search: the pictures of an index that come nearest to a query.
 *
 * A query has the form of a prompt: "a boat:1 | night:-0.5 | image:x.png:2".
 * Its vector is the weighted sum of its parts' embeddings, brought to length 1;
 * a picture's score is the cosine of the angle between the two, and every
 * picture is looked at.
 */
#ifndef NJ_ALBUM_SEARCH_H
#define NJ_ALBUM_SEARCH_H

#include <stddef.h>

#include "album/embeddings.h"
#include "album/lens.h"
#include "base/err.h"
#include "text/prompt.h"

/* The query's vector, of the width of e and of the lens, which is opened; the
 * caller frees it. NJ_E_USAGE: an image that cannot be read, or parts that
 * cancel out; NJ_E_FORMAT: the vectors of e are not the lens's. */
nj_status nj_search_vector(nj_lens *lens, const nj_embeddings *e,
                           const nj_prompt *query, float **out,
                           nj_err *err) NJ_MUST_USE;

typedef struct nj_found {
    const nj_embedded *picture; /* of the embeddings */
    double score;               /* -1..1 */
} nj_found;

/* What to look for. */
typedef struct nj_search_ask {
    const float *query;
    const char *folder; /* files that are no longer in it are left out; NULL:
                           not looked at */
    double least;       /* score */
    size_t most;        /* hits */
} nj_search_ask;

/* The best pictures, best first. The caller frees *out. */
nj_status nj_search(const nj_embeddings *e, const nj_search_ask *ask,
                    nj_found **out, size_t *count, nj_err *err) NJ_MUST_USE;

/* Writes PREFIX.npy (float32 [pictures,width], numpy's format 1.0) and
 * PREFIX.txt (their paths, a line each, in that order). */
nj_status nj_search_export(const nj_embeddings *e, const char *prefix,
                           nj_err *err) NJ_MUST_USE;

#endif
