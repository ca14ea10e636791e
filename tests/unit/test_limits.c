/* Time spans, deadlines and sizes as people write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

#include "job/limits.h"

static void reads_time_spans(void **state)
{
    static const struct {
        const char *text;
        double seconds;
    } good[] = {{"8h", 28800}, {"90m", 5400},       {"1h30m", 5400},
                {"45s", 45},   {"1d2h3m4s", 93784}, {"1d1s", 86401}};
    static const char *const bad[] = {"",      "8",   "h",    "0h",  "8h ",
                                      "30m1h", "-1h", "1.5h", "1hh", "1w"};
    double seconds;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(nj_duration_parse(good[i].text, &seconds));
        assert_true(seconds == good[i].seconds);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(nj_duration_parse(bad[i], &seconds));
}

/* 2026-03-28 22:00 in Berlin, where the clock goes forward at 02:00. */
static void reads_deadlines(void **state)
{
    const int64_t evening = 1774731600;
    double seconds;

    (void)state;
    setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
    tzset();
    assert_true(nj_deadline_parse("23:30", evening, &seconds));
    assert_true(seconds == 5400);
    assert_true(nj_deadline_parse("07:30", evening, &seconds));
    assert_true(seconds == (9.5 - 1) * 3600);
    assert_true(nj_deadline_parse("22:00", evening, &seconds));
    assert_true(seconds == (24 - 1) * 3600);
    assert_true(nj_deadline_parse("22:00:01", evening, &seconds));
    assert_true(seconds == 1);
    assert_true(nj_deadline_parse("2026-03-28T22:10", evening, &seconds));
    assert_true(seconds == 600);
    /* Over: the run ends at once. */
    assert_true(nj_deadline_parse("2026-03-28T21:00", evening, &seconds));
    assert_true(seconds == -3600);
    /* The clock goes from 02:00 to 03:00 there: no such time, but a habit. */
    assert_false(nj_deadline_parse("2026-03-29T02:30", evening, &seconds));
    assert_true(nj_deadline_parse("2026-03-29T03:30", evening, &seconds));
    assert_true(seconds == 4.5 * 3600);
    assert_true(nj_deadline_parse("02:30", evening, &seconds));
    unsetenv("TZ");
    tzset();
}

static void refuses_other_deadlines(void **state)
{
    static const char *const bad[] = {"",
                                      "7",
                                      "24:00",
                                      "07:60",
                                      "07:30:60",
                                      "7.30",
                                      "07:3",
                                      "2026-13-01T0:00",
                                      "2026-01-32T00:00",
                                      "2027-02-29T00:00",
                                      "2027-02-30T00:00",
                                      "2026-04-31T12:00",
                                      "26-01-01T0:00",
                                      "noon",
                                      "07:30 pm",
                                      "07:30T",
                                      "2026-01-01",
                                      "-1:00"};
    double seconds;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(nj_deadline_parse(bad[i], 0, &seconds));
}

static void reads_sizes(void **state)
{
    uint64_t bytes;

    (void)state;
    assert_true(nj_size_parse("0", &bytes) && bytes == 0);
    assert_true(nj_size_parse("123", &bytes) && bytes == 123);
    assert_true(nj_size_parse("5k", &bytes) && bytes == 5000);
    assert_true(nj_size_parse("500M", &bytes) && bytes == 500000000);
    assert_true(nj_size_parse("2G", &bytes) && bytes == 2000000000);
    assert_true(nj_size_parse("1T", &bytes) && bytes == 1000000000000);
    /* No digit is one too many, as long as the size fits. */
    assert_true(nj_size_parse("2500000000", &bytes) && bytes == 2500000000);
    assert_true(nj_size_parse("18446744T", &bytes) &&
                bytes == 18446744000000000000U);
    assert_true(nj_size_parse("18446744073709551615", &bytes) &&
                bytes == UINT64_MAX);
    assert_false(nj_size_parse("18446745T", &bytes));
    assert_false(nj_size_parse("20000000T", &bytes));
    assert_false(nj_size_parse("18446744073709551616", &bytes));
    assert_false(nj_size_parse("100000000000000000000000000", &bytes));
    assert_false(nj_size_parse("", &bytes));
    assert_false(nj_size_parse("G", &bytes));
    assert_false(nj_size_parse("2GB", &bytes));
    assert_false(nj_size_parse("-1", &bytes));
    assert_false(nj_size_parse("1.5G", &bytes));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_time_spans),
        cmocka_unit_test(reads_deadlines),
        cmocka_unit_test(refuses_other_deadlines),
        cmocka_unit_test(reads_sizes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
