/* What was measured is remembered for the next run. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>

#include "fake/fake_run.h"
#include "job/speed.h"

static bool no_file_can_be_synced;

int fsync(int fd)
{
    if (!no_file_can_be_synced)
        return (int)syscall(SYS_fsync, fd);
    errno = EIO;
    return -1;
}

static int set_up(void **state)
{
    fake_set_up(state);
    setenv("XDG_CACHE_HOME", folder, 1);
    return 0;
}

static const nj_group *group(void)
{
    return &j.job.groups[0];
}

static void what_was_measured_is_read_again(void **state)
{
    const nj_speed wrote = {1.5, 4000000000};
    nj_speed back;

    (void)state;
    assert_int_equal(OPEN("a"), NJ_OK);
    assert_false(nj_speed_read(&j.job, group(), &back));
    nj_speed_write(&j.job, group(), &wrote);
    assert_true(nj_speed_read(&j.job, group(), &back));
    assert_true(back.step_seconds == wrote.step_seconds);
    assert_true(back.host_bytes == wrote.host_bytes);
}

static void a_failed_write_leaves_what_is_there(void **state)
{
    const nj_speed before = {1.5, 4000000000};
    const nj_speed after = {2.5, 5000000000};
    nj_speed back;

    (void)state;
    assert_int_equal(OPEN("a"), NJ_OK);
    nj_speed_write(&j.job, group(), &before);
    no_file_can_be_synced = true;
    nj_speed_write(&j.job, group(), &after);
    no_file_can_be_synced = false;
    assert_true(nj_speed_read(&j.job, group(), &back));
    assert_true(back.step_seconds == before.step_seconds);
}

/* The file may hold anything. */
static void numbers_that_do_not_fit_are_none(void **state)
{
    const nj_speed wrote = {1.5, 4000000000};
    const char *path;
    char *text;
    char *at;
    size_t n;
    nj_speed back;

    (void)state;
    assert_int_equal(OPEN("a"), NJ_OK);
    nj_speed_write(&j.job, group(), &wrote);
    path = fake_path(folder, "nightjar/speed.json");
    text = fake_read(path, &n);
    at = strstr(text, "4000000000");
    assert_non_null(at);
    memcpy(at, "4000.0e300", 10);
    fake_write(path, text, n);
    assert_true(nj_speed_read(&j.job, group(), &back));
    assert_true(back.host_bytes == 0);
    free(text);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, fake_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_measured_is_read_again),
        TEST(a_failed_write_leaves_what_is_there),
        TEST(numbers_that_do_not_fit_are_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
