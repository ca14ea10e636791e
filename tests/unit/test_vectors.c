/* Nearest vectors: the same hits in the same order as sorting all scores. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "album/vectors.h"

enum { ROWS = 997, WIDTH = 37 };

static float matrix[ROWS][WIDTH];
static const float *rows[ROWS];
static float scores[ROWS];

static int fill(void **state)
{
    uint32_t v = 7;

    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        rows[i] = matrix[i];
        for (size_t k = 0; k < WIDTH; k++) {
            v = v * 1664525 + 1013904223;
            /* Few values, so that scores are exact and many are equal. */
            matrix[i][k] = (float)(v >> 30) - 1;
        }
    }
    return 0;
}

static int by_score(const void *a, const void *b)
{
    const nj_hit *x = a;
    const nj_hit *y = b;

    if (x->score != y->score)
        return x->score < y->score ? 1 : -1;
    return x->row < y->row ? -1 : 1;
}

static void finds_what_sorting_finds(void **state)
{
    static nj_hit all[ROWS];
    static nj_hit hits[ROWS];

    (void)state;
    nj_vectors_score(rows, ROWS, matrix[5], WIDTH, scores);
    for (size_t i = 0; i < ROWS; i++) {
        float sum = 0;

        for (size_t k = 0; k < WIDTH; k++)
            sum += matrix[i][k] * matrix[5][k];
        assert_true(scores[i] == sum);
        assert_true(nj_vectors_dot(matrix[i], matrix[5], WIDTH) == sum);
        all[i] = (nj_hit){i, sum};
    }
    qsort(all, ROWS, sizeof(all[0]), by_score);
    for (size_t most = 0; most <= ROWS; most += 83) {
        assert_int_equal(nj_vectors_best(scores, ROWS, -1e9, hits, most), most);
        for (size_t i = 0; i < most; i++)
            assert_int_equal(hits[i].row, all[i].row);
    }
}

static void leaves_out_what_is_below_the_least(void **state)
{
    static const float some[5] = {.5F, NAN, -.25F, .25F, INFINITY};
    nj_hit hits[5];

    (void)state;
    assert_int_equal(nj_vectors_best(some, 5, .25, hits, 5), 3);
    assert_int_equal(hits[0].row, 4);
    assert_int_equal(hits[1].row, 0);
    assert_int_equal(hits[2].row, 3);
    assert_int_equal(nj_vectors_best(some, 0, 0, hits, 5), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_sorting_finds),
        cmocka_unit_test(leaves_out_what_is_below_the_least),
    };

    return cmocka_run_group_tests(tests, fill, NULL);
}
