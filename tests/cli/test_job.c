/* Jobs and plans: what is resolved, in which order pictures are made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "fake/fake_run.h"

static void settings_come_from_card_and_line(void **state)
{
    const nj_settings *s;

    (void)state;
    assert_int_equal(OPEN("x", "--tv-scale", "7"), NJ_OK);
    s = &j.job.groups[0].options.settings;
    assert_int_equal(s->width, 64);
    assert_int_equal(s->cutn, 4);
    assert_true(s->tv_scale == 7 && s->range_scale == 50);
    assert_string_equal(s->timestep_respacing, "ddim5");
    assert_int_equal(j.job.groups[0].iterations, 5);
    assert_int_equal(nj_options_origin(&j.job.groups[0].options, "cutn"),
                     NJ_FROM_CARD);
    fake_job_release(&j);
    assert_int_equal(OPEN("x", "--cutn", "9", "--width", "96"), NJ_OK);
    s = &j.job.groups[0].options.settings;
    assert_true(s->cutn == 9 && s->width == 96 && s->height == 64);
}

static void every_prompt_comes_before_second_seeds(void **state)
{
    static const struct {
        uint32_t prompt;
        uint64_t seed;
    } want[] = {{0, 7}, {1, 7}, {0, 3}, {1, 3}, {0, 4}, {1, 4}};

    (void)state;
    assert_int_equal(OPEN("a", "b", "--seeds", "7,3..4"), NJ_OK);
    assert_int_equal(j.plan.count, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(j.plan.images[i].prompt, want[i].prompt);
        assert_int_equal(j.plan.images[i].seed, want[i].seed);
    }
}

static void seeds_form_a_row(void **state)
{
    (void)state;
    assert_int_equal(OPEN("a", "--seed", "18446744073709551614", "-n", "2"),
                     NJ_OK);
    assert_false(j.job.groups[0].seed_drawn);
    assert_true(j.plan.images[1].seed == UINT64_MAX);
}

static void a_missing_seed_is_drawn(void **state)
{
    uint64_t first;

    (void)state;
    assert_int_equal(OPEN("a", "-n", "3"), NJ_OK);
    assert_true(j.job.groups[0].seed_drawn);
    first = j.plan.images[0].seed;
    assert_true(j.plan.images[2].seed == first + 2);
    fake_job_release(&j);
    assert_int_equal(OPEN("a"), NJ_OK);
    assert_true(j.plan.images[0].seed != first);
}

static void equal_prompts_are_one(void **state)
{
    (void)state;
    assert_int_equal(OPEN("a", "b", "a", "--seed", "1"), NJ_OK);
    assert_int_equal(j.plan.count, 2);
}

static void expect_plan(const uint64_t (*want)[2], size_t count)
{
    assert_int_equal(j.plan.count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(j.plan.images[i].group, want[i][0]);
        assert_int_equal(j.plan.images[i].seed, want[i][1]);
    }
    fake_job_release(&j);
}

static void equal_pictures_of_groups_are_one(void **state)
{
    static const char lines[] = "a -- --seeds 1..2\n"
                                "a -- --seeds 1..2 --cutn 8\n"
                                "a -- --seeds 1..3 --cutn 4\n" /* the card's */
                                "a -- --seeds 2..4 --cutn 8\n";
    static const uint64_t swept[][2] = {{0, 1}, {1, 1}};
    static const uint64_t all[][2] = {{0, 1}, {1, 1}, {3, 2}, {0, 2},
                                      {3, 3}, {2, 3}, {3, 4}};
    static const uint64_t second[][2] = {{1, 1}, {0, 2}, {2, 3}};
    char path[4200];

    (void)state;
    snprintf(path, sizeof(path), "%s", fake_path(folder, "lines.txt"));
    assert_int_equal(nj_file_write_atomic(path, lines, strlen(lines), NULL),
                     NJ_OK);
    assert_int_equal(OPEN("a", "--sweep", "cutn=4,5,4", "--seed", "1"), NJ_OK);
    expect_plan(swept, 2);
    assert_int_equal(OPEN("--prompts", path), NJ_OK);
    expect_plan(all, 7);
    assert_int_equal(OPEN("--prompts", path, "--shard", "2/2"), NJ_OK);
    expect_plan(second, 3);
}

static void image_prompts_join_every_prompt(void **state)
{
    const nj_prompt *p;
    char weighted[4200];

    (void)state;
    fake_png(fake_path(folder, "p.png"), 8, 8);
    assert_int_equal(OPEN("a", "--image-prompt", "none.png"), NJ_E_IO);
    assert_non_null(strstr(j.err.text, "--image-prompt"));
    fake_job_release(&j);
    snprintf(weighted, sizeof(weighted), "%s:-0.5", fake_path(folder, "p.png"));
    assert_int_equal(OPEN("a | b:2", "--image-prompt", weighted), NJ_OK);
    p = &j.job.groups[0].prompts[0].parsed;
    assert_int_equal(p->count, 3);
    assert_true(p->parts[2].image && p->parts[2].weight == -0.5);
    assert_true(p->parts[1].weight == 2);
}

static void networks_with_classes_draw_one(void **state)
{
    char card[4096];

    (void)state;
    snprintf(card, sizeof(card), "%s", fake_path(folder, "card_class.json"));
    assert_int_equal(OPEN("a", "--unet-config", card), NJ_OK);
    assert_int_equal(j.job.groups[0].options.settings.class_id,
                     NJ_CLASS_RANDOM);
    fake_job_release(&j);
    assert_int_equal(OPEN("a", "--unet-config", card, "--class", "9"), NJ_OK);
    assert_int_equal(j.job.groups[0].options.settings.class_id, 9);
}

static void a_refused_job_leaves_no_folder(void **state)
{
    (void)state;
    assert_int_equal(OPEN("a", "--out", fake_path(folder, "card.json/x/y")),
                     NJ_E_IO);
    fake_job_release(&j);
    assert_int_equal(OPEN("a", "--cutn", "0"), NJ_E_USAGE);
    assert_int_equal(access(fake_path(folder, "out"), F_OK), -1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fake_set_up, fake_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(settings_come_from_card_and_line),
        TEST(every_prompt_comes_before_second_seeds),
        TEST(seeds_form_a_row),
        TEST(a_missing_seed_is_drawn),
        TEST(equal_prompts_are_one),
        TEST(equal_pictures_of_groups_are_one),
        TEST(image_prompts_join_every_prompt),
        TEST(networks_with_classes_draw_one),
        TEST(a_refused_job_leaves_no_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
