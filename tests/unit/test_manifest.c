/* Manifests: what was written is read again, and what a crash tore is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "run/manifest.h"

static char folder[64];
static char path[128];
static size_t lines;
static double sum;

static int set_up(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/nightjar-manifest-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/nightjar.jsonl", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static void add(int value)
{
    nj_manifest m;
    cJSON *o = cJSON_CreateObject();

    cJSON_AddNumberToObject(o, "value", value);
    assert_int_equal(nj_manifest_open(folder, 1, 1, &m, NULL), NJ_OK);
    assert_int_equal(nj_manifest_add(&m, o, true, NULL), NJ_OK);
    nj_manifest_close(&m);
}

static void count(void *user, const cJSON *line)
{
    (void)user;
    lines++;
    sum += nj_json_number(line, "value", 0);
}

static size_t read_all(void)
{
    size_t torn = 0;

    lines = 0;
    sum = 0;
    assert_int_equal(nj_manifest_read(path, count, NULL, &torn, NULL), NJ_OK);
    return torn;
}

/* However many bytes a crash leaves of a line: the others are read. */
static void a_torn_line_is_skipped(void **state)
{
    char *whole;
    size_t n;

    (void)state;
    add(1);
    add(2);
    assert_int_equal(nj_file_read(path, 4096, &whole, &n, NULL), NJ_OK);
    free(whole);
    for (size_t cut = n / 2 + 1; cut < n - 1; cut++) {
        unlink(path);
        add(1);
        add(2);
        assert_int_equal(truncate(path, (off_t)cut), 0);
        add(4);
        assert_int_equal(read_all(), 1);
        assert_int_equal(lines, 2);
        assert_true(sum == 5);
    }
}

static void every_changed_byte_is_noticed(void **state)
{
    char *whole;
    size_t n;

    (void)state;
    add(1);
    assert_int_equal(nj_file_read(path, 4096, &whole, &n, NULL), NJ_OK);
    assert_non_null(strstr(whole, "\"crc\""));
    for (size_t i = 0; i + 1 < n; i++) {
        whole[i] ^= 1;
        assert_null(nj_manifest_parse(whole, n - 1));
        whole[i] ^= 1;
    }
    free(whole);
}

static void followers_read_each_line_once(void **state)
{
    uint64_t offset = 0;
    size_t torn = 0;
    FILE *f;

    (void)state;
    lines = 0;
    assert_int_equal(
        nj_manifest_follow(path, &offset, count, NULL, &torn, NULL), NJ_OK);
    assert_int_equal(offset, 0);
    for (int i = 0; i < 3; i++) {
        add(i);
        assert_int_equal(
            nj_manifest_follow(path, &offset, count, NULL, &torn, NULL), NJ_OK);
        assert_int_equal(lines, i + 1);
    }
    /* A line that is still being written is left for later. */
    f = fopen(path, "a");
    fputs("{\"half", f);
    fclose(f);
    assert_int_equal(
        nj_manifest_follow(path, &offset, count, NULL, &torn, NULL), NJ_OK);
    assert_int_equal(torn, 0);
    add(3);
    assert_int_equal(
        nj_manifest_follow(path, &offset, count, NULL, &torn, NULL), NJ_OK);
    assert_int_equal(lines, 4);
    assert_int_equal(torn, 1);
}

/* Lines of 4 MiB of nothing make a file of more than a gibibyte, with room on
 * the disk for the newlines; then one that is good. */
static void a_manifest_may_have_any_length(void **state)
{
    const off_t length = 4 << 20;
    const off_t bytes = ((off_t)1 << 30) + length;
    uint64_t offset = 0;
    size_t torn = 0;
    FILE *f;

    (void)state;
    f = fopen(path, "w");
    assert_non_null(f);
    for (off_t end = length; end <= bytes; end += length) {
        assert_int_equal(fseeko(f, end - 1, SEEK_SET), 0);
        assert_int_equal(fputc('\n', f), '\n');
    }
    assert_int_equal(fclose(f), 0);
    add(7);
    assert_int_equal(read_all(), (size_t)(bytes / length));
    assert_int_equal(lines, 1);
    assert_true(sum == 7);
    assert_int_equal(
        nj_manifest_follow(path, &offset, count, NULL, &torn, NULL), NJ_OK);
    assert_int_equal(lines, 2);
    assert_true(offset > (uint64_t)bytes);
}

static void lines_of_processes_do_not_mix(void **state)
{
    (void)state;
    for (int p = 0; p < 4; p++) {
        if (fork() == 0) {
            for (int i = 0; i < 50; i++)
                add(1);
            _exit(0);
        }
    }
    for (int p = 0; p < 4; p++) {
        int status;

        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    assert_int_equal(read_all(), 0);
    assert_int_equal(lines, 200);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_torn_line_is_skipped),
        TEST(every_changed_byte_is_noticed),
        TEST(followers_read_each_line_once),
        TEST(a_manifest_may_have_any_length),
        TEST(lines_of_processes_do_not_mix),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
