/* Drawn seeds: one for a whole job, and which process's counts when several
 * begin the same request. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "cli/seed_note.h"
#include "fake/fake_run.h"
#include "job/digest.h"
#include "run/claims.h"
#include "run/manifest.h"
#include "run/unfinished.h"

static fake_job quicker; /* another process's job */
static size_t reseeded;

static int tear_down(void **state)
{
    fake_job_release(&quicker);
    return fake_tear_down(state);
}

static void a_job_draws_once(void **state)
{
    (void)state;
    assert_int_equal(OPEN("a", "--sweep", "cutn=1,2", "-n", "2"), NJ_OK);
    assert_int_equal(j.job.group_count, 2);
    assert_int_equal(j.plan.count, 4);
    assert_true(j.job.seed_drawn);
    for (size_t i = 0; i < 2; i++) {
        assert_true(j.job.groups[i].seed_drawn);
        assert_true(nj_seeds_at(&j.job.groups[i].seeds, 0) == j.job.drawn_seed);
    }
    assert_int_equal(nj_job_use_seed(&j.job, 77, NULL), NJ_OK);
    assert_true(nj_seeds_at(&j.job.groups[1].seeds, 1) == 78);
    fake_job_release(&j);
    assert_int_equal(OPEN("a", "--seed", "5"), NJ_OK);
    assert_false(j.job.seed_drawn);
    assert_int_equal(nj_job_use_seed(&j.job, 77, NULL), NJ_OK);
    assert_true(nj_seeds_at(&j.job.groups[0].seeds, 0) == 5);
}

static void notes_advise_what_is_right(void **state)
{
    const char *list = fake_path(folder, "list.txt");
    char note[NJ_SEED_NOTE_MAX];
    char want[64];

    (void)state;
    assert_int_equal(OPEN("a", "--sweep", "cutn=1,2"), NJ_OK);
    assert_true(nj_seed_note(&j.job, false, note));
    snprintf(want, sizeof(want), "--seed %llu makes the same",
             (unsigned long long)j.job.drawn_seed);
    assert_non_null(strstr(note, want));
    assert_true(nj_seed_note(&j.job, true, note));
    assert_null(strstr(note, "drawn"));
    fake_job_release(&j);
    /* --seed would be that of the second line too. */
    fake_write(list, "a\nb -- --seed 4\n", 16);
    assert_int_equal(OPEN("--prompts", fake_path(folder, "list.txt")), NJ_OK);
    assert_true(nj_seed_note(&j.job, false, note));
    assert_null(strstr(note, "--seed"));
    fake_job_release(&j);
    assert_int_equal(OPEN("a", "--seed", "4"), NJ_OK);
    assert_false(nj_seed_note(&j.job, false, note));
}

/* ---- several processes --------------------------------------------------- */

static nj_status get_engine(void *user, const nj_engine_api **api, nj_err *err)
{
    (void)user;
    return fake_engine_get(api, err);
}

/* While the networks of the first process are loaded, and before its folder is
 * there, another one begins the same request and is stopped. */
static nj_status get_engine_late(void *user, const nj_engine_api **api,
                                 nj_err *err)
{
    static const char *const args[] = {"a", "-n", "3", NULL};
    nj_stop at_once = {.requests = 1};
    nj_tally none;

    if (access(out, F_OK) != 0) {
        assert_int_equal(fake_job_open(&quicker, folder, args), NJ_OK);
        assert_int_equal(fake_job_run(&quicker, &at_once, &none),
                         NJ_E_INTERRUPTED);
    }
    return get_engine(user, api, err);
}

static nj_status reseed(void *user, uint64_t seed, nj_err *err)
{
    fake_job *mine = user;
    nj_status status = nj_job_use_seed(&mine->job, seed, err);

    reseeded++;
    nj_plan_release(&mine->plan);
    return status == NJ_OK ? nj_plan_make(&mine->job, &mine->plan, err)
                           : status;
}

static nj_status run_late(void)
{
    nj_run_config config = {.job = &j.job,
                            .plan = &j.plan,
                            .user = &j,
                            .engine = get_engine_late,
                            .reseed = reseed,
                            .stop = &stop};

    return nj_run(&config, &tally, &j.err);
}

static void who_begins_first_decides(void **state)
{
    char name[64];

    (void)state;
    reseeded = 0;
    assert_int_equal(OPEN("a", "-n", "3"), NJ_OK);
    assert_int_equal(nj_job_use_seed(&j.job, 1, NULL), NJ_OK);
    assert_int_equal(run_late(), NJ_OK);
    assert_int_equal(reseeded, 1);
    check_tally(3, 0, 0);
    assert_int_equal(fake_pictures(out), 3);
    for (uint64_t i = 0; i < 3; i++) {
        snprintf(name, sizeof(name), "seed--%llu.png",
                 (unsigned long long)(quicker.job.drawn_seed + i));
        assert_non_null(fake_only(out, name));
    }
    /* All of it is made: the next one keeps what it drew. */
    fake_job_release(&j);
    assert_int_equal(OPEN("a", "-n", "3"), NJ_OK);
    assert_int_equal(run_late(), NJ_OK);
    assert_int_equal(reseeded, 1);
    check_tally(3, 0, 0);
}

static void overwriting_keeps_what_it_drew(void **state)
{
    bool there = true;
    uint64_t seed;

    (void)state;
    reseeded = 0;
    assert_int_equal(OPEN("a", "-n", "3", "--overwrite"), NJ_OK);
    assert_int_equal(run_late(), NJ_OK);
    assert_int_equal(reseeded, 0);
    assert_false(quicker.job.drawn_seed == j.job.drawn_seed);
    /* It is the last run of that request, and complete. */
    fake_job_release(&j);
    assert_int_equal(OPEN("a", "-n", "3"), NJ_OK);
    assert_int_equal(nj_unfinished_find(&j.job, &there, &seed, NULL), NJ_OK);
    assert_false(there);
}

/* A process that was stopped while it held the claim holds nobody up for ever.
 */
static void a_claim_is_waited_for(void **state)
{
    nj_claims first = {-1};
    nj_claims second = {-1};

    (void)state;
    assert_int_equal(nj_make_folders(out, NULL), NJ_OK);
    assert_int_equal(nj_claims_open(out, &first, NULL), NJ_OK);
    assert_int_equal(nj_claims_open(out, &second, NULL), NJ_OK);
    assert_true(nj_claims_wait(&first, "x", 0));
    assert_false(nj_claims_wait(&second, "x", .05));
    nj_claims_give(&first, "x");
    assert_true(nj_claims_wait(&second, "x", 0));
    nj_claims_close(&first);
    nj_claims_close(&second);
}

/* A manifest may say anything; a line counts when its request is ours and its
 * seed one that may have been drawn. */
static bool counts(const char *drawn, const char *job, uint64_t *seed)
{
    char request[NJ_DIGEST_SIZE];
    cJSON *line = cJSON_CreateObject();
    nj_manifest m;
    bool there;

    assert_int_equal(nj_digest_request(&j.job, request, NULL), NJ_OK);
    assert_int_equal(nj_manifest_open(out, 1, 1, &m, NULL), NJ_OK);
    cJSON_AddStringToObject(line, "event", "begin");
    cJSON_AddStringToObject(line, "job", job);
    cJSON_AddStringToObject(line, "request", request);
    cJSON_AddStringToObject(line, "drawn", drawn);
    cJSON_AddNumberToObject(line, "planned", 1);
    assert_int_equal(nj_manifest_add(&m, line, false, NULL), NJ_OK);
    nj_manifest_close(&m);
    assert_int_equal(nj_unfinished_find(&j.job, &there, seed, NULL), NJ_OK);
    return there;
}

static void strange_lines_are_passed_over(void **state)
{
    static const char text[] = "{\"event\":\"begin\"}\n\n{}\nnothing\n";
    uint64_t seed = 0;

    (void)state;
    assert_int_equal(nj_make_folders(out, NULL), NJ_OK);
    fake_write(fake_path(out, "nightjar.jsonl"), text, sizeof(text) - 1);
    assert_int_equal(OPEN("a"), NJ_OK);
    assert_false(counts("18446744073709551615", "0123456789abcdef", &seed));
    assert_false(counts("none", "0123456789abcdef", &seed));
    assert_false(counts("7", "0123456789abcdef0", &seed));
    assert_true(counts("7", "0123456789abcdef", &seed));
    assert_true(seed == 7);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fake_set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_job_draws_once),         TEST(notes_advise_what_is_right),
        TEST(who_begins_first_decides), TEST(overwriting_keeps_what_it_drew),
        TEST(a_claim_is_waited_for),    TEST(strange_lines_are_passed_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
