/* A night of small pictures with records, and commands run on it with the
 * stand-in engine, for the tests of the morning's commands. */
#ifndef MORNING_BENCH_H
#define MORNING_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/json.h"
#include "cli/cli.h"
#include "fake/fake_engine.h"
#include "fake/fake_files.h"
#include "image/png.h"
#include "album/embeddings.h"

#define ARGS_MAX 16

static char *folder;
static char night[256];
static char said[65536];

static int set_up(void **state)
{
    (void)state;
    folder = fake_folder();
    fake_models(folder);
    snprintf(night, sizeof(night), "%s/night", folder);
    fake_engine_reset();
    return mkdir(night, 0777);
}

static int tear_down(void **state)
{
    (void)state;
    fake_remove(folder);
    free(folder);
    return 0;
}

/* A picture of one colour, with a record of that prompt and seed. */
static void paint(const char *name, const char *prompt, int seed,
                  const uint8_t rgb[3])
{
    enum { SIDE = 24 };
    uint8_t pixels[SIDE * SIDE * 3];
    nj_picture p = {SIDE, SIDE, 3, pixels};
    char record[512];
    const nj_png_text text = {"nightjar", record, 1};
    uint8_t *bytes;
    size_t n;

    snprintf(record, sizeof(record),
             "{\"prompt\":\"%s\",\"seed\":\"%d\",\"cutn\":4,\"record\":{"
             "\"iteration\":4,\"iterations\":5}}",
             prompt, seed);
    /* A lighter corner, whose place the seed says: no two are alike. */
    for (int i = 0; i < SIDE * SIDE; i++)
        for (int c = 0; c < 3; c++)
            pixels[3 * i + c] = (uint8_t)(rgb[c] / (1 + (i / SIDE + seed) % 3));
    assert_int_equal(nj_png_encode(&p, &text, 1, &bytes, &n, NULL), NJ_OK);
    fake_write(fake_path(night, name), bytes, n);
    free(bytes);
}

static const uint8_t red[3] = {250, 10, 10};
static const uint8_t reddish[3] = {200, 90, 60};
static const uint8_t green[3] = {10, 250, 10};
static const uint8_t blue[3] = {10, 10, 250};

static void paint_night(void)
{
    paint("a.png", "a red boat", 1, red);
    paint("b.png", "a red boat", 2, reddish);
    paint("c.png", "a green hill", 1, green);
    paint("d.png", "a green hill", 2, blue);
}

/* Standard output and error of a command go to `said`. */
static void listen(int *keep)
{
    const char *log = fake_path(folder, "said");
    int fd = open(log, O_RDWR | O_CREAT | O_TRUNC, 0666);

    fflush(NULL);
    keep[0] = dup(1);
    keep[1] = dup(2);
    dup2(fd, 1);
    dup2(fd, 2);
    close(fd);
}

static void stop_listening(const int *keep)
{
    char *bytes;
    size_t n;

    fflush(NULL);
    dup2(keep[0], 1);
    dup2(keep[1], 2);
    close(keep[0]);
    close(keep[1]);
    assert_int_equal(nj_file_read(fake_path(folder, "said"), sizeof(said) - 1,
                                  &bytes, &n, NULL),
                     NJ_OK);
    memcpy(said, bytes, n + 1);
    free(bytes);
}

static int run_args(const char *const *args)
{
    char *argv[ARGS_MAX] = {"nightjar"};
    int keep[2];
    int argc = 1;
    int exit;

    for (; *args; args++)
        argv[argc++] = (char *)(uintptr_t)*args;
    listen(keep);
    exit = nj_cli_main(argc, argv, fake_engine_get);
    stop_listening(keep);
    return exit;
}

#define RUN(...) run_args((const char *const[]){__VA_ARGS__, NULL})
#define CLIP     "--clip", fake_path(folder, "clip.safetensors")

static void expect(int exit, int want, const char *words)
{
    if (exit != want || !strstr(said, words))
        fail_msg("exit %d, %d and '%s' expected; it said: %s", exit, want,
                 words, said);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

#endif
