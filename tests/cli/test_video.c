/* Videos on the stand-in engine: an animated WebP that is decoded again, and a
 * stand-in for ffmpeg that shows what it was given. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include <webp/demux.h>

#include "base/file.h"
#include "fake/fake_run.h"
#include "album/folder.h"

static char *old_path;

static int set_up(void **state)
{
    const char *path = getenv("PATH");

    old_path = strdup(path ? path : "");
    return fake_set_up(state);
}

static int tear_down(void **state)
{
    setenv("PATH", old_path, 1);
    free(old_path);
    return fake_tear_down(state);
}

/* Hidden files count too: nothing may be left behind. */
static void expect_files(size_t n)
{
    size_t found = fake_count(out);

    found -= fake_only(out, ".nightjar.lock") != NULL;
    found -= fake_only(out, "nightjar.jsonl") != NULL;
    assert_int_equal(found, n);
}

/* Puts a program ffmpeg first in $PATH, a shell script: it claims to have
 * `encoders`, and otherwise runs `body` with $last as the file to write. */
static void install_ffmpeg(const char *encoders, const char *body)
{
    char text[4096];
    const char *path = fake_path(folder, "bin");

    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(text, sizeof(text), "%s:%s", path, old_path);
    setenv("PATH", text, 1);
    snprintf(text, sizeof(text),
             "#!/bin/sh\nD='%s'\n"
             "for a do [ \"$a\" = -encoders ] && { echo ' V....D %s  x'; "
             "exit 0; }; last=$a; done\n%s\n",
             folder, encoders, body);
    path = fake_path(folder, "bin/ffmpeg");
    fake_write(path, text, strlen(text));
    assert_int_equal(chmod(path, 0700), 0);
}

/* ---- WebP -------------------------------------------------------------- */

static void check_animation(int frames, int fps, int side)
{
    size_t n;
    char *bytes = fake_read(fake_only(out, ".webp"), &n);
    const WebPData data = {(const uint8_t *)bytes, n};
    WebPAnimDecoder *decoder = WebPAnimDecoderNew(&data, NULL);
    WebPAnimInfo info;
    uint8_t *rgba;
    int end = 0;

    assert_non_null(decoder);
    assert_int_equal(WebPAnimDecoderGetInfo(decoder, &info), 1);
    assert_int_equal(info.canvas_width, side);
    assert_int_equal(info.canvas_height, side);
    while (WebPAnimDecoderHasMoreFrames(decoder))
        assert_int_equal(WebPAnimDecoderGetNext(decoder, &rgba, &end), 1);
    assert_int_equal(end, frames * 1000 / fps);
    WebPAnimDecoderDelete(decoder);
    free(bytes);
}

static void makes_an_animation(void **state)
{
    nj_list names = {0};

    (void)state;
    assert_int_equal(RUN("a", "--seed", "1", "--timestep-respacing", "20",
                         "--video", "--video-format", "webp", "--video-fps",
                         "10"),
                     NJ_OK);
    assert_int_equal(tally.made, 1);
    assert_int_equal(tally.videos, 1);
    expect_files(2);
    check_animation(20, 10, 64);
    /* It is none of the folder's pictures. */
    assert_int_equal(nj_folder_list(out, &names, NULL), NJ_OK);
    assert_int_equal(names.count, 1);
    nj_list_release(&names);
}

/* Frames and saved pictures are counted apart; the last iteration is both. */
static void takes_every_kth_frame(void **state)
{
    (void)state;
    assert_int_equal(RUN("a", "--seed", "1", "--timestep-respacing", "20",
                         "--video", "--video-format", "webp", "--video-every",
                         "3", "--save-every", "5"),
                     NJ_OK);
    expect_files(4 + 1);
    check_animation(7, 12, 64);
}

static void resumes(void **state)
{
    char png[4096];
    struct stat before;
    struct stat after;

    (void)state;
    assert_int_equal(RUN("a", "--seed", "1"), NJ_OK);
    snprintf(png, sizeof(png), "%s", fake_only(out, ".png"));
    assert_int_equal(stat(png, &before), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(
            RUN("a", "--seed", "1", "--video", "--video-format", "webp"),
            NJ_OK);
        assert_int_equal(tally.videos, i != 1);
        assert_int_equal(tally.skipped, i == 1);
        if (i == 1)
            assert_int_equal(unlink(fake_only(out, ".webp")), 0);
    }
    assert_non_null(fake_only(out, ".webp"));
    assert_int_equal(stat(png, &after), 0);
    assert_true(before.st_ino == after.st_ino);
    expect_files(2);
}

static void one_for_each_picture_of_a_batch(void **state)
{
    (void)state;
    assert_int_equal(RUN("a", "b", "--seeds", "1..3", "--batch-size", "4",
                         "--video", "--video-format", "webp"),
                     NJ_OK);
    assert_int_equal(tally.videos, 6);
    expect_files(12);
}

static void a_failed_picture_has_none(void **state)
{
    (void)state;
    fake_plan.has_failing_seed = true;
    fake_plan.failing_seed = 2;
    assert_int_equal(RUN("a", "--seeds", "1..3", "--batch-size", "3", "--video",
                         "--video-format", "webp"),
                     NJ_OK);
    assert_int_equal(tally.made, 2);
    assert_int_equal(tally.videos, 2);
    assert_int_equal(tally.videos_failed, 0);
    expect_files(4);
}

/* ---- ffmpeg ------------------------------------------------------------ */

static void ffmpeg_gets_all_frames(void **state)
{
    size_t n;
    char *bytes;

    (void)state;
    install_ffmpeg("libx264",
                   "printf '%s\\n' \"$@\" >\"$D/args\"; cat >\"$last\"");
    assert_int_equal(RUN("a;b'c", "--seed", "1", "--video", "--video-fps", "7"),
                     NJ_OK);
    assert_int_equal(tally.videos, 1);
    bytes = fake_read(fake_only(out, ".mp4"), &n);
    assert_int_equal(n, 5 * 64 * 64 * 3);
    free(bytes);
    assert_int_equal(
        nj_file_read(fake_path(folder, "args"), 9999, &bytes, &n, NULL), NJ_OK);
    assert_non_null(strstr(bytes, "\n-video_size\n64x64\n-framerate\n7\n"));
    assert_non_null(strstr(bytes, "\n-c:v\nlibx264\n"));
    free(bytes);
    expect_files(2);
}

static void a_failing_ffmpeg_costs_no_picture(void **state)
{
    (void)state;
    install_ffmpeg("libx264", "echo 'no such thing' >&2; exit 3");
    assert_int_equal(RUN("a", "--seeds", "1,2", "--video"), NJ_OK);
    assert_int_equal(tally.made, 2);
    assert_int_equal(tally.videos, 0);
    assert_int_equal(tally.videos_failed, 2);
    expect_files(2);
}

/* The stand-in waits for the second picture, which so must not wait for it. */
static void the_next_picture_does_not_wait(void **state)
{
    (void)state;
    install_ffmpeg("libx264",
                   "i=0; until ls \"$D\"/out/*seed--2.png >\"$last\" 2>&1; do "
                   "sleep .1; i=$((i+1)); [ $i -lt 200 ] || exit 1; done");
    assert_int_equal(RUN("a", "--seeds", "1,2", "--video"), NJ_OK);
    assert_int_equal(tally.videos, 2);
    expect_files(4);
}

static void stop_at_once(int signal)
{
    (void)signal;
    stop.requests = 2;
}

static void a_stop_ends_the_encoder(void **state)
{
    struct sigaction action = {.sa_handler = stop_at_once};
    time_t began = time(NULL);

    (void)state;
    /* The stand-in asks for the stop: its picture is made by then. */
    install_ffmpeg("libx264", "sleep 1; kill -ALRM $PPID; exec sleep 60");
    assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
    (void)RUN("a", "--seed", "1", "--video");
    assert_true(time(NULL) - began < 30);
    assert_int_equal(tally.made, 1);
    assert_int_equal(tally.videos, 0);
    expect_files(1);
}

/* ---- without an encoder ------------------------------------------------ */

static void refused(const char *format, const char *says)
{
    const char *const args[] = {"a", "--video", "--video-format", format, NULL};

    assert_int_equal(fake_job_open(&j, folder, args), NJ_E_USAGE);
    if (!strstr(j.err.text, says) || !strstr(j.err.text, "--video-format"))
        fail_msg("'%s' does not say '%s'", j.err.text, says);
    fake_job_release(&j);
}

static void refuses_what_nobody_can_make(void **state)
{
    (void)state;
    setenv("PATH", "/nonexistent", 1);
    refused("mp4", "'mp4' needs the program ffmpeg");
    refused("webm", "'webm' needs the program ffmpeg");
    setenv("PATH", old_path, 1);
    install_ffmpeg("libx265", "exit 1");
    refused("mp4", "needs the encoder libx264");
    refused("webm", "needs the encoder libvpx-vp9");
}

static void auto_falls_back_to_webp(void **state)
{
    (void)state;
    setenv("PATH", "/nonexistent", 1);
    assert_int_equal(RUN("a", "--seed", "1", "--video"), NJ_OK);
    assert_non_null(fake_only(out, ".webp"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(makes_an_animation),
        TEST(takes_every_kth_frame),
        TEST(resumes),
        TEST(one_for_each_picture_of_a_batch),
        TEST(a_failed_picture_has_none),
        TEST(ffmpeg_gets_all_frames),
        TEST(a_failing_ffmpeg_costs_no_picture),
        TEST(the_next_picture_does_not_wait),
        TEST(a_stop_ends_the_encoder),
        TEST(refuses_what_nobody_can_make),
        TEST(auto_falls_back_to_webp),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
