/* Engine: the same seed gives the same bytes whatever else runs, pictures that
 * fail do so alone, and memory stays flat. */
#include "engine/engine_bench.h"

static void same_picture(const struct result *a, size_t i,
                         const struct result *b, size_t k)
{
    int differing = 0;

    assert_int_equal(a->finished[i], 1);
    assert_int_equal(b->finished[k], 1);
    for (size_t n = 0; n < BYTES; n++)
        differing += a->rgb[i][n] != b->rgb[k][n];
    if (differing)
        fail_msg("%d of %d bytes differ", differing, BYTES);
}

/* Settings that together use every stream and every way of cutting. */
static const nj_settings *all_settings(size_t *count)
{
    static nj_settings all[5];

    for (size_t i = 0; i < 5; i++) {
        all[i] = plain_settings();
        all[i].batch_size = 3;
    }
    all[1].cutouts = NJ_CUTOUTS_RUSSELL;
    all[1].gradient = NJ_GRADIENT_X_IN;
    all[1].skip_augs = false;
    all[1].clamp_max = .05;
    all[1].cutn_batches = 2;
    all[2].sampler = NJ_DDIM;
    all[2].eta = .6;
    all[2].clip_denoised = true;
    all[2].skip_timesteps = 1;
    all[3].sampler = NJ_PLMS;
    all[4].clip_guidance_scale = 0;
    all[4].tv_scale = 0;
    all[4].range_scale = 0;
    all[4].sat_scale = 0;
    *count = 5;
    return all;
}

static void neighbours_change_nothing(void **state)
{
    size_t count;
    const nj_settings *all = all_settings(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        const struct job alone = {.settings = &all[i],
                                  .prompts = {"the hill"},
                                  .seeds = {18446744073709551615U},
                                  .images = 1};
        const struct job last = {
            .settings = &all[i],
            .prompts = {"gateway:2|dawn|red:-.5", "a green sun", "the hill"},
            .seeds = {5, 6, 18446744073709551615U},
            .images = 3};
        struct result *a = run(&alone);
        struct result *b = run(&last);
        struct result *again = run(&alone);

        same_picture(a, 0, b, 2);
        same_picture(a, 0, again, 0);
        assert_memory_not_equal(b->rgb[0], b->rgb[1], BYTES);
        free(a);
        free(b);
        free(again);
    }
}

static void seed_and_prompt_matter(void **state)
{
    nj_settings settings = plain_settings();
    const struct job first = {
        .settings = &settings, .prompts = {"sun"}, .seeds = {1}, .images = 1};
    const struct job other_seed = {.settings = &settings,
                                   .prompts = {"sun"},
                                   .seeds = {4294967297U},
                                   .images = 1};
    const struct job other_prompt = {
        .settings = &settings, .prompts = {"dawn"}, .seeds = {1}, .images = 1};
    struct result *a = run(&first);
    struct result *b = run(&other_seed);
    struct result *c = run(&other_prompt);

    (void)state;
    assert_memory_not_equal(a->rgb[0], b->rgb[0], BYTES);
    assert_memory_not_equal(a->rgb[0], c->rgb[0], BYTES);
    free(a);
    free(b);
    free(c);
}

static void threads_change_nothing(void **state)
{
    nj_settings settings = plain_settings();
    const struct job job = {
        .settings = &settings, .prompts = {"sun"}, .seeds = {3}, .images = 1};
    struct result *one;
    struct result *two;

    (void)state;
    th_set_threads(1);
    one = run(&job);
    th_set_threads(2);
    two = run(&job);
    th_set_threads(1);
    same_picture(one, 0, two, 0);
    free(one);
    free(two);
}

static void ignore_step(void *user, const nj_watched_step *step)
{
    (void)step;
    ++*(int *)user;
}

static void watching_changes_nothing(void **state)
{
    nj_settings settings = plain_settings();
    int steps = 0;
    const nj_watch watch = {.user = &steps, .step = ignore_step};
    struct job job = {
        .settings = &settings, .prompts = {"sun"}, .seeds = {3}, .images = 1};
    struct result *plain;
    struct result *watched;

    (void)state;
    settings.sat_scale = 0;
    plain = run(&job);
    job.watch = &watch;
    watched = run(&job);
    assert_int_equal(steps, STEPS);
    same_picture(plain, 0, watched, 0);
    free(plain);
    free(watched);
}

/* Weights of 1e38 overflow the gradient of one image; its neighbours go on as
 * if it were not there. */
static void fails_alone(void **state)
{
    nj_settings settings = plain_settings();
    const struct job sound = {.settings = &settings,
                              .prompts = {"sun", "dawn", "hill"},
                              .seeds = {1, 2, 3},
                              .images = 3};
    const struct job broken = {
        .settings = &settings,
        .prompts = {"sun", "red:1e38|green:-1e38|hill:1", "hill"},
        .seeds = {1, 2, 3},
        .images = 3};
    struct result *a;
    struct result *b;

    (void)state;
    settings.batch_size = 3;
    a = run(&sound);
    b = run(&broken);
    assert_int_equal(b->failed[1], 1);
    assert_int_equal(b->finished[1], 0);
    same_picture(a, 0, b, 0);
    same_picture(a, 2, b, 2);
    free(a);
    free(b);
}

/* As on a GPU, where a step reports when the next one is on its way. */
static struct result *run_ahead(const struct job *job, nj_status expected)
{
    struct result *r = calloc(1, sizeof(*r));
    nj_err err = {0};

    assert_non_null(r);
    th_set_ahead_everywhere(true);
    assert_int_equal(try_run(job, r, &err), expected);
    th_set_ahead_everywhere(false);
    return r;
}

static void late_reports_change_nothing(void **state)
{
    nj_settings settings = plain_settings();
    struct job job = {.settings = &settings,
                      .prompts = {"sun", "red:1e38|green:-1e38|hill:1", "hill"},
                      .seeds = {1, 2, 3},
                      .images = 3};
    struct result *want;
    struct result *got;

    (void)state;
    settings.batch_size = 3;
    settings.save_every = 2;
    want = run(&job);
    got = run_ahead(&job, NJ_OK);
    assert_int_equal(got->steps, STEPS);
    assert_int_equal(got->failed[1], 1);
    assert_int_equal(got->finished[1], 0);
    assert_int_equal(got->seen_count, want->seen_count);
    same_picture(want, 0, got, 0);
    same_picture(want, 2, got, 2);
    free(got);
    job.stop_after = 3;
    got = run_ahead(&job, NJ_E_INTERRUPTED);
    assert_int_equal(got->steps, 3);
    assert_int_equal(got->finished[0], 0);
    free(got);
    free(want);
}

static void image_prompts_are_cut_by_the_seed(void **state)
{
    static const char picture[] =
        "image:" NJ_SOURCE_DIR
        "/tests/fixtures/endtoend/quick/expected_seed--11.png:2 | sun";
    nj_settings settings = plain_settings();
    const struct job alone = {
        .settings = &settings, .prompts = {picture}, .seeds = {1}, .images = 1};
    const struct job pair = {.settings = &settings,
                             .prompts = {picture, picture},
                             .seeds = {2, 1},
                             .images = 2};
    struct result *a;
    struct result *b;

    (void)state;
    settings.batch_size = 2;
    a = run(&alone);
    b = run(&pair);
    same_picture(a, 0, b, 1);
    free(a);
    free(b);
}

static void memory_stays_flat(void **state)
{
    size_t count;
    const nj_settings *all = all_settings(&count);
    int64_t before = th_live();

    (void)state;
    for (size_t i = 0; i < count; i++) {
        const struct job job = {
            .settings = &all[i], .prompts = {"sun"}, .seeds = {3}, .images = 1};
        struct result *r = run(&job);

        /* PLMS fills its history in the first steps. */
        for (int k = 3; k < r->steps; k++)
            assert_int_equal(r->live[k], r->live[2]);
        assert_int_equal(th_live(), before);
        free(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(neighbours_change_nothing),
        cmocka_unit_test(seed_and_prompt_matter),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(watching_changes_nothing),
        cmocka_unit_test(fails_alone),
        cmocka_unit_test(late_reports_change_nothing),
        cmocka_unit_test(image_prompts_are_cut_by_the_seed),
        cmocka_unit_test(memory_stays_flat),
    };

    return cmocka_run_group_tests(tests, open_engine, close_engine);
}
