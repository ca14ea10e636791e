/* nightjar sheet and gallery, as processes: what is on the pages, what is left
 * out, and what they never do to the pictures of a folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/str.h"
#include "fake/fake_run.h"
#include "image/picture.h"

/* Runs "nightjar <arguments>" in the scratch folder; returns its status. */
static int nightjar(const char *arguments)
{
    return fake_shell("'%s/nightjar' %s 2>&1", NJ_BINARY_DIR, arguments);
}

static bool there(const char *name)
{
    return access(fake_path(out, name), F_OK) == 0;
}

static void expect_size(const char *name, int width, int height)
{
    nj_picture header;

    assert_int_equal(nj_picture_probe(fake_path(out, name), &header, NULL),
                     NJ_OK);
    assert_int_equal(header.width, width);
    assert_int_equal(header.height, height);
}

static void one_page(void **state)
{
    (void)state;
    assert_int_equal(RUN("a", "b", "--seeds", "1..3"), NJ_OK);
    assert_int_equal(nightjar("sheet out --columns 3 --cell 32 "
                              "--caption-lines 0"),
                     0);
    expect_said("6 pictures\n");
    expect_size("sheet.png", 3 * 40 + 8, 2 * 40 + 8);
    /* It is told from pictures that lost their records. */
    assert_int_equal(nightjar("info out/*.png"), 0);
    expect_said("out/sheet.png\n  128 x 88 pixels; it is a contact sheet of "
                "nightjar's\n");
    assert_int_equal(nightjar("info --json out/sheet.png"), 0);
    expect_said("\"state\":\"sheet\"");
    /* The sheet itself is no picture of the folder, and may be replaced. */
    assert_int_equal(nightjar("sheet out --cell 32 --caption-lines 0"), 0);
    expect_said("6 pictures\n");
    expect_size("sheet.png", 3 * 40 + 8, 2 * 40 + 8);
}

static void several_pages(void **state)
{
    (void)state;
    assert_int_equal(RUN("a", "b", "--seeds", "1..3"), NJ_OK);
    assert_int_equal(nightjar("sheet out --per-page 4 --columns 2 --cell 16 "
                              "--caption-lines 0"),
                     0);
    expect_size("sheet-1.png", 2 * 24 + 8, 2 * 24 + 8);
    expect_size("sheet-2.png", 2 * 24 + 8, 1 * 24 + 8);
    assert_false(there("sheet.png"));
    assert_int_equal(nightjar("sheet out --json --per-page 4"), 0);
    expect_said("{\"files\":[\"out/sheet-1.png\",\"out/sheet-2.png\"],"
                "\"pictures\":6,\"skipped\":0,\"intermediate\":0}");
}

static size_t sheets(void)
{
    return (size_t)fake_shell("exit $(ls out | grep -c 'sheet.*png')");
}

static void shorter_series(void **state)
{
    (void)state;
    assert_int_equal(RUN("a", "b", "--seeds", "1..4"), NJ_OK);
    assert_int_equal(nightjar("sheet out"), 0);
    assert_int_equal(nightjar("sheet out --per-page 2"), 0);
    expect_said("8 pictures, 1 page of an earlier sheet removed\n");
    assert_int_equal(sheets(), 4);
    /* Not ours, or not of that series. */
    assert_int_equal(fake_shell("cp out/*a_*seed--1.png out/sheet-9.png"), 0);
    assert_int_equal(fake_shell("cp out/sheet-4.png out/sheet-04.png && "
                                "cp out/sheet-4.png out/sheet-7.png && "
                                "cp out/sheet-4.png out/my-sheet-4.png"),
                     0);
    assert_int_equal(nightjar("sheet out/prompt* -o out/sheet.png --per-page 4 "
                              "--json"),
                     0);
    expect_said("\"removed\":2}");
    assert_int_equal(sheets(), 6);
    assert_true(there("sheet-2.png") && there("sheet-7.png") &&
                there("sheet-9.png") && there("sheet-04.png") &&
                there("my-sheet-4.png"));
    assert_int_equal(nightjar("sheet out/prompt* -o out/sheet.png"), 0);
    expect_said("8 pictures, 2 pages of an earlier sheet removed\n");
    assert_true(there("sheet.png"));
    assert_int_equal(sheets(), 5);
}

static void files_and_folders(void **state)
{
    (void)state;
    assert_int_equal(RUN("a", "--seeds", "1..2"), NJ_OK);
    fake_png(fake_path(folder, "photo.png"), 30, 10);
    assert_int_equal(nightjar("sheet photo.png out -o all.png --quiet"), 0);
    assert_string_equal(said, "");
    assert_int_equal(access(fake_path(folder, "all.png"), F_OK), 0);
    /* Without arguments: the folder that generate uses without --out. */
    assert_int_equal(rename(out, fake_path(folder, "pictures")), 0);
    assert_int_equal(nightjar("sheet"), 0);
    assert_int_equal(access(fake_path(folder, "pictures/sheet.png"), F_OK), 0);
}

/* No file that is something else is replaced. */
static void never_overwrites(void **state)
{
    char *before;
    char *after;

    (void)state;
    assert_int_equal(RUN("a", "--seeds", "1"), NJ_OK);
    before = fake_read(fake_only(out, "prompt--a"), NULL);
    assert_int_equal(
        nightjar("sheet out -o out/prompt--a_iteration--00004_seed--1.png"), 2);
    expect_said("is no contact sheet");
    after = fake_read(fake_only(out, "prompt--a"), NULL);
    assert_memory_equal(before, after, 200);
    free(before);
    free(after);
    fake_write(fake_path(out, "index.html"), "<p>mine", 7);
    assert_int_equal(nightjar("gallery out"), 2);
    expect_said("is no gallery");
    after = fake_read(fake_path(out, "index.html"), NULL);
    assert_string_equal(after, "<p>mine");
    free(after);
}

static void skips_what_is_broken(void **state)
{
    (void)state;
    assert_int_equal(RUN("a", "--seeds", "1..2"), NJ_OK);
    fake_write(fake_path(out, "cut.png"), "\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16);
    fake_write(fake_path(out, "text.jpg"), "no picture", 10);
    fake_write(fake_path(out, "empty.webp"), "", 0);
    assert_int_equal(nightjar("sheet out"), 3);
    expect_said("2 pictures, 3 skipped");
    expect_said("skipped: ");
    expect_said("cut.png");
    expect_said("text.jpg");
    expect_said("empty.webp");
    assert_int_equal(nightjar("gallery out --json"), 3);
    expect_said("{\"event\":\"skipped\",\"reason\":\"");
    expect_said("\"pictures\":2,\"skipped\":3");
}

/* Cut inside the pixels: the header is fine, decoding tells. */
static void skips_a_cut_picture(void **state)
{
    char *bytes;
    size_t n;

    (void)state;
    assert_int_equal(RUN("a", "--seeds", "1..2"), NJ_OK);
    assert_int_equal(
        nj_file_read(fake_only(out, "seed--2"), 1 << 20, &bytes, &n, NULL),
        NJ_OK);
    fake_write(fake_only(out, "seed--2"), bytes, n - 40);
    free(bytes);
    assert_int_equal(nightjar("sheet out"), 3);
    expect_said("1 picture, 1 skipped");
    expect_said("seed--2.png");
}

static void leaves_out_intermediate_ones(void **state)
{
    (void)state;
    assert_int_equal(RUN("a", "--seeds", "1..2", "--save-every", "2"), NJ_OK);
    assert_int_equal(nightjar("sheet out"), 0);
    expect_said("2 pictures, 4 intermediate ones left out (--all shows them)");
    assert_int_equal(nightjar("gallery out --all"), 0);
    expect_said("6 pictures\n");
    assert_int_equal(nightjar("sheet out/*seed--1.png -o one.png"), 0);
    expect_said("1 picture, 2 intermediate ones left out");
    assert_int_equal(fake_shell("rm out/*00001_seed--1.png"), 0);
    assert_int_equal(nightjar("sheet out/*seed--1.png -o one.png"), 0);
    expect_said("1 picture, 1 intermediate one left out (--all shows it)");
}

static void gallery_page(void **state)
{
    char *html;

    (void)state;
    assert_int_equal(RUN("<b>x", "--seeds", "9..11"), NJ_OK);
    assert_int_equal(nightjar("sheet out"), 0);
    assert_int_equal(nightjar("gallery out"), 0);
    expect_said("out/index.html\n3 pictures\n");
    html = fake_read(fake_path(out, "index.html"), NULL);
    assert_null(strstr(html, "<b>"));
    assert_non_null(strstr(html, "\"title\":\"out\""));
    assert_null(strstr(html, "\"file\":\"sheet.png\""));
    assert_true(strstr(html, "seed--9.png") < strstr(html, "seed--10.png"));
    free(html);
    assert_int_equal(nightjar("gallery out"), 0);
    assert_int_equal(fake_pictures(out), 4);
}

/* generate --gallery, by the program on the stand-in engine. */
static void gallery_of_a_run(void **state)
{
    char command[4096];
    char *html;

    (void)state;
    snprintf(command, sizeof(command),
             "cd '%s' && '%s/tests/nightjar_fake' generate a --seeds 1..3 "
             "--timestep-respacing 5 --unet unet.safetensors --unet-config "
             "card.json --clip clip.safetensors --models-dir . --out out "
             "--gallery -q 2>&1",
             folder, NJ_BINARY_DIR);
    assert_int_equal(system(command), 0);
    html = fake_read(fake_path(out, "index.html"), NULL);
    assert_non_null(strstr(html, "seed--1.png"));
    assert_non_null(strstr(html, "seed--3.png"));
    free(html);
    /* Something else in its place: refused before anything is made. */
    fake_remove(out);
    assert_int_equal(mkdir(out, 0777), 0);
    fake_write(fake_path(out, "index.html"), "<p>mine", 7);
    assert_int_equal(WEXITSTATUS(system(command)), 2);
    assert_int_equal(fake_count(out), 1);
}

static void refuses_bad_lines(void **state)
{
    static const char *const bad[][2] = {
        {"sheet missing", "'missing'"},
        {"sheet out --columns 101", "from 0 to 100"},
        {"sheet out --cell 8", "from 16 to 2048"},
        {"sheet out --out sheet.jpg", "does not end in .png"},
        {"sheet out --per-page 0", "from 1 to"},
        {"sheet out --cutn 3", "unknown option '--cutn'"},
        {"sheet out --column 3", "did you mean '--columns'"},
        {"gallery missing", "'missing'"},
        {"gallery out out", "second"},
        {"gallery out --columns 3", "unknown option '--columns'"},
    };

    (void)state;
    assert_int_equal(RUN("a", "--seeds", "1"), NJ_OK);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(nightjar(bad[i][0]), 2);
        expect_said(bad[i][1]);
    }
    assert_int_equal(fake_pictures(out), 1);
}

static void nothing_to_show(void **state)
{
    (void)state;
    assert_int_equal(mkdir(out, 0777), 0);
    assert_int_equal(nightjar("sheet out"), 1);
    assert_string_equal(said, "nightjar: no picture is in 'out'\n");
    assert_int_equal(nightjar("sheet out --quiet"), 1);
    assert_string_equal(said, "nightjar: no picture is in 'out'\n");
    assert_int_equal(nightjar("gallery out"), 1);
    expect_said("no picture is in 'out'\n");
    assert_int_equal(fake_count(out), 0);
    assert_int_equal(RUN("a", "--seeds", "1"), NJ_OK);
    assert_int_equal(nightjar("sheet out -o nowhere/sheet.png"), 1);
    expect_said("nowhere/sheet.png");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fake_set_up, fake_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_page),
        TEST(several_pages),
        TEST(shorter_series),
        TEST(files_and_folders),
        TEST(never_overwrites),
        TEST(skips_what_is_broken),
        TEST(skips_a_cut_picture),
        TEST(leaves_out_intermediate_ones),
        TEST(gallery_page),
        TEST(gallery_of_a_run),
        TEST(refuses_bad_lines),
        TEST(nothing_to_show),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
