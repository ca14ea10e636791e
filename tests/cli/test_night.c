/* What a night may bring, on a stand-in engine: memory that is short, values
 * that are not finite, deadlines, other processes, leftovers of dead ones. */
#define _GNU_SOURCE /* F_OFD_SETLK */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/json.h"
#include "fake/fake_run.h"
#include "image/png.h"
#include "run/claims.h"
#include "run/manifest.h"
#include "job/record.h"

static nj_claims others; /* what "another process" holds */
static size_t waits;

static int set_up(void **state)
{
    fake_set_up(state);
    setenv("XDG_CACHE_HOME", folder, 1);
    others.fd = -1;
    waits = 0;
    return 0;
}

static int tear_down(void **state)
{
    nj_claims_close(&others);
    return fake_tear_down(state);
}

/* The record of the only picture whose name holds `part`. */
static cJSON *record_of(const char *part)
{
    char *text = fake_png_text(fake_only(out, part), NJ_RECORD_KEYWORD);
    cJSON *json = NULL;

    assert_int_equal(nj_json_parse(text, strlen(text), &json, NULL), NJ_OK);
    free(text);
    return json;
}

/* ---- the manifest -------------------------------------------------------- */

static char seen[4096]; /* "begin take made end " */
static cJSON *last_seen;

static void see(void *user, const cJSON *line)
{
    size_t used = strlen(seen);

    (void)user;
    snprintf(seen + used, sizeof(seen) - used, "%s ",
             nj_json_string(line, "event", "?"));
    cJSON_Delete(last_seen);
    last_seen = cJSON_Duplicate(line, true);
}

static const char *events(void)
{
    size_t torn = 0;

    seen[0] = '\0';
    assert_int_equal(nj_manifest_read(fake_path(out, "nightjar.jsonl"), see,
                                      NULL, &torn, NULL),
                     NJ_OK);
    assert_int_equal(torn, 0);
    return seen;
}

static void check_last(const char *key, const char *value)
{
    assert_string_equal(nj_json_string(last_seen, key, ""), value);
}

static void every_run_writes_what_happened(void **state)
{
    (void)state;
    assert_int_equal(RUN("a", "--seeds", "1,2"), NJ_OK);
    assert_string_equal(events(), "begin take made take made end ");
    check_last("how", "done");
    assert_int_equal(RUN("a", "--seeds", "1..3"), NJ_OK);
    assert_string_equal(events(), "begin take made take made end "
                                  "begin take made end ");
    /* A manifest that went away is written anew. */
    assert_int_equal(unlink(fake_path(out, "nightjar.jsonl")), 0);
    assert_int_equal(RUN("a", "--seeds", "2..4"), NJ_OK);
    assert_string_equal(events(), "begin found found take made end ");
}

static void says_what_ended_a_run(void **state)
{
    (void)state;
    fake_plan.has_failing_seed = true;
    fake_plan.failing_seed = 2;
    assert_int_equal(RUN("a", "--seeds", "2"), NJ_OK);
    assert_string_equal(events(), "begin take failed end ");
    stop.requests = 1;
    assert_int_equal(RUN("a", "--seeds", "3"), NJ_E_INTERRUPTED);
    events();
    check_last("how", "interrupted");
    stop.requests = 0;
    fake_plan.open_fails = NJ_E_IO;
    assert_int_equal(RUN("a", "--seeds", "3"), NJ_E_IO);
    events();
    check_last("how", "stopped");
    check_last("reason", "fake: cannot open");
}

/* ---- faults -------------------------------------------------------------- */

static void check_record(const char *part, double batch, double slices)
{
    cJSON *json = record_of(part);

    assert_true(nj_json_number(json, "batch_size", 0) == batch);
    assert_true(nj_json_number(json, "clip_slices", 0) == slices);
    cJSON_Delete(json);
}

static void memory_that_comes_back_leaves_no_trace(void **state)
{
    (void)state;
    fake_plan.run_fails = NJ_E_MEMORY;
    fake_plan.failures = 1;
    assert_int_equal(RUN("a", "--seed", "1"), NJ_OK);
    check_tally(1, 0, 0);
    check_record("seed--1", 1, 1);
    assert_string_equal(events(), "begin take retry made end ");
}

static void short_memory_slices_first(void **state)
{
    (void)state;
    fake_plan.run_fails = NJ_E_DEVICE_MEMORY;
    fake_plan.enough_slices = 4;
    assert_int_equal(RUN("a", "--seeds", "1..4", "--batch-size", "2"), NJ_OK);
    check_tally(4, 0, 0);
    check_record("seed--1", 2, 4);
    check_record("seed--4", 2, 4);
    /* What was enough is kept: two failures and two batches. */
    assert_int_equal(fake_log.batches, 4);
}

static void short_memory_shrinks_the_batch_next(void **state)
{
    (void)state;
    fake_plan.run_fails = NJ_E_DEVICE_MEMORY;
    fake_plan.enough_batch = 2;
    assert_int_equal(RUN("a", "--seeds", "1..4", "--batch-size", "4"), NJ_OK);
    check_tally(4, 0, 0);
    check_record("seed--3", 2, 4);
}

static void no_memory_at_all_fails_the_picture(void **state)
{
    (void)state;
    fake_plan.run_fails = NJ_E_DEVICE_MEMORY;
    fake_plan.enough_batch = 2;
    fake_plan.enough_slices = 5;
    assert_int_equal(RUN("a", "--seeds", "1,2"), NJ_OK);
    check_tally(0, 0, 2);
    events();
}

static void not_finite_is_tried_in_fp32(void **state)
{
    cJSON *json;

    (void)state;
    fake_plan.precision = NJ_PRECISION_FP16;
    fake_plan.has_failing_seed = true;
    fake_plan.failing_seed = 2;
    fake_plan.fp32_helps = true;
    assert_int_equal(RUN("a", "--seeds", "1..4", "--batch-size", "4"), NJ_OK);
    check_tally(4, 0, 0);
    json = record_of("seed--2");
    assert_string_equal(nj_json_string(json, "precision", ""), "fp32");
    cJSON_Delete(json);
    json = record_of("seed--1");
    assert_string_equal(nj_json_string(json, "precision", ""), "auto");
    assert_string_equal(
        nj_json_string(nj_json_get(json, "record"), "precision", ""), "fp16");
    cJSON_Delete(json);
}

static void not_finite_in_fp32_is_failed(void **state)
{
    (void)state;
    fake_plan.precision = NJ_PRECISION_FP16;
    fake_plan.has_failing_seed = true;
    fake_plan.failing_seed = 2;
    assert_int_equal(RUN("a", "--seeds", "1..3"), NJ_OK);
    check_tally(2, 0, 1);
    assert_int_equal(fake_log.batches, 4);
    fake_plan.precision = NJ_PRECISION_FP32;
    assert_int_equal(RUN("a", "--seeds", "1..3"), NJ_OK);
    assert_int_equal(fake_log.batches, 5);
    check_tally(0, 2, 1);
}

/* ---- limits -------------------------------------------------------------- */

static void begins_nothing_that_would_be_late(void **state)
{
    (void)state;
    fake_plan.step_ms = 60;
    assert_int_equal(RUN("a", "--seeds", "1..9", "--for", "1s"),
                     NJ_E_INTERRUPTED);
    /* 0.3 s a picture: the fourth would not be ready. None is made where the
     * second was over before. */
    assert_true(tally.made <= 3);
    assert_true(tally.made >= 1 || strstr(j.err.text, "is reached"));
    assert_non_null(strstr(j.err.text, "deadline"));
    fake_plan.step_ms = 0;
    assert_int_equal(RUN("a", "--seeds", "1..9", "--for", "1h"), NJ_OK);
    /* Known from an earlier run: not even the first one is begun. */
    fake_plan.step_ms = 500;
    assert_int_equal(RUN("a", "--seed", "10"), NJ_OK);
    assert_int_equal(RUN("a", "--seeds", "11,12", "--for", "2s"),
                     NJ_E_INTERRUPTED);
    check_tally(0, 0, 0);
}

static void leaves_free_what_it_shall(void **state)
{
    (void)state;
    assert_int_equal(RUN("a", "--seed", "1", "--min-free-disk", "99999T"),
                     NJ_E_NO_SPACE);
    check_tally(0, 0, 0);
    assert_non_null(strstr(j.err.text, "--min-free-disk"));
    assert_int_equal(RUN("a", "--seed", "1", "--min-free-disk", "1k"), NJ_OK);
}

/* ---- shards -------------------------------------------------------------- */

static void shards_share_out_the_plan(void **state)
{
    (void)state;
    assert_int_equal(RUN("a", "b", "--seeds", "1..4", "--shard", "1/3"), NJ_OK);
    check_tally(3, 0, 0);
    assert_int_equal(RUN("a", "b", "--seeds", "1..4", "--shard", "3/3"), NJ_OK);
    check_tally(2, 0, 0);
    assert_int_equal(RUN("a", "b", "--seeds", "1..4", "--shard", "2/3"), NJ_OK);
    check_tally(3, 0, 0);
    assert_int_equal(fake_pictures(out), 8);
    assert_int_equal(access(fake_path(out, "nightjar.2of3.jsonl"), F_OK), 0);
    assert_int_not_equal(access(fake_path(out, "nightjar.jsonl"), F_OK), 0);
    assert_int_equal(RUN("a", "b", "--seeds", "1..4"), NJ_OK);
    check_tally(0, 8, 0);
    /* All of them are in the manifests of the shards. */
    assert_string_equal(events(), "begin end ");
    assert_int_equal(RUN("a", "--shard", "1/2"), NJ_E_USAGE);
    assert_non_null(strstr(j.err.text, "--seed"));
}

static void shards_are_slurm_tasks(void **state)
{
    (void)state;
    assert_int_equal(RUN("a", "--seeds", "1..4", "--shard", "slurm"),
                     NJ_E_USAGE);
    setenv("SLURM_ARRAY_TASK_ID", "7", 1);
    setenv("SLURM_ARRAY_TASK_COUNT", "3", 1);
    setenv("SLURM_ARRAY_TASK_MIN", "5", 1);
    assert_int_equal(RUN("a", "--seeds", "1..4", "--shard", "slurm"), NJ_OK);
    check_tally(1, 0, 0);
    assert_non_null(fake_only(out, "seed--3"));
    setenv("SLURM_ARRAY_TASK_ID", "8", 1);
    assert_int_equal(RUN("a", "--seeds", "1..4", "--shard", "slurm"),
                     NJ_E_USAGE);
    unsetenv("SLURM_ARRAY_TASK_ID");
    unsetenv("SLURM_ARRAY_TASK_COUNT");
    unsetenv("SLURM_ARRAY_TASK_MIN");
}

/* ---- files that are there ------------------------------------------------ */

static void overwrites_only_when_asked(void **state)
{
    cJSON *json;

    (void)state;
    assert_int_equal(RUN("a", "--seed", "5"), NJ_OK);
    assert_int_equal(RUN("a", "--seed", "5", "--cutn", "9", "--overwrite"),
                     NJ_OK);
    check_tally(1, 0, 0);
    assert_int_equal(fake_pictures(out), 2);
    json = record_of("prompt--a_iteration");
    assert_true(nj_json_number(json, "cutn", 0) == 9);
    cJSON_Delete(json);
    assert_int_equal(RUN("a", "--seed", "5", "--cutn", "9", "--overwrite"),
                     NJ_OK);
    check_tally(0, 1, 0);
}

/* Whoever asks again for the older picture finds it under its other name. */
static void overwriting_loses_no_picture(void **state)
{
    (void)state;
    assert_int_equal(RUN("a", "--seed", "5"), NJ_OK);
    assert_int_equal(RUN("a", "--seed", "5", "--cutn", "9", "--overwrite"),
                     NJ_OK);
    assert_string_equal(events(),
                        "begin take made end begin take kept made end ");
    assert_int_equal(RUN("a", "--seed", "5"), NJ_OK);
    check_tally(0, 1, 0);
    assert_int_equal(RUN("a", "--seed", "5", "--overwrite"), NJ_OK);
    check_tally(0, 1, 0);
    assert_int_equal(fake_pictures(out), 2);
}

static void tidies_up_after_the_dead(void **state)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd;

    (void)state;
    assert_int_equal(RUN("a", "--seed", "5"), NJ_OK);
    fake_write(fake_path(out, ".nightjar-1-0.part"), "half", 4);
    fake_write(fake_path(out, ".nightjar-2-0.part"), "half", 4);
    fd = open(fake_path(out, ".nightjar-2-0.part"), O_WRONLY | O_CLOEXEC);
    assert_int_equal(fcntl(fd, F_OFD_SETLK, &whole), 0);
    assert_int_equal(RUN("a", "--seed", "5"), NJ_OK);
    assert_int_not_equal(access(fake_path(out, ".nightjar-1-0.part"), F_OK), 0);
    assert_int_equal(access(fake_path(out, ".nightjar-2-0.part"), F_OK), 0);
    close(fd);
}

/* ---- others -------------------------------------------------------------- */

static void release_when_waited_for(void *user, const nj_event *event)
{
    (void)user;
    if (event->kind != NJ_EVENT_WAITING)
        return;
    waits++;
    assert_int_equal(event->images, 1);
    assert_non_null(strstr(event->path, "seed--2"));
    nj_claims_close(&others);
}

static nj_status get_engine(void *user, const nj_engine_api **api, nj_err *err)
{
    (void)user;
    return fake_engine_get(api, err);
}

static void waits_for_what_others_hold(void **state)
{
    static const char *const args[] = {"a", "--seeds", "1..3", NULL};
    nj_run_config config = {.job = &j.job,
                            .plan = &j.plan,
                            .engine = get_engine,
                            .event = release_when_waited_for,
                            .stop = &stop};
    char *name;

    (void)state;
    assert_int_equal(fake_job_open(&j, folder, args), NJ_OK);
    assert_int_equal(nj_make_folders(out, NULL), NJ_OK);
    assert_int_equal(nj_claims_open(out, &others, NULL), NJ_OK);
    name = strdup("prompt--a_iteration--00004_seed--2.png");
    assert_true(nj_claims_take(&others, name));
    free(name);
    assert_int_equal(nj_run(&config, &tally, &j.err), NJ_OK);
    fake_job_release(&j);
    check_tally(3, 0, 0);
    assert_int_equal(waits, 1);
    assert_int_equal(fake_pictures(out), 3);
}

static void a_request_ends_the_waiting(void **state)
{
    (void)state;
    assert_int_equal(RUN("a", "--seed", "1"), NJ_OK);
    assert_int_equal(nj_claims_open(out, &others, NULL), NJ_OK);
    assert_true(
        nj_claims_take(&others, "prompt--a_iteration--00004_seed--2.png"));
    assert_int_equal(RUN("a", "--seeds", "1,2", "--for", "1s"),
                     NJ_E_INTERRUPTED);
    check_tally(0, 1, 0);
    assert_int_equal(fake_pictures(out), 1);
}

/* Another process gives up the second picture while the first is made. */
static void others_give_up(int iteration)
{
    static bool done;
    nj_manifest m;
    cJSON *line;

    if (iteration != 1 || done)
        return;
    done = true;
    assert_int_equal(nj_manifest_open(out, 1, 1, &m, NULL), NJ_OK);
    line = cJSON_CreateObject();
    cJSON_AddStringToObject(line, "event", "failed");
    cJSON_AddNumberToObject(line, "pid", 1);
    cJSON_AddStringToObject(line, "file",
                            "prompt--a_iteration--00004_seed--2.png");
    assert_int_equal(nj_manifest_add(&m, line, false, NULL), NJ_OK);
    nj_manifest_close(&m);
}

static void what_others_gave_up_is_not_tried(void **state)
{
    (void)state;
    fake_plan.on_step = others_give_up;
    assert_int_equal(RUN("a", "--seeds", "1..3"), NJ_OK);
    check_tally(2, 0, 1);
    assert_null(fake_only(out, "seed--2"));
    /* The next night tries again. */
    assert_int_equal(RUN("a", "--seeds", "1..3"), NJ_OK);
    check_tally(1, 2, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_run_writes_what_happened),
        TEST(says_what_ended_a_run),
        TEST(memory_that_comes_back_leaves_no_trace),
        TEST(short_memory_slices_first),
        TEST(short_memory_shrinks_the_batch_next),
        TEST(no_memory_at_all_fails_the_picture),
        TEST(not_finite_is_tried_in_fp32),
        TEST(not_finite_in_fp32_is_failed),
        TEST(begins_nothing_that_would_be_late),
        TEST(leaves_free_what_it_shall),
        TEST(shards_share_out_the_plan),
        TEST(shards_are_slurm_tasks),
        TEST(overwrites_only_when_asked),
        TEST(overwriting_loses_no_picture),
        TEST(tidies_up_after_the_dead),
        TEST(waits_for_what_others_hold),
        TEST(a_request_ends_the_waiting),
        TEST(what_others_gave_up_is_not_tried),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    cJSON_Delete(last_seen);
    return failed;
}
