/* Progress: the line fits every window, and says what matters longest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "job/estimate.h"
#include "run/progress.h"

/* 2026-01-31 12:00:00 UTC */
#define NOON 1769860800

static nj_progress in_the_night(void)
{
    return (nj_progress){
        .tally = {.planned = 12000, .made = 640, .skipped = 12, .failed = 3},
        .images = 4,
        .iteration = 137,
        .iterations = 1000,
        .now = 100,
        .batch_began = 50,
        .image_seconds = 105.5,
        .clock = NOON,
        .free_known = true,
        .free_bytes = UINT64_C(123400000000),
    };
}

static char *line_of(const nj_progress *p, size_t columns)
{
    nj_str line = {0};

    nj_progress_line(p, columns, &line);
    return nj_str_take(&line);
}

static void fits_every_window(void **state)
{
    const nj_progress p = in_the_night();

    (void)state;
    for (size_t columns = 1; columns <= 200; columns++) {
        char *line = line_of(&p, columns);

        assert_true(strlen(line) <= columns - 1);
        for (const char *c = line; *c; c++)
            assert_true(*c >= ' ' && *c < 0x7f);
        if (columns >= 40) {
            assert_non_null(strstr(line, " 655/12000"));
            assert_non_null(strstr(line, "3 failed"));
        }
        if (columns >= 60)
            assert_non_null(strstr(line, " left"));
        free(line);
    }
}

static void says_everything_at_80(void **state)
{
    nj_progress p = in_the_night();
    char *line;

    (void)state;
    p.tally = (nj_tally){.planned = 24, .made = 12, .failed = 1};
    p.iterations = 40;
    p.iteration = 3;
    p.images = 1;
    line = line_of(&p, 80);
    assert_non_null(
        strstr(line, " 13/24  step 3/40  34.1/h  19 min left, 12:"));
    assert_non_null(strstr(line, "  1 failed"));
    free(line);
}

static void clock_is(int64_t when, const char *want)
{
    nj_str text = {0};

    nj_clock_text(when, NOON, &text);
    assert_string_equal(text.text, want);
    nj_str_release(&text);
}

static void tells_the_day_when_it_is_another(void **state)
{
    (void)state;
    clock_is(NOON + 3 * 3600 + 60, "15:01");
    clock_is(NOON + 13 * 3600, "Sun 01:00");
    clock_is(NOON + 8 * 24 * 3600, "2026-02-08 12:00");
    clock_is(NOON - 24 * 3600, "2026-01-30 12:00");
}

/* Seconds may come from a file, and be any number. */
static void tells_no_span_that_does_not_fit(void **state)
{
    nj_str text = {0};

    (void)state;
    nj_duration_text(1e300, &text);
    assert_string_equal(text.text, "2501999792983 h 36 min");
    nj_str_release(&text);
}

static void knows_nothing_at_first(void **state)
{
    const nj_progress p = {.tally = {.planned = 3}, .clock = NOON};
    char *line = line_of(&p, 80);

    (void)state;
    assert_true(nj_progress_left(&p) < 0);
    assert_null(strstr(line, "left"));
    assert_non_null(strstr(line, " 0/3"));
    free(line);
}

static void a_full_disk_is_shown(void **state)
{
    nj_progress p = in_the_night();
    char *line;

    (void)state;
    p.free_bytes = 0;
    line = line_of(&p, 120);
    assert_non_null(strstr(line, "  0 kB free"));
    free(line);
    p.free_known = false;
    line = line_of(&p, 120);
    assert_null(strstr(line, "free"));
    free(line);
    /* A file system that has no blocks at all. */
    p.free_bytes = 1;
    assert_true(nj_free_bytes("/proc/none/such", &p.free_bytes));
    assert_int_equal(p.free_bytes, 0);
    assert_true(nj_free_bytes("no_folder", &p.free_bytes));
    assert_false(nj_free_bytes("", &p.free_bytes));
}

static void bytes_are(uint64_t bytes, const char *down, const char *most)
{
    nj_str text = {0};

    nj_bytes_text(bytes, false, &text);
    assert_string_equal(text.text, down);
    nj_str_release(&text);
    nj_bytes_text(bytes, true, &text);
    assert_string_equal(text.text, most);
    nj_str_release(&text);
}

static void bounds_are_rounded_up(void **state)
{
    (void)state;
    bytes_are(0, "0 kB", "0 kB");
    bytes_are(1, "0 kB", "1 kB");
    bytes_are(20480, "20 kB", "21 kB");
    bytes_are(999999, "999 kB", "1000 kB");
    bytes_are(1000000, "1.0 MB", "1.0 MB");
    bytes_are(3072001, "3.0 MB", "3.1 MB");
    bytes_are(UINT64_C(123400000000), "123.4 GB", "123.4 GB");
    bytes_are(UINT64_MAX, "18446744073.7 GB", "18446744073.8 GB");
}

#define TEST(f) cmocka_unit_test(f)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(fits_every_window),
        TEST(says_everything_at_80),
        TEST(tells_the_day_when_it_is_another),
        TEST(knows_nothing_at_first),
        TEST(tells_no_span_that_does_not_fit),
        TEST(a_full_disk_is_shown),
        TEST(bounds_are_rounded_up),
    };

    setenv("TZ", "UTC", 1);
    tzset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
