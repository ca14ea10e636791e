/* The file of embeddings: rows replace each other, a file that was cut short
 * anywhere holds what was whole, and damage is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "album/embeddings.h"

enum { WIDTH = 3 };

static char folder[64];
static char file[128];
static char model[65];
static char other[65];

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/nightjar-test-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(file, sizeof(file), "%s/nightjar.embeddings", folder);
    memset(model, 'a', 64);
    memset(other, 'b', 64);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(file);
    return rmdir(folder);
}

/* Appends one picture with the vector (v, v, v). */
static void add(const char *of, const char *path, float v)
{
    const float vector[WIDTH] = {v, v, v};
    const nj_embedded row = {path, (uint64_t)v, (int64_t)v * 7, vector};

    assert_int_equal(nj_embeddings_append(file, of, WIDTH, &row, 1, NULL),
                     NJ_OK);
}

static void drop(const char *path)
{
    const nj_embedded row = {.path = path};

    assert_int_equal(nj_embeddings_append(file, model, 0, &row, 1, NULL),
                     NJ_OK);
}

static nj_embeddings *read_back(void)
{
    nj_embeddings *e = NULL;
    nj_err err = {0};

    if (nj_embeddings_open(file, model, &e, &err) != NJ_OK)
        fail_msg("%s", err.text);
    return e;
}

static void check(const nj_embeddings *e, const char *path, float v)
{
    const nj_embedded *row = nj_embeddings_find(e, path);

    assert_non_null(row);
    assert_string_equal(row->path, path);
    assert_int_equal(row->bytes, (uint64_t)v);
    assert_int_equal(row->changed, (int64_t)v * 7);
    for (int k = 0; k < WIDTH; k++)
        assert_true(row->vector[k] == v);
}

static void holds_the_last_row_of_each_picture(void **state)
{
    nj_embeddings *e;

    (void)state;
    e = read_back();
    assert_int_equal(nj_embeddings_count(e), 0);
    assert_null(nj_embeddings_find(e, "x.png"));
    nj_embeddings_free(e);
    add(model, "x.png", 1);
    add(model, "in/y.png", 2);
    add(other, "x.png", 8);
    add(model, "z.png", 3);
    add(model, "x.png", 4);
    drop("z.png");
    drop("not there.png");
    e = read_back();
    assert_int_equal(nj_embeddings_count(e), 2);
    assert_int_equal(nj_embeddings_width(e), WIDTH);
    check(e, "x.png", 4);
    check(e, "in/y.png", 2);
    assert_null(nj_embeddings_find(e, "z.png"));
    nj_embeddings_free(e);
}

static void many_pictures_are_all_found(void **state)
{
    enum { COUNT = 300 };
    static char paths[COUNT][16];
    static float vectors[COUNT][WIDTH];
    static nj_embedded rows[COUNT];
    nj_embeddings *e;

    (void)state;
    for (int i = 0; i < COUNT; i++) {
        snprintf(paths[i], sizeof(paths[i]), "%d.png", i);
        for (int k = 0; k < WIDTH; k++)
            vectors[i][k] = (float)i;
        rows[i] = (nj_embedded){paths[i], (uint64_t)i, i * 7, vectors[i]};
    }
    assert_int_equal(
        nj_embeddings_append(file, model, WIDTH, rows, COUNT, NULL), NJ_OK);
    e = read_back();
    assert_int_equal(nj_embeddings_count(e), COUNT);
    for (int i = 0; i < COUNT; i++)
        check(e, paths[i], (float)i);
    nj_embeddings_free(e);
}

static void a_new_file_has_no_dead_rows(void **state)
{
    nj_embeddings *e;
    char *before;
    char *after;
    size_t n;
    size_t m;

    (void)state;
    for (int i = 0; i < 9; i++)
        add(model, "x.png", (float)i);
    add(model, "y.png", 2);
    drop("y.png");
    add(other, "x.png", 5);
    e = read_back();
    assert_int_equal(nj_embeddings_dead(e), 10);
    nj_embeddings_free(e);
    assert_int_equal(nj_file_read(file, 1 << 20, &before, &n, NULL), NJ_OK);
    assert_int_equal(nj_embeddings_compact(file, model, NULL), NJ_OK);
    assert_int_equal(nj_file_read(file, 1 << 20, &after, &m, NULL), NJ_OK);
    assert_true(m < n);
    e = read_back();
    assert_int_equal(nj_embeddings_dead(e), 0);
    assert_int_equal(nj_embeddings_count(e), 1);
    check(e, "x.png", 8);
    nj_embeddings_free(e);
    assert_int_equal(nj_embeddings_open(file, other, &e, NULL), NJ_OK);
    check(e, "x.png", 5);
    nj_embeddings_free(e);
    free(before);
    free(after);
}

/* Somebody removed it meanwhile. */
static void a_file_that_is_gone_becomes_an_empty_one(void **state)
{
    nj_embeddings *e;

    (void)state;
    unlink(file);
    assert_int_equal(nj_embeddings_compact(file, model, NULL), NJ_OK);
    e = read_back();
    assert_int_equal(nj_embeddings_count(e), 0);
    nj_embeddings_free(e);
}

/* A crash leaves a file that ends anywhere: what was whole is there, and the
 * next picture can be added. */
static void a_file_cut_anywhere_holds_what_was_whole(void **state)
{
    char *bytes;
    size_t n;

    (void)state;
    add(model, "x.png", 1);
    add(model, "y.png", 2);
    assert_int_equal(nj_file_read(file, 1 << 20, &bytes, &n, NULL), NJ_OK);
    for (size_t cut = 0; cut < n; cut += 13) {
        nj_embeddings *e;
        size_t whole;

        assert_int_equal(nj_file_write_atomic(file, bytes, cut, NULL), NJ_OK);
        e = read_back();
        whole = nj_embeddings_count(e);
        assert_int_equal(whole, cut < 64 + (n - 64) / 2 ? 0 : 1);
        if (whole)
            check(e, "x.png", 1);
        nj_embeddings_free(e);
        add(model, "z.png", 3);
        e = read_back();
        assert_int_equal(nj_embeddings_count(e), whole + 1);
        check(e, "z.png", 3);
        nj_embeddings_free(e);
    }
    free(bytes);
}

/* One bit anywhere: the block no longer counts, or the damage is told; never
 * another vector or path. */
static void a_changed_bit_is_never_believed(void **state)
{
    char *bytes;
    size_t n;

    (void)state;
    add(model, "x.png", 1);
    assert_int_equal(nj_file_read(file, 1 << 20, &bytes, &n, NULL), NJ_OK);
    for (size_t i = 0; i < n; i += 5) {
        nj_embeddings *e = NULL;
        nj_err err = {0};

        bytes[i] ^= 1;
        assert_int_equal(nj_file_write_atomic(file, bytes, n, NULL), NJ_OK);
        if (nj_embeddings_open(file, model, &e, &err) == NJ_OK) {
            if (nj_embeddings_count(e))
                check(e, "x.png", 1);
            nj_embeddings_free(e);
        } else {
            assert_int_equal(err.code, NJ_E_FORMAT);
            assert_non_null(strstr(err.text, file));
        }
        bytes[i] ^= 1;
    }
    free(bytes);
}

static void paths_cannot_lead_out(void **state)
{
    static const char *const bad[] = {
        "../x.png", "/x.png", "a/../../x.png", "a//x.png", "", "a/", "x\n.png"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        nj_embeddings *e = NULL;
        nj_err err = {0};

        unlink(file);
        add(model, bad[i], 1);
        assert_int_equal(nj_embeddings_open(file, model, &e, &err),
                         NJ_E_FORMAT);
    }
}

static void another_file_is_left_alone(void **state)
{
    static const char text[] = "my own notes, which nobody must overwrite, "
                               "are longer than 64 bytes, as this shows";
    const nj_embedded row = {.path = "x.png"};
    nj_embeddings *e = NULL;
    nj_err err = {0};
    char *bytes;
    size_t n;

    (void)state;
    for (size_t length = 10; length <= sizeof(text); length += 70) {
        assert_int_equal(nj_file_write_atomic(file, text, length, NULL), NJ_OK);
        assert_int_equal(nj_embeddings_open(file, model, &e, &err),
                         NJ_E_FORMAT);
        assert_int_equal(nj_embeddings_append(file, model, 0, &row, 1, &err),
                         NJ_E_FORMAT);
        assert_non_null(strstr(err.text, "in the way"));
        assert_int_equal(nj_file_read(file, 1 << 20, &bytes, &n, NULL), NJ_OK);
        assert_int_equal(n, length);
        assert_memory_equal(bytes, text, n);
        free(bytes);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(holds_the_last_row_of_each_picture),
        TEST(many_pictures_are_all_found),
        TEST(a_new_file_has_no_dead_rows),
        TEST(a_file_that_is_gone_becomes_an_empty_one),
        TEST(a_file_cut_anywhere_holds_what_was_whole),
        TEST(a_changed_bit_is_never_believed),
        TEST(paths_cannot_lead_out),
        TEST(another_file_is_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
