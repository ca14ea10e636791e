/* Speed from a manifest's lines: batches, several manifests, runs that hang,
 * nights apart, and clocks that were set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "run/rhythm.h"

#define NOON 1000000

static nj_rhythm rhythms[3];

static int set_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++)
        rhythms[i] = (nj_rhythm){0};
    return 0;
}

/* A picture every 10 seconds, from `start` on. */
static void row(nj_rhythm *r, int64_t start, int count)
{
    for (int i = 0; i < count; i++)
        nj_rhythm_add(r, start + 10 * i, 10);
}

static void check_per_hour(size_t count, int64_t now, double expected)
{
    assert_float_equal(nj_rhythm_per_hour(rhythms, count, now), expected, 1e-6);
}

static void one_picture_says_nothing(void **state)
{
    (void)state;
    check_per_hour(1, NOON, 0);
    row(&rhythms[0], NOON, 1);
    check_per_hour(1, NOON, 0);
    row(&rhythms[0], NOON + 10, 1);
    check_per_hour(1, NOON, 360);
}

static void only_the_last_ones_count(void **state)
{
    (void)state;
    row(&rhythms[0], NOON, 30);
    for (int i = 0; i < NJ_RHYTHM_LAST; i++)
        nj_rhythm_add(&rhythms[0], NOON + 1000 + 20 * i, 20);
    check_per_hour(1, NOON + 5000, 180);
}

static void pictures_of_a_batch_come_together(void **state)
{
    (void)state;
    for (int i = 0; i < 9; i++)
        nj_rhythm_add(&rhythms[0], NOON + 40 * (i / 4), 40);
    check_per_hour(1, NOON, 360);
}

static void a_day_in_between_does_not_count(void **state)
{
    (void)state;
    row(&rhythms[0], NOON, 5);
    row(&rhythms[0], NOON + 86400, 5);
    check_per_hour(1, NOON + 2 * 86400, 360);
}

static void a_clock_that_was_set_does_not_count(void **state)
{
    (void)state;
    row(&rhythms[0], NOON, 5);
    row(&rhythms[0], NOON - 86400, 5);
    row(&rhythms[0], NOON + 86400, 5);
    check_per_hour(1, NOON + 2 * 86400, 360);
    rhythms[0].runs = true;
    check_per_hour(1, NOON - 2 * 86400, 360); /* set back since the last line */
}

static void a_run_that_hangs_becomes_slow(void **state)
{
    (void)state;
    row(&rhythms[0], NOON, 11);
    rhythms[0].runs = true;
    check_per_hour(1, NOON + 110, 360);
    check_per_hour(1, NOON + 100 + 500, 60);
}

static void all_that_run_add_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        row(&rhythms[i], NOON, 25);
        rhythms[i].runs = i < 2;
    }
    check_per_hour(3, NOON + 240, 720);
}

/* Of those that have ended, the ones that worked at the same time. */
static void what_ended_last_counts(void **state)
{
    (void)state;
    row(&rhythms[0], NOON - 86400, 5);
    row(&rhythms[1], NOON, 5);
    row(&rhythms[2], NOON + 10, 5);
    check_per_hour(3, NOON + 86400, 720);
}

#define TEST(f) cmocka_unit_test_setup(f, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_picture_says_nothing),
        TEST(only_the_last_ones_count),
        TEST(pictures_of_a_batch_come_together),
        TEST(a_day_in_between_does_not_count),
        TEST(a_clock_that_was_set_does_not_count),
        TEST(a_run_that_hangs_becomes_slow),
        TEST(all_that_run_add_up),
        TEST(what_ended_last_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
