/* Drawn seeds: one for a whole job. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "cli/seed_note.h"
#include "fake/fake_run.h"

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
    fake_job_release(&j);
    assert_int_equal(OPEN("a", "--seed", "5"), NJ_OK);
    assert_false(j.job.seed_drawn);
}

static void notes_advise_what_is_right(void **state)
{
    const char *list = fake_path(folder, "list.txt");
    char note[NJ_SEED_NOTE_MAX];
    char want[64];

    (void)state;
    assert_int_equal(OPEN("a", "--sweep", "cutn=1,2"), NJ_OK);
    assert_true(nj_seed_note(&j.job, note));
    snprintf(want, sizeof(want), "--seed %llu makes the same",
             (unsigned long long)j.job.drawn_seed);
    assert_non_null(strstr(note, want));
    fake_job_release(&j);
    /* --seed would be that of the second line too. */
    fake_write(list, "a\nb -- --seed 4\n", 16);
    assert_int_equal(OPEN("--prompts", fake_path(folder, "list.txt")), NJ_OK);
    assert_true(nj_seed_note(&j.job, note));
    assert_null(strstr(note, "--seed"));
    fake_job_release(&j);
    assert_int_equal(OPEN("a", "--seed", "4"), NJ_OK);
    assert_false(nj_seed_note(&j.job, note));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fake_set_up, fake_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_job_draws_once),
        TEST(notes_advise_what_is_right),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
