/* Engine: what the run loop falls back to. CLIP in slices gives the same
 * picture with less memory, and a batch in another precision leaves the engine
 * as it was. */
#include "engine/engine_bench.h"
#include "torch/th_recorded.h"

static int largest_difference(const struct result *a, const struct result *b,
                              size_t image)
{
    int largest = 0;

    for (size_t n = 0; n < BYTES; n++) {
        int d = abs(a->rgb[image][n] - b->rgb[image][n]);

        largest = d > largest ? d : largest;
    }
    return largest;
}

/* Parts of several cutouts, and more parts than there are cutouts. */
static void expect_same_in_slices(nj_settings settings)
{
    const struct job job = {.settings = &settings,
                            .prompts = {"sun | dawn:2", "the hill"},
                            .seeds = {3, 4},
                            .images = 2};
    struct result *whole = run(&job);
    struct result *other;

    for (int slices = 2; slices <= 8; slices += 3) {
        settings.clip_slices = slices;
        other = run(&job);
        for (size_t i = 0; i < 2; i++) {
            assert_int_equal(largest_difference(whole, other, i), 0);
            assert_true(whole->clip_loss[i] == other->clip_loss[i]);
        }
        free(other);
    }
    /* They are not merely the same because nothing pulls. */
    settings.clip_guidance_scale = 0;
    other = run(&job);
    assert_true(largest_difference(whole, other, 0) > 10);
    free(other);
    free(whole);
}

/* Not even the last bit of the loss, plain or with each chain of
 * augmentations. */
static void slices_give_the_same_picture(void **state)
{
    nj_settings settings = plain_settings();

    (void)state;
    strcpy(settings.timestep_respacing, "2");
    settings.batch_size = 2;
    settings.cutn = 7;
    expect_same_in_slices(settings);
    settings.cutouts = NJ_CUTOUTS_RUSSELL;
    settings.skip_augs = false;
    expect_same_in_slices(settings);
    settings.augmentations = NJ_AUGMENT_2021_09;
    expect_same_in_slices(settings);
    settings.augmentations = NJ_AUGMENT_AUTO;
    settings.cutouts = NJ_CUTOUTS_DISCO;
    settings.cut_overview = 3;
    settings.cut_innercut = 4;
    settings.cut_ic_pow = 1;
    settings.cut_icgray_p = .3;
    expect_same_in_slices(settings);
}

/* Not even the last bit of the loss, and texts can be read again. */
static void saving_gives_the_same_picture(void **state)
{
    nj_settings settings = plain_settings();
    struct job job = {.settings = &settings,
                      .prompts = {"sun | dawn:2", "the hill"},
                      .seeds = {3, 4},
                      .images = 2};
    struct result *fast;

    (void)state;
    settings.batch_size = 2;
    fast = run(&job);
    for (int round = 0; round < 3; round++) {
        struct result *small;

        job.saving = (nj_saving){.recompute = round<2, .drop_text = round> 0};
        small = run(&job);
        for (size_t i = 0; i < 2; i++) {
            assert_int_equal(largest_difference(fast, small, i), 0);
            assert_true(fast->clip_loss[i] == small->clip_loss[i]);
        }
        free(small);
    }
    job.saving = (nj_saving){0};
    job.prompts[0] = "the hill";
    free(run(&job));
    free(fast);
}

/* The first batch records from its second step on, the next plays. */
static void playing_gives_the_same_picture(void **state)
{
    nj_settings settings = plain_settings();
    struct job job = {.settings = &settings,
                      .prompts = {"sun | dawn:2", "the hill"},
                      .seeds = {3, 4},
                      .images = 2,
                      .saving = {.launch = true}};
    struct result *launched;

    (void)state;
    settings.batch_size = 2;
    settings.clip_slices = 3;
    launched = run(&job);
    job.saving.launch = false;
    th_set_playing_everywhere(true);
    for (int round = 0; round < 4; round++) {
        struct result *played;

        job.saving.recompute = round > 1;
        played = run(&job);

        for (size_t i = 0; i < 2; i++) {
            assert_int_equal(largest_difference(launched, played, i), 0);
            assert_true(launched->clip_loss[i] == played->clip_loss[i]);
        }
        free(played);
    }
    th_set_playing_everywhere(false);
    free(launched);
}

/* Pictures large enough for the heap of large tensors. */
static void steps_ask_for_no_more_memory(void **state)
{
    nj_settings settings = plain_settings();
    const struct job job = {.settings = &settings,
                            .prompts = {"sun", "sun", "dawn", "dawn"},
                            .seeds = {1, 2, 3, 4},
                            .images = 4};
    struct result *r;

    (void)state;
    settings.batch_size = 4;
    strcpy(settings.timestep_respacing, "8");
    r = run(&job);
    assert_int_equal(r->steps, 8);
    for (int i = 3; i < r->steps; i++)
        assert_int_equal(r->held[i], r->held[2]);
    free(r);
}

static void another_precision_is_for_one_batch(void **state)
{
    nj_settings settings = plain_settings();
    const struct job own = {
        .settings = &settings, .prompts = {"sun"}, .seeds = {3}, .images = 1};
    struct job other = own;
    struct result *before = run(&own);
    struct result *rough;
    struct result *after;
    int64_t live = th_live();

    (void)state;
    other.precision = NJ_PRECISION_BF16;
    rough = run(&other);
    assert_int_equal(th_live(), live);
    after = run(&own);
    assert_int_equal(before->precision, NJ_PRECISION_FP32);
    assert_int_equal(rough->precision, NJ_PRECISION_BF16);
    assert_int_equal(after->precision, NJ_PRECISION_FP32);
    assert_int_equal(largest_difference(before, after, 0), 0);
    assert_true(largest_difference(before, rough, 0) > 0);
    free(before);
    free(rough);
    free(after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_give_the_same_picture),
        cmocka_unit_test(saving_gives_the_same_picture),
        cmocka_unit_test(playing_gives_the_same_picture),
        cmocka_unit_test(steps_ask_for_no_more_memory),
        cmocka_unit_test(another_precision_is_for_one_batch),
    };

    return cmocka_run_group_tests(tests, open_engine, close_engine);
}
