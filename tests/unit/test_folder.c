/* Pictures of a folder: order, what is left out, and what records say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "image/png.h"
#include "album/folder.h"
#include "job/record.h"

static char folder[] = "/tmp/nj_folder_XXXXXX";

static const char *path_of(const char *name)
{
    static char path[512];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void write_bytes(const char *name, const void *bytes, size_t n)
{
    assert_int_equal(nj_file_write_atomic(path_of(name), bytes, n, NULL),
                     NJ_OK);
}

/* A 1x1 PNG with one text chunk; text NULL: without. */
static void write_png(const char *name, const char *keyword, const char *text)
{
    uint8_t pixel[3] = {1, 2, 3};
    nj_picture p = {1, 1, 3, pixel};
    nj_png_text chunk = {keyword, text, 1};
    uint8_t *bytes;
    size_t n;

    assert_int_equal(nj_png_encode(&p, &chunk, text ? 1 : 0, &bytes, &n, NULL),
                     NJ_OK);
    write_bytes(name, bytes, n);
    free(bytes);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int empty_folder(void **state)
{
    char command[600];

    (void)state;
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    return system(command);
}

static void lists_in_order(void **state)
{
    static const char *const wanted[] = {"B.PNG", "a-2.webp", "a-10.jpg",
                                         "c.jpeg"};
    nj_list names = {0};

    (void)state;
    for (size_t i = 4; i-- > 0;)
        write_bytes(wanted[i], "x", 1);
    write_bytes(".hidden.png", "x", 1);
    write_bytes("notes.txt", "x", 1);
    write_bytes(".png", "x", 1);
    assert_int_equal(mkdir(path_of("folder.png"), 0777), 0);
    assert_int_equal(symlink("nowhere", path_of("dangling.png")), 0);
    assert_int_equal(nj_folder_list(folder, &names, NULL), NJ_OK);
    assert_int_equal(names.count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(names.items[i], wanted[i]);
    nj_list_release(&names);
}

static void missing_folder_is_named(void **state)
{
    nj_list names = {0};
    nj_err err = {0};

    (void)state;
    assert_int_equal(nj_folder_list("/no/such", &names, &err), NJ_E_IO);
    assert_non_null(strstr(err.text, "'/no/such'"));
}

static void numbers_count_as_numbers(void **state)
{
    (void)state;
    assert_true(nj_folder_compare("s9", "s10") < 0);
    assert_true(nj_folder_compare("s10", "s9") > 0);
    assert_true(nj_folder_compare("s7", "s07") != 0);
    assert_true(nj_folder_compare("s07a", "s7b") < 0);
    assert_true(nj_folder_compare("a", "ab") < 0);
    assert_true(
        nj_folder_compare("18446744073709551615", "18446744073709551616") < 0);
    assert_int_equal(nj_folder_compare("a1b2", "a1b2"), 0);
}

static void reads_a_record(void **state)
{
    nj_about a;

    (void)state;
    write_png("one.png", NJ_RECORD_KEYWORD,
              "{\"prompt\":\"caf\xc3\xa9\",\"seed\":\"18446744073709551615\","
              "\"record\":{\"iteration\":2,\"iterations\":5,\"score\":0.25}}");
    assert_int_equal(nj_about_read(path_of("one.png"), &a, NULL), NJ_OK);
    assert_string_equal(a.prompt, "caf\xc3\xa9");
    assert_string_equal(a.seed, "18446744073709551615");
    assert_int_equal(a.iteration, 2);
    assert_int_equal(a.iterations, 5);
    assert_true(a.scored && a.score == 0.25);
    assert_false(nj_about_finished(&a));
    assert_false(a.sheet);
    assert_non_null(a.record);
    nj_about_release(&a);
}

static void falls_back_on_the_name(void **state)
{
    static const char name[] = "prompt--a boat_iteration--00004_seed--7.png";
    nj_about a;

    (void)state;
    write_png(name, NJ_RECORD_KEYWORD, "[1, 2");
    assert_int_equal(nj_about_read(path_of(name), &a, NULL), NJ_OK);
    assert_null(a.record);
    assert_string_equal(a.prompt, "a boat");
    assert_string_equal(a.seed, "7");
    assert_int_equal(a.iteration, 4);
    assert_true(nj_about_finished(&a));
    nj_about_release(&a);
}

static void other_files(void **state)
{
    nj_about a;
    nj_err err = {0};

    (void)state;
    write_png("sheet.png", NJ_SHEET_KEYWORD, "1");
    assert_int_equal(nj_about_read(path_of("sheet.png"), &a, NULL), NJ_OK);
    assert_true(a.sheet);
    nj_about_release(&a);
    write_bytes("photo.jpg", "\xff\xd8\xff", 3);
    assert_int_equal(nj_about_read(path_of("photo.jpg"), &a, NULL), NJ_OK);
    assert_null(a.record);
    assert_string_equal(a.prompt, "");
    nj_about_release(&a);
    write_bytes("short.png", "\x89PNG\r\n\x1a\n\0\0", 10);
    assert_int_equal(nj_about_read(path_of("short.png"), &a, &err),
                     NJ_E_FORMAT);
    assert_non_null(strstr(err.text, "short.png"));
    nj_about_release(&a);
    assert_int_equal(nj_about_read(path_of("missing.png"), &a, &err), NJ_E_IO);
    nj_about_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_in_order),
        cmocka_unit_test(missing_folder_is_named),
        cmocka_unit_test(numbers_count_as_numbers),
        cmocka_unit_test(reads_a_record),
        cmocka_unit_test(falls_back_on_the_name),
        cmocka_unit_test(other_files),
    };

    return cmocka_run_group_tests(tests, make_folder, empty_folder);
}
