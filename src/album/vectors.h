/* Vectors: which of many rows lie nearest to a query, exactly.
 *
 * Every row is multiplied with the query: no index structure, no row is
 * missed. The sums have a fixed order, so that every processor gives the same
 * numbers.
 */
#ifndef NJ_ALBUM_VECTORS_H
#define NJ_ALBUM_VECTORS_H

#include <stddef.h>

/* The product of two vectors of n numbers. */
float nj_vectors_dot(const float *a, const float *b, size_t n);

/* scores[i] = rows[i] . query for `count` rows of `width` numbers. */
void nj_vectors_score(const float *const *rows, size_t count,
                      const float *query, size_t width, float *scores);

typedef struct nj_hit {
    size_t row;
    float score;
} nj_hit;

/* The `most` best rows whose score is at least `least`, best first, the
 * earlier row first where scores are equal. A score that is not a number is
 * none. `hits` holds `most` entries; returns how many are filled. */
size_t nj_vectors_best(const float *scores, size_t count, double least,
                       nj_hit *hits, size_t most);

#endif
