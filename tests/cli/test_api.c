/* The public header: its usage example as a program, and what callbacks get. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/file.h"
#include "fake/fake_run.h"
#include "run/api.h"

static nightjar_job *new_job(void)
{
    nightjar_job *job = nightjar_job_new(NULL);

    assert_non_null(job);
    nj_api_set_engine(job, fake_engine_get);
    assert_int_equal(
        nightjar_set(job, "unet", fake_path(folder, "unet.safetensors"), NULL),
        0);
    assert_int_equal(
        nightjar_set(job, "unet_config", fake_path(folder, "card.json"), NULL),
        0);
    assert_int_equal(
        nightjar_set(job, "clip", fake_path(folder, "clip.safetensors"), NULL),
        0);
    return job;
}

/* As in the header, with the fake model files. */
static void the_example_works(void **state)
{
    nightjar_error e = {0};
    nightjar_job *job = new_job();

    (void)state;
    if (!job || nightjar_set(job, "out", fake_path(folder, "out"), &e) != 0 ||
        nightjar_set(job, "seeds", "1..4", &e) != 0 ||
        nightjar_add_prompt(job, "a red boat", &e) != 0 ||
        nightjar_plan(job, &e) != 0 ||
        nightjar_generate(job, NULL, NULL, &e) != 0)
        fail_msg("%s", e.text);
    nightjar_job_free(job);
    assert_int_equal(fake_pictures(fake_path(folder, "out")), 4);
}

struct seen {
    int steps;
    int stop_at;
    int made;
    int found;
    int failed;
};

static int on_step(void *user, int iteration, int iterations)
{
    struct seen *seen = user;

    assert_true(iteration >= 0 && iteration < iterations);
    return ++seen->steps == seen->stop_at;
}

static void on_picture(void *user, size_t number, const char *path, int made)
{
    struct seen *seen = user;

    assert_true(number < 3);
    assert_non_null(strstr(path, ".png"));
    *(made ? &seen->made : &seen->found) += 1;
}

static void on_failed(void *user, size_t number, const char *why)
{
    struct seen *seen = user;

    assert_int_equal(number, 1);
    assert_non_null(strstr(why, "not finite"));
    seen->failed++;
}

static int generate(struct seen *seen, nightjar_tally *counts,
                    nightjar_error *e)
{
    nightjar_callbacks callbacks = {seen, on_step, on_picture, on_failed};
    nightjar_job *job = new_job();
    int code;

    assert_int_equal(nightjar_set(job, "out", fake_path(folder, "out"), e), 0);
    assert_int_equal(nightjar_set(job, "seeds", "1..3", e), 0);
    assert_int_equal(nightjar_add_prompt(job, "a", e), 0);
    assert_int_equal(nightjar_count(job), 0);
    assert_int_equal(nightjar_plan(job, e), 0);
    assert_int_equal(nightjar_count(job), 3);
    assert_true(nightjar_at(job, 2).seed == 3);
    assert_int_equal(nightjar_at(job, 2).iterations, 5);
    assert_int_equal(nightjar_at(job, 2).width, 64);
    code = nightjar_generate(job, &callbacks, counts, e);
    nightjar_job_free(job);
    return code;
}

static void callbacks_see_everything(void **state)
{
    struct seen seen = {0};
    nightjar_tally counts;
    nightjar_error e;

    (void)state;
    fake_plan.has_failing_seed = true;
    fake_plan.failing_seed = 2;
    assert_int_equal(generate(&seen, &counts, &e), 0);
    assert_int_equal(seen.steps, 15);
    assert_true(seen.made == 2 && seen.failed == 1 && seen.found == 0);
    assert_true(counts.planned == 3 && counts.made == 2 && counts.failed == 1);
    seen = (struct seen){.stop_at = 2};
    fake_engine_reset();
    assert_int_equal(generate(&seen, &counts, &e), NIGHTJAR_INTERRUPTED);
    assert_true(seen.found == 1 && seen.made == 0);
}

/* A job without seeds, stopped at a step (0: never); the seed of its plan. */
static uint64_t seed_of_a_job(int stop_at)
{
    struct seen seen = {.stop_at = stop_at};
    nightjar_callbacks callbacks = {.user = &seen, .step = on_step};
    nightjar_job *job = new_job();
    uint64_t seed;

    assert_int_equal(nightjar_set(job, "out", fake_path(folder, "out"), NULL),
                     0);
    assert_int_equal(nightjar_add_prompt(job, "a", NULL), 0);
    assert_int_equal(nightjar_plan(job, NULL), 0);
    seed = nightjar_at(job, 0).seed;
    assert_int_equal(nightjar_generate(job, &callbacks, NULL, NULL),
                     stop_at ? NIGHTJAR_INTERRUPTED : NIGHTJAR_OK);
    nightjar_job_free(job);
    return seed;
}

static void an_unfinished_job_keeps_its_seed(void **state)
{
    uint64_t seed = seed_of_a_job(2);

    (void)state;
    assert_true(seed_of_a_job(0) == seed);
    assert_true(seed_of_a_job(0) != seed);
}

static void mistakes_have_texts(void **state)
{
    nightjar_error e;
    nightjar_job *job = new_job();

    (void)state;
    assert_int_equal(nightjar_set(job, "cutm", "4", &e), NIGHTJAR_USAGE);
    assert_string_equal(e.text, "unknown option 'cutm' (did you mean 'cutn'?)");
    assert_int_equal(nightjar_set(job, "cutn", "0", &e), NIGHTJAR_USAGE);
    assert_non_null(strstr(e.text, "from 1 to 1024"));
    assert_int_equal(nightjar_set(job, "help", "true", &e), NIGHTJAR_USAGE);
    assert_int_equal(nightjar_generate(job, NULL, NULL, &e), NIGHTJAR_USAGE);
    assert_int_equal(nightjar_plan(job, &e), NIGHTJAR_USAGE);
    assert_non_null(strstr(e.text, "a prompt is expected"));
    assert_int_equal(nightjar_set(job, "out", fake_path(folder, "o"), &e), 0);
    assert_int_equal(nightjar_add_prompt(job, "a", &e), 0);
    assert_int_equal(nightjar_plan(job, &e), 0);
    assert_int_equal(e.code, NIGHTJAR_OK);
    assert_int_equal(nightjar_set(job, "cutn", "4", &e), NIGHTJAR_USAGE);
    nightjar_job_free(job);
}

/* The example in the header is the one above, line for line. */
static void the_header_shows_the_example(void **state)
{
    static const char *const lines[] = {
        "nightjar_set(job, \"seeds\", \"1..4\", &e) != 0 ||",
        "nightjar_add_prompt(job, \"a red boat\", &e) != 0 ||",
        "nightjar_plan(job, &e) != 0 ||",
        "nightjar_generate(job, NULL, NULL, &e) != 0)"};
    char *header;
    char *test;
    size_t n;

    (void)state;
    assert_int_equal(nj_file_read(NJ_SOURCE_DIR "/include/nightjar.h", 1 << 20,
                                  &header, &n, NULL),
                     NJ_OK);
    assert_int_equal(nj_file_read(NJ_SOURCE_DIR "/tests/cli/test_api.c",
                                  1 << 20, &test, &n, NULL),
                     NJ_OK);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        assert_non_null(strstr(header, lines[i]));
        assert_non_null(strstr(test, lines[i]));
    }
    free(header);
    free(test);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fake_set_up, fake_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_example_works),
        TEST(callbacks_see_everything),
        TEST(an_unfinished_job_keeps_its_seed),
        TEST(mistakes_have_texts),
        TEST(the_header_shows_the_example),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
