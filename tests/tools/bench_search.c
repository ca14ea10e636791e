/* Measures search, and writes what it found so that another program can check
 * it.
 *
 *     bench_search make FILE ROWS WIDTH       an index of random vectors
 *     bench_search find FILE QUERIES TOP      prints the hits of random queries
 *                                             and, on standard error, times
 *
 * Query number q is row number q * 7919 modulo the rows, a little changed.
 * Hits are lines "q path score". tests/tools/compare_search.py reads both.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/number.h"
#include "album/embeddings.h"
#include "album/search.h"

#define BLOCK 4096

static const char model[65] =
    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

static double seconds(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Uniform in -1..1, from splitmix64's finaliser. */
static float draw(uint64_t i)
{
    uint64_t z = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (float)((double)(z >> 11) * 0x1p-52 - 1);
}

static void to_unit(float *v, size_t width)
{
    double sum = 0;

    for (size_t k = 0; k < width; k++)
        sum += (double)v[k] * v[k];
    for (size_t k = 0; k < width; k++)
        v[k] = (float)(v[k] / sqrt(sum));
}

/* Rows from..from+n-1 as one block. */
static nj_status add_block(const char *file, size_t from, size_t n,
                           size_t width, nj_err *err)
{
    float *vectors = nj_calloc(n * width, sizeof(*vectors));
    nj_embedded *rows = nj_calloc(n, sizeof(*rows));
    char(*paths)[32] = nj_calloc(n, sizeof(*paths));
    nj_status status = NJ_E_MEMORY;

    if (vectors && rows && paths) {
        for (size_t i = 0; i < n; i++) {
            float *v = vectors + i * width;

            for (size_t k = 0; k < width; k++)
                v[k] = draw((from + i) * width + k);
            to_unit(v, width);
            snprintf(paths[i], sizeof(paths[i]), "%zu.png", from + i);
            rows[i] = (nj_embedded){paths[i], from + i, 0, v};
        }
        status = nj_embeddings_append(file, model, width, rows, n, err);
    }
    free(vectors);
    free(rows);
    free(paths);
    return status;
}

static nj_status make(const char *file, size_t rows, size_t width, nj_err *err)
{
    nj_status status = NJ_OK;

    for (size_t at = 0; at < rows && status == NJ_OK; at += BLOCK)
        status = add_block(file, at, rows - at < BLOCK ? rows - at : BLOCK,
                           width, err);
    return status;
}

static void make_query(const nj_embeddings *e, size_t q, float *query)
{
    size_t width = nj_embeddings_width(e);
    const nj_embedded *row =
        nj_embeddings_at(e, q * 7919 % nj_embeddings_count(e));

    for (size_t k = 0; k < width; k++)
        query[k] = row->vector[k] + .02F * draw(q * 1000003 + k);
    to_unit(query, width);
}

static nj_status find_one(const nj_embeddings *e, size_t q, size_t most,
                          double *took, double *processor, nj_err *err)
{
    float *query = nj_calloc(nj_embeddings_width(e), sizeof(*query));
    const nj_search_ask ask = {.query = query, .least = -1, .most = most};
    nj_found *found = NULL;
    size_t count = 0;
    double began;
    double busy;
    nj_status status;

    if (!query)
        return nj_fail(err, NJ_E_MEMORY, "no memory for a query");
    make_query(e, q, query);
    began = seconds(CLOCK_MONOTONIC);
    busy = seconds(CLOCK_PROCESS_CPUTIME_ID);
    status = nj_search(e, &ask, &found, &count, err);
    *took = seconds(CLOCK_MONOTONIC) - began;
    *processor += seconds(CLOCK_PROCESS_CPUTIME_ID) - busy;
    for (size_t i = 0; i < count; i++)
        printf("%zu %s %.9g\n", q, found[i].picture->path, found[i].score);
    free(found);
    free(query);
    return status;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static nj_status find(const char *file, size_t queries, size_t most,
                      nj_err *err)
{
    double *took = nj_calloc(queries + 1, sizeof(*took));
    nj_embeddings *e = NULL;
    double began = seconds(CLOCK_MONOTONIC);
    double processor = 0;
    nj_status status = took ? nj_embeddings_open(file, model, &e, err)
                            : nj_fail(err, NJ_E_MEMORY, "no memory");
    double loaded = seconds(CLOCK_MONOTONIC) - began;

    for (size_t q = 0; q < queries && status == NJ_OK; q++)
        status = find_one(e, q, most, &took[q], &processor, err);
    if (status == NJ_OK && queries) {
        double first = took[0];

        qsort(took, queries, sizeof(*took), by_size);
        fprintf(stderr,
                "%zu vectors of %zu: loaded and checked in %.0f ms; search: "
                "first %.1f ms, median %.1f ms, slowest %.1f ms of %zu, "
                "processor time %.1f ms each\n",
                nj_embeddings_count(e), nj_embeddings_width(e), loaded * 1e3,
                first * 1e3, took[queries / 2] * 1e3, took[queries - 1] * 1e3,
                queries, processor / (double)queries * 1e3);
    }
    nj_embeddings_free(e);
    free(took);
    return status;
}

int main(int argc, char **argv)
{
    uint64_t a = 0;
    uint64_t b = 0;
    nj_err err = {0};
    nj_status status;

    if (argc != 5 || !nj_parse_u64(argv[3], &a) || !nj_parse_u64(argv[4], &b) ||
        (strcmp(argv[1], "make") != 0 && strcmp(argv[1], "find") != 0)) {
        fprintf(stderr, "usage: bench_search make FILE ROWS WIDTH\n"
                        "       bench_search find FILE QUERIES TOP\n");
        return 2;
    }
    status = strcmp(argv[1], "make") == 0
                 ? make(argv[2], (size_t)a, (size_t)b, &err)
                 : find(argv[2], (size_t)a, (size_t)b, &err);
    if (status != NJ_OK)
        fprintf(stderr, "bench_search: %s\n", err.text);
    return status == NJ_OK ? 0 : 1;
}
