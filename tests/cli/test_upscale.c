/* upscale as a command, hostile pictures, and what the morning's commands
 * refuse. */
#include "morning_bench.h"

/* Weights by which an upscaler is known. */
static void write_upscaler(void)
{
    static const char header[] =
        "{\"conv_first.weight\":{\"dtype\":\"F32\",\"shape\":[1,1],"
        "\"data_offsets\":[0,4]},\"conv_last.weight\":{\"dtype\":\"F32\","
        "\"shape\":[1,1],\"data_offsets\":[4,8]}}";
    uint64_t length = sizeof(header) - 1;
    char bytes[8 + sizeof(header) + 8] = {0};

    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, header, length);
    fake_write(fake_path(folder, "big.safetensors"), bytes, 8 + length + 8);
}

#define BIG "--upscaler", fake_path(folder, "big.safetensors")

/* ---- upscale ------------------------------------------------------------- */

static void upscales_and_tells_how_in_the_record(void **state)
{
    nj_picture p;
    char *text;

    (void)state;
    paint_night();
    write_upscaler();
    expect(RUN("upscale", night, BIG), 0, "4 pictures made");
    assert_int_equal(nj_picture_probe(fake_path(night, "a_out.png"), &p, NULL),
                     NJ_OK);
    assert_int_equal(p.width, 96);
    text = fake_png_text(fake_path(night, "a_out.png"), "nightjar");
    assert_non_null(strstr(text, "\"prompt\":\"a red boat\""));
    assert_non_null(strstr(text, "\"iteration\":4"));
    assert_non_null(strstr(text, "\"upscale\":{"));
    assert_non_null(strstr(text, "\"scale\":4"));
    free(text);
    /* Its record's sum is that of its own pixels. */
    expect(RUN("info", fake_path(night, "a_out.png")), 0,
           "its pixels are those that were made");
    assert_int_equal(RUN("reproduce", fake_path(night, "a_out.png")), 2);
    expect(RUN("upscale", night, BIG), 0, "4 there already");
    assert_int_equal(fake_log.upscaled, 4);
    unlink(fake_path(night, "b_out.png"));
    expect(RUN("upscale", night, BIG), 0, "1 picture made");
}

static void upscales_the_picks_alone(void **state)
{
    (void)state;
    paint_night();
    write_upscaler();
    fake_write(fake_path(night, "picks.txt"), "b.png\n", 6);
    expect(RUN("upscale", night, BIG, "--out", fake_path(folder, "big")), 0,
           "1 picture made");
    assert_int_equal(fake_count(fake_path(folder, "big")), 1);
    expect(RUN("upscale", night, BIG, "--all"), 0, "4 pictures made");
}

/* Nor does one whose every picture fails, or that cannot write. */
static void a_refused_job_leaves_no_folder(void **state)
{
    char big[512];
    char deep[600];

    (void)state;
    snprintf(big, sizeof(big), "%s/big", folder);
    snprintf(deep, sizeof(deep), "%s/night", big);
    paint_night();
    write_upscaler();
    fake_plan.open_fails = NJ_E_USAGE;
    expect(RUN("upscale", night, BIG, "--out", deep), 2, "fake: cannot open");
    assert_int_not_equal(access(big, F_OK), 0);
    fake_plan.open_fails = NJ_OK;
    fake_plan.upscale_fails = NJ_E_MEMORY;
    expect(RUN("upscale", night, BIG, "--out", deep), 1, "fake: cannot");
    assert_int_not_equal(access(big, F_OK), 0);
    fake_plan.upscale_fails = NJ_OK;
    expect(RUN("upscale", night, BIG, "--out", deep), 0, "4 pictures made");
    assert_int_equal(fake_count(deep), 4);
}

/* A picture that changed, or another network, is another result. */
static void leaves_other_results_alone(void **state)
{
    (void)state;
    paint_night();
    write_upscaler();
    assert_int_equal(RUN("upscale", fake_path(night, "a.png"), BIG), 0);
    paint("a.png", "a red boat", 1, green);
    expect(RUN("upscale", fake_path(night, "a.png"), BIG), 0, "a-");
    assert_int_equal(fake_count(night), 6);
    expect(RUN("upscale", fake_path(night, "a.png"), BIG), 0, "already");
}

static void counts_pictures_that_fail(void **state)
{
    (void)state;
    paint_night();
    write_upscaler();
    fake_write(fake_path(night, "broken.png"), "\x89PNG\r\n\x1a\nxx", 10);
    fake_write(fake_path(night, "text.jpg"), "no picture", 10);
    expect(RUN("upscale", night, BIG), 3, "4 pictures made");
    expect(3, 3, "2 failed");
    fake_plan.upscale_fails = NJ_E_MEMORY;
    fake_remove(fake_path(night, "a_out.png"));
    unlink(fake_path(night, "a_out.png"));
    expect(RUN("upscale", fake_path(night, "a.png"), BIG), 1, "fake: cannot");
}

static void ask_to_stop(int done)
{
    if (done == 1)
        raise(SIGTERM);
}

static void stops_and_goes_on(void **state)
{
    (void)state;
    paint_night();
    write_upscaler();
    if (fork() == 0) {
        fake_plan.on_upscale = ask_to_stop;
        _exit(RUN("upscale", night, BIG));
    } else {
        int status;

        wait(&status);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 130);
    }
    assert_int_equal(fake_count(night), 6);
    expect(RUN("upscale", night, BIG), 0, "2 pictures made");
}

/* ---- hostile pictures ---------------------------------------------------- */

static void bring(const char *name)
{
    char path[512];
    char *bytes;
    size_t n;

    snprintf(path, sizeof(path), NJ_SOURCE_DIR "/tests/fixtures/pictures/%s",
             name);
    assert_int_equal(nj_file_read(path, 1 << 20, &bytes, &n, NULL), NJ_OK);
    fake_write(fake_path(night, name), bytes, n);
    free(bytes);
}

/* 16 bits, a palette, transparency and a single pixel are pictures; CMYK is
 * not one that a network knows. */
static void takes_pictures_of_every_kind(void **state)
{
    nj_picture p;

    (void)state;
    bring("deep.png");
    bring("palette.png");
    bring("alpha.webp");
    bring("grey_alpha.png");
    bring("cmyk.jpg");
    fake_png(fake_path(night, "dot.png"), 1, 1);
    write_upscaler();
    expect(RUN("index", night, CLIP), 3, "5 new or changed");
    expect(3, 3, "CMYK");
    expect(RUN("upscale", night, BIG), 3, "5 pictures made");
    expect(3, 3, "1 failed");
    assert_int_equal(
        nj_picture_probe(fake_path(night, "deep_out.png"), &p, NULL), NJ_OK);
    assert_int_equal(p.channels, 1);
    assert_int_equal(
        nj_picture_probe(fake_path(night, "grey_alpha_out.png"), &p, NULL),
        NJ_OK);
    assert_int_equal(p.channels, 4);
    assert_int_equal(
        nj_picture_probe(fake_path(night, "alpha_out.png"), &p, NULL), NJ_OK);
    assert_int_equal(p.channels, 4);
    assert_int_equal(
        nj_picture_probe(fake_path(night, "dot_out.png"), &p, NULL), NJ_OK);
    assert_int_equal(p.width, 4);
}

/* Nothing of it crashes or ends the work; each is told. */
static void skips_hostile_pictures(void **state)
{
    static const unsigned char bomb[] =
        "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\xff\xff\xff\0\xff\xff\xff\x08\x02\0\0"
        "\0\xd0\x1d\x6a\x2f";
    char *bytes;
    size_t n;

    (void)state;
    paint_night();
    assert_int_equal(
        nj_file_read(fake_path(night, "a.png"), 1 << 20, &bytes, &n, NULL),
        NJ_OK);
    fake_write(fake_path(night, "cut.png"), bytes, n / 2);
    free(bytes);
    fake_write(fake_path(night, "bomb.png"), bomb, sizeof(bomb) - 1);
    fake_write(fake_path(night, "empty.webp"), "", 0);
    fake_write(fake_path(night, "wrong.jpeg"), "GIF89a", 6);
    fake_png(fake_path(night, "ribbon.png"), 4000, 2);
    fake_png(fake_path(night, "dot.png"), 1, 1);
    expect(RUN("index", night, CLIP), 3, "5 new or changed");
    expect(3, 3, "5 skipped");
    expect(3, 3, "cut.png");
    expect(3, 3, "bomb.png");
    expect(3, 3, "ribbon.png");
    expect(RUN("rank", night, CLIP), 3, "4 pictures ranked");
}

/* ---- bad input ----------------------------------------------------------- */

static void refuses_what_cannot_be(void **state)
{
    char none[256];
    char file[512];
    char unet[256];

    (void)state;
    snprintf(none, sizeof(none), "%s/none", folder);
    snprintf(file, sizeof(file), "%s/a.png", night);
    snprintf(unet, sizeof(unet), "%s/unet.safetensors", folder);
    paint_night();
    write_upscaler();
    fake_plan.open_fails = NJ_E_INTERNAL;
    expect(RUN("rank"), 2, "a folder is expected");
    expect(RUN("rank", none), 2, "cannot open folder");
    expect(RUN("rank", file), 2, "is not a folder");
    expect(RUN("rank", night, night), 2, "one argument too many");
    expect(RUN("rank", night, "--top", "5 %"), 2, "'5 %' is not a number of");
    expect(RUN("rank", night, "--top", "0"), 2, "option '--top'");
    expect(RUN("rank", night, "--by", "seed"), 2, "all or prompt");
    expect(RUN("rank", night, "--clip", unet), 2, "holds no CLIP model");
    expect(RUN("rank", night, "--clip", none), 2, "option '--clip'");
    expect(RUN("rank", night, CLIP, "--device", "cuda:77"), 2, "--device");
    expect(RUN("pick", night, "--cutn", "4"), 2, "unknown option '--cutn'");
    expect(RUN("pick", night, none), 2, "cannot open");
    expect(RUN("pick", night, "-", "--top", "3"), 2, "given with a list");
    expect(RUN("upscale"), 2, "a picture, a folder or - is expected");
    expect(RUN("upscale", none), 2, "cannot open");
    expect(RUN("upscale", night, "--upscaler", unet), 2, "holds no RRDBNet");
    expect(RUN("upscale", night, BIG, "--tile", "-1"), 2, "option '--tile'");
    expect(RUN("index", night, CLIP, CLIP), 2, "one expected");
    expect(RUN("search", night), 2, "a query is expected");
    expect(RUN("search", night, "boat:x", CLIP), 2, "boat:x");
    expect(RUN("search", night, "boat", CLIP), 2, "run nightjar index on it");
    expect(RUN("search", night, "boat", "--min-score", "2"), 2, "--min-score");
    assert_int_equal(fake_log.opened, 0);
    assert_int_equal(fake_count(night), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(upscales_and_tells_how_in_the_record),
        TEST(upscales_the_picks_alone),
        TEST(a_refused_job_leaves_no_folder),
        TEST(leaves_other_results_alone),
        TEST(counts_pictures_that_fail),
        TEST(stops_and_goes_on),
        TEST(takes_pictures_of_every_kind),
        TEST(skips_hostile_pictures),
        TEST(refuses_what_cannot_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
