/* Engine: guidance, what the loop hands out, and what is refused. */
#include "engine/engine_bench.h"

/* ---- the loop ---------------------------------------------------------- */

static double mean_clip_loss(double scale)
{
    nj_settings settings = plain_settings();
    const struct job job = {.settings = &settings,
                            .prompts = {"sun", "red hill", "a green gateway"},
                            .seeds = {3, 4, 5},
                            .images = 3};
    struct result *r;
    double mean;

    settings.batch_size = 3;
    settings.clip_guidance_scale = scale;
    strcpy(settings.timestep_respacing, "20");
    r = run(&job);
    mean = (r->clip_loss[0] + r->clip_loss[1] + r->clip_loss[2]) / 3;
    free(r);
    return mean;
}

/* Random networks can be pulled too, if less far than trained ones. */
static void guidance_pulls_towards_the_prompt(void **state)
{
    double weak = mean_clip_loss(1e-6);
    double strong = mean_clip_loss(2000);

    (void)state;
    if (!(strong < weak - .02))
        fail_msg("distance %g without, %g with guidance", weak, strong);
}

static void hands_out_every_kth_iteration(void **state)
{
    nj_settings settings = plain_settings();
    const struct job job = {
        .settings = &settings, .prompts = {"sun"}, .seeds = {3}, .images = 1};
    struct result *r;

    (void)state;
    settings.save_every = 2;
    r = run(&job);
    assert_int_equal(r->seen_count, 3);
    assert_int_equal(r->seen[0], 1);
    assert_int_equal(r->seen[1], 3);
    assert_int_equal(r->seen[2], 4);
    assert_int_equal(r->finished[0], 1);
    free(r);
}

static void stops_when_asked(void **state)
{
    nj_settings settings = plain_settings();
    struct job job = {.settings = &settings,
                      .prompts = {"sun"},
                      .seeds = {3},
                      .images = 1,
                      .stop_after = 2};
    struct result r;
    nj_err err = {0};

    (void)state;
    assert_int_equal(try_run(&job, &r, &err), NJ_E_INTERRUPTED);
    assert_int_equal(r.steps, 2);
    assert_int_equal(r.finished[0], 0);
    /* After the last step there is nothing left to stop. */
    job.stop_after = STEPS;
    assert_int_equal(try_run(&job, &r, &err), NJ_OK);
    assert_int_equal(r.finished[0], 1);
}

/* ---- refusals ---------------------------------------------------------- */

static void refused(const nj_settings *settings, const char *prompt,
                    const char *reason)
{
    const struct job job = {
        .settings = settings, .prompts = {prompt}, .seeds = {1}, .images = 1};
    struct result r;
    nj_err err = {0};

    assert_int_equal(try_run(&job, &r, &err), NJ_E_USAGE);
    if (!strstr(err.text, reason))
        fail_msg("'%s' says nothing of '%s'", err.text, reason);
    assert_int_equal(r.steps, 0);
}

static void refuses_what_cannot_be_done(void **state)
{
    nj_settings s = plain_settings();
    char text[1200] = "";

    (void)state;
    for (int i = 0; i < 100; i++)
        memcpy(text + 9 * (size_t)i, "hill sun ", 10);
    refused(&s, text, "token");
    refused(&s, "a:1|b:-1", "sum to 0");
    s.width = 34;
    refused(&s, "sun", "multiples of 4");
    s = plain_settings();
    s.skip_timesteps = 5;
    refused(&s, "sun", "cannot skip 5 of 5");
    s = plain_settings();
    s.class_id = 3;
    refused(&s, "sun", "not class-conditional");
    s = plain_settings();
    s.sampler = NJ_PLMS;
    s.plms_order = 5;
    refused(&s, "sun", "PLMS order 5");
    s = plain_settings();
    strcpy(s.timestep_respacing, "ddim37");
    refused(&s, "sun", "ddim37");
    assert_int_equal(th_live() > 0, 1);
}

static void cuts_long_prompts_when_told(void **state)
{
    nj_settings settings = plain_settings();
    char text[1200] = "";
    const struct job job = {.settings = &settings,
                            .prompts = {text},
                            .seeds = {1},
                            .images = 1,
                            .truncate = true};
    struct result *r;

    (void)state;
    for (int i = 0; i < 100; i++)
        memcpy(text + 9 * (size_t)i, "hill sun ", 10);
    r = run(&job);
    assert_int_equal(r->finished[0], 1);
    free(r);
}

static void refuses_devices_that_are_not_there(void **state)
{
    nj_engine_config config = {.unet_path = NETWORKS "unet.pt",
                               .device = NJ_DEVICE_CUDA,
                               .device_index = 97};
    nj_engine *e = NULL;
    nj_err err = {0};

    (void)state;
    assert_int_equal(nj_engine_functions()->open(&config, &e, &err),
                     NJ_E_DEVICE);
    assert_non_null(strstr(err.text, "no CUDA device 97"));
    assert_null(e);
}

static void refuses_files_that_do_not_fit(void **state)
{
    nj_engine_config config = {
        .unet_path = NETWORKS "clip.safetensors",
        .device = NJ_DEVICE_CPU,
    };
    nj_engine *e = NULL;
    nj_err err = {0};
    int64_t before = th_live();

    (void)state;
    must(nj_unet_card_read(NETWORKS "card.json", &config.unet, &err), &err);
    assert_int_equal(nj_engine_functions()->open(&config, &e, &err),
                     NJ_E_FORMAT);
    assert_non_null(strstr(err.text, "clip.safetensors"));
    config.unet_path = "/nonexistent.pt";
    assert_int_equal(nj_engine_functions()->open(&config, &e, &err), NJ_E_IO);
    assert_null(e);
    assert_int_equal(th_live(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(guidance_pulls_towards_the_prompt),
        cmocka_unit_test(hands_out_every_kth_iteration),
        cmocka_unit_test(stops_when_asked),
        cmocka_unit_test(refuses_what_cannot_be_done),
        cmocka_unit_test(cuts_long_prompts_when_told),
        cmocka_unit_test(refuses_devices_that_are_not_there),
        cmocka_unit_test(refuses_files_that_do_not_fit),
    };

    return cmocka_run_group_tests(tests, open_engine, close_engine);
}
