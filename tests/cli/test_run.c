/* The run loop on a stand-in engine: resume, failing pictures, stopping, files
 * that are in the way, and what is inside the files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/json.h"
#include "fake/fake_run.h"
#include "image/png.h"
#include "job/record.h"

static void makes_and_then_skips(void **state)
{
    (void)state;
    assert_int_equal(RUN("a", "b", "--seeds", "1..3"), NJ_OK);
    check_tally(6, 0, 0);
    assert_int_equal(fake_pictures(out), 6);
    assert_int_equal(fake_log.opened, 1);
    assert_int_equal(fake_log.closed, 1);
    assert_int_equal(RUN("a", "b", "--seeds", "1..4"), NJ_OK);
    check_tally(2, 6, 0);
    assert_int_equal(fake_pictures(out), 8);
    /* Nothing to do: the engine is not even opened. */
    fake_engine_reset();
    assert_int_equal(RUN("b", "--seeds", "2..4"), NJ_OK);
    check_tally(0, 3, 0);
    assert_int_equal(fake_log.opened, 0);
}

static void same_bytes_again(void **state)
{
    size_t n;
    size_t m;
    char *first;
    char *second;

    (void)state;
    assert_int_equal(RUN("a", "--seed", "5"), NJ_OK);
    first = fake_read(fake_only(out, "seed--5"), &n);
    assert_int_equal(unlink(fake_only(out, "seed--5")), 0);
    assert_int_equal(RUN("b", "a", "--seeds", "4,5"), NJ_OK);
    second =
        fake_read(fake_only(out, "prompt--a_iteration--00004_seed--5"), &m);
    assert_int_equal(n, m);
    assert_memory_equal(first, second, n);
    free(first);
    free(second);
}

static void other_settings_never_overwrite(void **state)
{
    size_t n;
    size_t m;
    char *before;
    char *after;

    (void)state;
    assert_int_equal(RUN("a", "--seed", "5"), NJ_OK);
    before = fake_read(fake_only(out, "seed--5"), &n);
    assert_int_equal(RUN("a", "--seed", "5", "--cutn", "9"), NJ_OK);
    check_tally(1, 0, 0);
    assert_int_equal(fake_pictures(out), 2);
    assert_non_null(fake_only(out, "_id--"));
    after =
        fake_read(fake_only(out, "prompt--a_iteration--00004_seed--5.png"), &m);
    assert_int_equal(n, m);
    assert_memory_equal(before, after, n);
    free(before);
    free(after);
    assert_int_equal(RUN("a", "--seed", "5", "--cutn", "9"), NJ_OK);
    check_tally(0, 1, 0);
}

/* Such a file could not be found again under another name. */
static void check_foreign(const char *option)
{
    char path[4200];
    size_t n;
    char *bytes;

    assert_int_equal(RUN("a", "--seed", "5"), NJ_OK);
    snprintf(path, sizeof(path), "%s", fake_only(out, "seed--5"));
    fake_write(path, "holiday", 7);
    assert_int_equal(RUN("a", "--seed", "5", option), NJ_OK);
    check_tally(1, 0, 0);
    bytes = fake_read(path, &n);
    assert_int_equal(n, 7);
    free(bytes);
}

static void foreign_files_stay(void **state)
{
    (void)state;
    check_foreign(NULL);
}

static void overwriting_leaves_foreign_files(void **state)
{
    (void)state;
    check_foreign("--overwrite");
}

static void failing_pictures_do_not_stop_others(void **state)
{
    (void)state;
    fake_plan.has_failing_seed = true;
    fake_plan.failing_seed = 2;
    assert_int_equal(RUN("a", "--seeds", "1..4", "--batch-size", "2"), NJ_OK);
    check_tally(3, 0, 1);
    assert_int_equal(fake_pictures(out), 3);
    assert_null(fake_only(out, "seed--2"));
    fake_engine_reset();
    assert_int_equal(RUN("a", "--seeds", "1..4", "--batch-size", "2"), NJ_OK);
    check_tally(1, 3, 0);
}

static void gives_up_when_everything_fails(void **state)
{
    (void)state;
    fake_plan.run_fails = NJ_E_DEVICE_MEMORY;
    assert_int_equal(RUN("a", "--seeds", "1..10"), NJ_E_DEVICE_MEMORY);
    check_tally(0, 0, 3);
    assert_non_null(strstr(j.err.text, "giving up after 3"));
    fake_engine_reset();
    fake_plan.open_fails = NJ_E_IO;
    assert_int_equal(RUN("a", "--seed", "1"), NJ_E_IO);
    check_tally(0, 0, 0);
    assert_int_equal(fake_pictures(out), 0);
}

static void batches_fill_across_prompts(void **state)
{
    (void)state;
    assert_int_equal(RUN("a", "b", "c", "--seeds", "1..3", "--batch-size", "4"),
                     NJ_OK);
    check_tally(9, 0, 0);
    assert_int_equal(fake_log.batches, 3);
    assert_int_equal(fake_log.largest_batch, 4);
}

static void saves_every_kth(void **state)
{
    char *text;

    (void)state;
    assert_int_equal(RUN("a", "--seed", "1", "--save-every", "2"), NJ_OK);
    check_tally(1, 0, 0);
    assert_int_equal(fake_pictures(out), 3);
    assert_non_null(fake_only(out, "iteration--00001"));
    assert_non_null(fake_only(out, "iteration--00003"));
    text = fake_png_text(fake_only(out, "iteration--00003"), "nightjar");
    assert_non_null(strstr(text, "\"iteration\":3"));
    free(text);
}

/* What is asked for later is made later, and what is there stays. */
static void intermediate_pictures_may_come_later(void **state)
{
    struct stat before;
    struct stat after;

    (void)state;
    assert_int_equal(RUN("a", "--seed", "1"), NJ_OK);
    assert_int_equal(stat(fake_only(out, "iteration--00004"), &before), 0);
    assert_int_equal(RUN("a", "--seed", "1", "--save-every", "2"), NJ_OK);
    check_tally(1, 0, 0);
    assert_int_equal(fake_pictures(out), 3);
    assert_int_equal(RUN("a", "--seed", "1", "--save-every", "2"), NJ_OK);
    check_tally(0, 1, 0);
    assert_int_equal(unlink(fake_only(out, "iteration--00003")), 0);
    assert_int_equal(RUN("a", "--seed", "1"), NJ_OK);
    check_tally(0, 1, 0);
    assert_int_equal(RUN("a", "--seed", "1", "--save-every", "2"), NJ_OK);
    check_tally(1, 0, 0);
    assert_int_equal(fake_pictures(out), 3);
    assert_int_equal(stat(fake_only(out, "iteration--00004"), &after), 0);
    assert_true(before.st_ino == after.st_ino);
}

static void request(int iteration)
{
    stop.requests = iteration >= 2 ? 1 : stop.requests;
}

static void request_twice(int iteration)
{
    stop.requests = iteration >= 2 ? 2 : stop.requests;
}

static void first_request_finishes_the_batch(void **state)
{
    (void)state;
    fake_plan.on_step = request;
    assert_int_equal(RUN("a", "--seeds", "1..6", "--batch-size", "2"),
                     NJ_E_INTERRUPTED);
    check_tally(2, 0, 0);
    assert_int_equal(fake_pictures(out), 2);
    stop = (nj_stop){0};
    fake_plan.on_step = NULL;
    assert_int_equal(RUN("a", "--seeds", "1..6", "--batch-size", "2"), NJ_OK);
    check_tally(4, 2, 0);
}

static void second_request_stops_at_once(void **state)
{
    (void)state;
    fake_plan.on_step = request_twice;
    assert_int_equal(RUN("a", "--seeds", "1..6"), NJ_E_INTERRUPTED);
    check_tally(0, 0, 0);
    assert_int_equal(fake_pictures(out), 0);
}

static void remove_out(int iteration)
{
    if (iteration == 3)
        fake_remove(out);
}

static void a_failed_write_ends_the_run(void **state)
{
    (void)state;
    fake_plan.on_step = remove_out;
    assert_int_equal(RUN("a", "--seeds", "1..6"), NJ_E_IO);
    check_tally(0, 0, 0);
    assert_int_equal(fake_log.batches, 1);
    assert_non_null(strstr(j.err.text, "seed--1.png"));
}

static void change_weights(int iteration)
{
    if (iteration == 4)
        fake_write(fake_path(folder, "unet.safetensors"), "other", 5);
}

static void changed_weights_are_noticed(void **state)
{
    (void)state;
    fake_plan.on_step = change_weights;
    assert_int_equal(RUN("a", "--seeds", "1..6"), NJ_E_IO);
    check_tally(0, 0, 0);
    assert_non_null(strstr(j.err.text, "was changed"));
}

static void records_hold_the_whole_job(void **state)
{
    const char *path;
    char *text;
    cJSON *json;
    const cJSON *record;

    (void)state;
    assert_int_equal(RUN("two: 2 | caf\xc3\xa9:1", "--seed",
                         "18446744073709551615", "--eta", "0.25"),
                     NJ_OK);
    path = fake_only(out, "18446744073709551615");
    text = fake_png_text(path, NJ_RECORD_KEYWORD);
    assert_int_equal(nj_json_parse(text, strlen(text), &json, NULL), NJ_OK);
    free(text);
    assert_string_equal(nj_json_string(json, "prompt", ""),
                        "two: 2 | caf\xc3\xa9:1");
    assert_string_equal(nj_json_string(json, "seed", ""),
                        "18446744073709551615");
    assert_true(nj_json_number(json, "eta", 0) == 0.25);
    assert_true(nj_json_number(json, "cutn", 0) == 4);
    assert_string_equal(nj_json_string(json, "unet", ""), "unet.safetensors");
    record = nj_json_get(json, "record");
    assert_true(nj_json_number(record, "iteration", 0) == 4);
    assert_int_equal(strlen(nj_json_string(record, "identity", "")), 64);
    assert_string_equal(nj_json_string(record, "device", ""), "cpu");
    cJSON_Delete(json);
    text = fake_png_text(path, NJ_RECORD_PARAMETERS);
    assert_non_null(strstr(text, "\nSteps: 5, Sampler: DDPM"));
    assert_non_null(strstr(text, "Seed: 18446744073709551615"));
    free(text);
}

/* Each of these must be another picture, or the same one. */
static void identity_is_what_the_picture_is(void **state)
{
    static const char other_card[] =
        "{\"name\":\"fake\",\"unet\":{\"file\":\"unet.safetensors\","
        "\"image_size\":64,\"num_channels\":64,\"channel_mult\":\"1,1,2\","
        "\"attention_resolutions\":\"16\",\"learn_sigma\":true},"
        "\"defaults\":{\"timestep_respacing\":\"ddim5\",\"cutn\":4}}";

    (void)state;
    assert_int_equal(RUN("a", "--seed", "1"), NJ_OK);
    assert_int_equal(RUN("a", "--seed", "1", "--batch-size", "3"), NJ_OK);
    check_tally(0, 1, 0);
    assert_int_equal(RUN("a", "--seed", "1", "--save-every", "5"), NJ_OK);
    check_tally(0, 1, 0);
    assert_int_equal(RUN("a", "--seed", "1", "--tv-scale", "1"), NJ_OK);
    check_tally(1, 0, 0);
    assert_int_equal(RUN("a", "--seed", "1", "--width", "128"), NJ_OK);
    check_tally(1, 0, 0);
    fake_write(fake_path(folder, "card.json"), other_card,
               sizeof(other_card) - 1);
    assert_int_equal(RUN("a", "--seed", "1"), NJ_OK);
    check_tally(1, 0, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fake_set_up, fake_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(makes_and_then_skips),
        TEST(same_bytes_again),
        TEST(other_settings_never_overwrite),
        TEST(foreign_files_stay),
        TEST(overwriting_leaves_foreign_files),
        TEST(failing_pictures_do_not_stop_others),
        TEST(gives_up_when_everything_fails),
        TEST(batches_fill_across_prompts),
        TEST(saves_every_kth),
        TEST(intermediate_pictures_may_come_later),
        TEST(first_request_finishes_the_batch),
        TEST(second_request_stops_at_once),
        TEST(a_failed_write_ends_the_run),
        TEST(changed_weights_are_noticed),
        TEST(records_hold_the_whole_job),
        TEST(identity_is_what_the_picture_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
