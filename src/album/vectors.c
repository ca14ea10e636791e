/* Nearest vectors: see vectors.h. The products run in 16 sums side by side,
 * which compilers turn into vector instructions without being allowed to change
 * the order of any sum; the wide form is chosen when the processor has it. */
#include "album/vectors.h"

#include <stdbool.h>

#define LANES 16

#if defined(__GNUC__) && defined(__x86_64__)
#define WIDE __attribute__((target("avx2")))
#endif

static inline __attribute__((always_inline)) float dot(const float *a,
                                                       const float *b, size_t n)
{
    float sums[LANES] = {0};
    size_t i = 0;

    for (; i + LANES <= n; i += LANES)
        for (size_t k = 0; k < LANES; k++)
            sums[k] += a[i + k] * b[i + k];
    for (size_t k = 0; i + k < n; k++)
        sums[k] += a[i + k] * b[i + k];
    for (size_t half = LANES / 2; half > 0; half /= 2)
        for (size_t k = 0; k < half; k++)
            sums[k] += sums[k + half];
    return sums[0];
}

float nj_vectors_dot(const float *a, const float *b, size_t n)
{
    return dot(a, b, n);
}

static void score_plain(const float *const *rows, size_t count,
                        const float *query, size_t width, float *scores)
{
    for (size_t i = 0; i < count; i++)
        scores[i] = dot(rows[i], query, width);
}

#ifdef WIDE
WIDE static void score_wide(const float *const *rows, size_t count,
                            const float *query, size_t width, float *scores)
{
    for (size_t i = 0; i < count; i++)
        scores[i] = dot(rows[i], query, width);
}
#endif

void nj_vectors_score(const float *const *rows, size_t count,
                      const float *query, size_t width, float *scores)
{
#ifdef WIDE
    if (__builtin_cpu_supports("avx2")) {
        score_wide(rows, count, query, width, scores);
        return;
    }
#endif
    score_plain(rows, count, query, width, scores);
}

/* ---- the best ---------------------------------------------------------- */

static bool is_worse(const nj_hit *a, const nj_hit *b)
{
    return a->score < b->score || (a->score == b->score && a->row > b->row);
}

/* A heap with the worst hit at its root. */
static void sink(nj_hit *heap, size_t n, size_t at)
{
    for (;;) {
        size_t child = 2 * at + 1;
        nj_hit moved = heap[at];

        if (child >= n)
            return;
        if (child + 1 < n && is_worse(&heap[child + 1], &heap[child]))
            child++;
        if (!is_worse(&heap[child], &moved))
            return;
        heap[at] = heap[child];
        heap[child] = moved;
        at = child;
    }
}

static void rise(nj_hit *heap, size_t at)
{
    while (at > 0 && is_worse(&heap[at], &heap[(at - 1) / 2])) {
        nj_hit moved = heap[at];

        heap[at] = heap[(at - 1) / 2];
        heap[(at - 1) / 2] = moved;
        at = (at - 1) / 2;
    }
}

size_t nj_vectors_best(const float *scores, size_t count, double least,
                       nj_hit *hits, size_t most)
{
    size_t n = 0;

    for (size_t i = 0; i < count && most > 0; i++) {
        nj_hit hit = {i, scores[i]};

        if (!((double)hit.score >= least))
            continue;
        if (n < most) {
            hits[n] = hit;
            rise(hits, n++);
        } else if (is_worse(&hits[0], &hit)) {
            hits[0] = hit;
            sink(hits, n, 0);
        }
    }
    for (size_t left = n; left > 1; left--) {
        nj_hit worst = hits[0];

        hits[0] = hits[left - 1];
        hits[left - 1] = worst;
        sink(hits, left - 1, 0);
    }
    return n;
}
