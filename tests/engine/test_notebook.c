/* The notebooks' starts, prompts, schedules and networks as a whole run makes
 * them, and that nothing of it couples the pictures of a batch. */
#include "engine/notebook_bench.h"

#include "diffusion/draws.h"
#include "diffusion/perlin_start.h"
#include "diffusion/pixels.h"
#include "engine/cut.h"
#include "engine/losses.h"
#include "engine/start.h"
#include "engine/targets.h"
#include "image/resize.h"

#define PICTURE                                                                \
    NJ_SOURCE_DIR "/tests/fixtures/endtoend/quick/expected_seed--11.png"

static double largest_of(const float *a, const float *b, double factor)
{
    double most = 0;

    for (int i = 0; i < VALUES; i++)
        most = fmax(most, fabs((double)a[i] - factor * (double)b[i]));
    return most;
}

/* ---- starts ------------------------------------------------------------ */

/* x = sqrt(alpha_bar) perlin + sigma z at the first step. */
static void perlin_noise_is_an_init_image(void **state)
{
    nj_settings t = quiet_settings();
    const nj_source z = {11, 0, NJ_STREAM_START, 0};
    float perlin[VALUES];
    float noise[VALUES];
    struct seen *seen;
    nj_err err = {0};

    (void)state;
    t.perlin_init = true;
    t.perlin_mode = NJ_PERLIN_COLOR;
    t.skip_timesteps = 3;
    seen = look(&t, "sun");
    must(nj_perlin_start(11, NJ_PERLIN_COLOR, SIDE, SIDE, perlin, &err), &err);
    nj_random_field(&z, 0, VALUES, noise);
    for (int i = 0; i < VALUES; i++) {
        double sigma = seen->sigma[0];
        double want = sqrt(1 - sigma * sigma) * (double)perlin[i] +
                      sigma * (double)noise[i];

        assert_true(fabs((double)seen->x[0][i] - want) < 1e-5);
    }
    free(seen);
}

/* 5 steps, half way: floor(5 * .5) = index 2, the third step. */
static void symmetry_is_imposed_once(void **state)
{
    nj_settings t = quiet_settings();
    struct seen *seen;

    (void)state;
    t.symmetry = NJ_SYMMETRY_BOTH;
    strcpy(t.transformation_percent, ".5");
    seen = look(&t, "sun");
    for (int k = 0; k < STEPS; k++) {
        int across = 0;
        int down = 0;

        for (int y = 0; y < SIDE; y++)
            for (int x = 0; x < SIDE; x++) {
                const float *plane = seen->x[k] + SIDE * SIDE;

                across += plane[y * SIDE + x] == plane[y * SIDE + SIDE - 1 - x];
                down += plane[y * SIDE + x] == plane[(SIDE - 1 - y) * SIDE + x];
            }
        assert_true((across == SIDE * SIDE) == (k == 2));
        assert_true((down == SIDE * SIDE) == (k == 2));
    }
    free(seen);
}

/* The left half and the upper half are kept. */
static void symmetry_mirrors_the_first_half(void **state)
{
    static const float in[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    static const float across[8] = {1, 2, 2, 1, 5, 6, 6, 5};
    static const float down[8] = {1, 2, 3, 4, 1, 2, 3, 4};
    const int64_t shape[4] = {1, 1, 2, 4};
    th_scope *s = th_scope_new(NULL);
    th_tensor *x = th_from_data(s, NJ_F32, 4, shape, in);
    float got[8];

    (void)state;
    th_read_f32(s, nj_start_mirrored(s, x, NJ_SYMMETRY_HORIZONTAL), got, 8);
    assert_memory_equal(got, across, sizeof(across));
    th_read_f32(s, nj_start_mirrored(s, x, NJ_SYMMETRY_VERTICAL), got, 8);
    assert_memory_equal(got, down, sizeof(down));
    th_scope_free(s);
}

/* Where its part says the end, or close to it, the first step does it. */
static void symmetry_at_the_noisy_end_is_not_lost(void **state)
{
    nj_settings t = quiet_settings();

    (void)state;
    t.symmetry = NJ_SYMMETRY_HORIZONTAL;
    strcpy(t.transformation_percent, "0");
    assert_true(nj_start_mirrors(&t, STEPS, STEPS - 1));
    assert_false(nj_start_mirrors(&t, STEPS, STEPS - 2));
    strcpy(t.transformation_percent, "1");
    assert_true(nj_start_mirrors(&t, STEPS, 0));
}

/* ---- schedules --------------------------------------------------------- */

/* -scale d tv / dx at the x that was seen; the secondary model says x0. */
static void expect_tv_gradient(const struct seen *seen, int k, double scale)
{
    const int64_t shape[4] = {1, 3, SIDE, SIDE};
    th_scope *s = th_scope_new(NULL);
    double sigma = seen->sigma[k];
    double level = nj_secondary_t(sqrt(1 - sigma * sigma), sigma);
    const float t = (float)level;
    const int64_t one = 1;
    th_tensor *x;
    th_tensor *x0;
    float want[VALUES];
    double size = 0;

    th_enable_grad(true);
    x = th_leaf(s, th_from_data(s, NJ_F32, 4, shape, seen->x[k]), true);
    x0 = nj_secondary_forward(s, engine->secondary, x,
                              th_from_data(s, NJ_F32, 1, &one, &t))
             .pred;
    x0 = th_grad(s, th_sum(s, nj_tv_loss(s, nj_blend(s, x0, x, sigma))), NULL,
                 x);
    th_enable_grad(false);
    th_read_f32(s, x0, want, VALUES);
    th_scope_free(s);
    for (int i = 0; i < VALUES; i++)
        size = fmax(size, fabs(scale * (double)want[i]));
    assert_true(size > 0);
    if (largest_of(seen->gradient[k], want, -scale) > 1e-4 * size)
        fail_msg("step %d: the gradient is not that of a scale of %g", k,
                 scale);
}

/* Guidance goes through the secondary model, whatever the UNet is; the scale
 * is that of the step. */
static void scales_follow_their_schedules(void **state)
{
    nj_settings t = quiet_settings();
    struct seen *seen;

    (void)state;
    set_curve(&t, NJ_CURVED_TV_SCALE, "[3]*2+[.5]+[0]+[2]");
    seen = look(&t, "sun");
    expect_tv_gradient(seen, 0, 3);
    expect_tv_gradient(seen, 1, 3);
    expect_tv_gradient(seen, 2, .5);
    for (int i = 0; i < VALUES; i++)
        assert_true(seen->gradient[3][i] == 0);
    expect_tv_gradient(seen, 4, 2);
    free(seen);
    /* "5" keeps 0, 250, 500, 749, 999: places 999, 749, 499, 250, 0. */
    set_curve(&t, NJ_CURVED_TV_SCALE, "0:1,500:6");
    seen = look(&t, "sun");
    expect_tv_gradient(seen, 0, 1);
    expect_tv_gradient(seen, 1, 3.5);
    expect_tv_gradient(seen, 2, 5.99);
    expect_tv_gradient(seen, 3, 6);
    free(seen);
}

static void eta_follows_its_schedule(void **state)
{
    nj_settings t = quiet_settings();
    struct seen *full;
    struct seen *seen;

    (void)state;
    t.sampler = NJ_DDIM;
    t.skip_timesteps = 1;
    t.eta = 1;
    full = look(&t, "sun");
    set_curve(&t, NJ_CURVED_ETA, "[0.25,.5,0,1]");
    seen = look(&t, "sun");
    assert_true(fabs(seen->ddim_z[0] - .25 * full->ddim_z[0]) < 1e-12);
    assert_true(fabs(seen->ddim_z[1] - .5 * full->ddim_z[1]) < 1e-12);
    assert_true(seen->ddim_z[2] == 0);
    assert_true(full->ddim_z[1] > .1);
    free(full);
    free(seen);
}

/* ---- prompts ----------------------------------------------------------- */

static double unit(double v)
{
    return v < 0 ? 0 : v > 1 ? 1 : v;
}

/* 25 copies of each part, texts first; the part's weight is shared out. */
static void fuzzy_prompts_are_noisy_copies(void **state)
{
    nj_settings t = quiet_settings();
    struct seen *plain = look(&t, "sun:3|dawn");
    struct seen *fuzzy;

    (void)state;
    t.fuzzy_prompt = true;
    t.rand_mag = .05;
    fuzzy = look(&t, "sun:3|dawn");
    assert_int_equal(plain->rows, 2);
    assert_int_equal(fuzzy->rows, 50);
    for (int row = 0; row < 50; row++) {
        const nj_source from = {11, 0, NJ_STREAM_FUZZY, (uint32_t)row};
        const float *e = plain->embeddings[0] + row / 25 * plain->width;
        const float *f = fuzzy->embeddings[0] + row * plain->width;
        float noise[256];

        assert_float_equal(fuzzy->weights[row], (row < 25 ? .75 : .25) / 25,
                           1e-7);
        nj_random_field(&from, 0, (size_t)plain->width, noise);
        for (int i = 0; i < plain->width; i++)
            assert_float_equal(
                f[i], unit((double)e[i] + .05 * (double)noise[i]), 1e-5);
    }
    free(plain);
    free(fuzzy);
}

/* Quirk 2: Russell and Disco let CLIP read the weight too. */
static void notebooks_read_the_weight(void **state)
{
    nj_settings t = quiet_settings();
    struct seen *plain = look(&t, "sun:2");
    struct seen *quirk;
    struct seen *written;

    (void)state;
    written = look(&t, "sun:2:1");
    t.compat = NJ_COMPAT_NOTEBOOK;
    quirk = look(&t, "sun:2");
    assert_memory_equal(quirk->tokens, plain->tokens, sizeof(plain->tokens));
    free(quirk);
    t.cutouts = NJ_CUTOUTS_RUSSELL;
    quirk = look(&t, "sun:2");
    assert_memory_equal(quirk->tokens, written->tokens,
                        sizeof(written->tokens));
    assert_memory_not_equal(quirk->tokens, plain->tokens,
                            sizeof(plain->tokens));
    assert_float_equal(quirk->weights[0], 1, 0);
    free(plain);
    free(quirk);
    free(written);
}

/* The first cutout of the picture at `side` pixels, the i-th of its prompt,
 * embedded; `quirk`: taken as [-1,1]. */
static void embed_picture(nj_settings settings, int side, uint32_t i,
                          bool quirk, float *out)
{
    static const uint64_t seed = 11;
    const nj_cut_draw draw = {&seed, 1, 0xFFFFFFFFU - i, 0};
    const nj_clip *clip = engine->clips[0].clip;
    th_scope *s = th_scope_new(NULL);
    float values[VALUES];
    const int64_t shape[4] = {1, 3, side, side};
    nj_picture rgb;
    nj_err err = {0};
    th_tensor *x;

    must(nj_picture_read_shrunk(PICTURE, side, &rgb, &err), &err);
    assert_int_equal(rgb.width, side);
    nj_pixels_to_unit(rgb.pixels, side, side, values);
    nj_picture_release(&rgb);
    x = th_from_data(s, NJ_F32, 4, shape, values);
    if (quirk)
        x = th_sub(s, x, th_add_scalar(s, th_neg(s, x), 1));
    x = nj_cut_once(s, &settings, nj_clip_shape(clip)->image_size, x, &draw);
    x = th_narrow(s, nj_clip_encode_image(s, clip, x, NULL), 0, 0, 1);
    th_read_f32(s, x, out, (size_t)nj_clip_shape(clip)->embed);
    th_scope_free(s);
}

/* Quirk 3, and that Disco cuts image prompts as Russell did in September. */
static void image_prompts_are_cut_as_there(void **state)
{
    nj_settings t = quiet_settings();
    nj_settings russell;
    float want[4096];

    (void)state;
    t.skip_augs = false;
    t.cut_overview = 2;
    t.cut_ic_pow = 1;
    for (int i = 0; i < 4; i++) {
        struct seen *seen;

        t.cutouts = i & 1 ? NJ_CUTOUTS_DISCO : NJ_CUTOUTS_RUSSELL;
        t.compat = i & 2 ? NJ_COMPAT_NOTEBOOK : NJ_COMPAT_NONE;
        russell = t;
        russell.cutouts = NJ_CUTOUTS_RUSSELL;
        russell.augmentations = i & 1 ? NJ_AUGMENT_2021_09 : NJ_AUGMENT_2021_11;
        seen = look(&t, "image:" PICTURE);
        assert_int_equal(seen->rows, t.cutn);
        embed_picture(russell, SIDE, 0, (i & 2) != 0, want);
        for (int k = 0; k < seen->width; k++)
            assert_float_equal(seen->embeddings[0][k], want[k], 1e-5);
        free(seen);
    }
}

/* The second picture of a prompt is cut by numbers of its own. */
static void image_prompts_have_their_own_draws(void **state)
{
    nj_settings t = quiet_settings();
    struct seen *seen;
    float want[4096];

    (void)state;
    /* Windows of so small a picture are alike, not their augmentations. */
    t.cutouts = NJ_CUTOUTS_RUSSELL;
    t.skip_augs = false;
    seen = look(&t, "image:" PICTURE "|sun|image:" PICTURE ":3");
    assert_int_equal(seen->rows, 1 + 2 * t.cutn);
    for (uint32_t i = 0; i < 2; i++) {
        const float *row =
            seen->embeddings[0] + (1 + (int)i * t.cutn) * seen->width;

        embed_picture(t, SIDE, i, false, want);
        for (int k = 0; k < seen->width; k++)
            assert_float_equal(row[k], want[k], 1e-5);
        assert_float_equal(seen->weights[1 + (int)i * t.cutn],
                           (i ? .6F : .2F) / (float)t.cutn, 1e-6);
    }
    free(seen);
}

/* Its shorter side becomes no longer than the output's. */
static void image_prompts_are_shrunk_to_the_output(void **state)
{
    static const uint64_t seed = 11;
    th_scope *s = th_scope_new(NULL);
    const nj_engine_clip *clip = &engine->clips[0];
    nj_settings t = quiet_settings();
    nj_prompt prompt = {0};
    const nj_prompt *prompts[1] = {&prompt};
    const nj_targets_config config = {.clip = clip->clip,
                                      .tokenizer = clip->tokenizer,
                                      .settings = &t,
                                      .prompts = prompts,
                                      .seeds = &seed,
                                      .images = 1,
                                      .device = engine->device};
    nj_target target;
    float want[4096];
    float got[4096];
    size_t n = (size_t)nj_clip_shape(clip->clip)->embed;
    nj_err err = {0};

    (void)state;
    t.width = 64;
    t.height = 16;
    must(nj_prompt_parse("image:" PICTURE, &prompt, &err), &err);
    must(nj_targets_make(s, &config, &target, &err), &err);
    th_read_f32(s, th_narrow(s, target.embeddings, 0, 0, 1), got, n);
    embed_picture(t, 16, 0, false, want);
    for (size_t k = 0; k < n; k++)
        assert_float_equal(got[k], want[k], 1e-5);
    nj_prompt_release(&prompt);
    th_scope_free(s);
}

/* ---- nothing couples the pictures of a batch ---------------------------- */

static const nj_settings *everything(size_t *count)
{
    static nj_settings all[3];

    for (size_t i = 0; i < 3; i++) {
        nj_settings *t = &all[i];

        *t = plain_settings();
        t->batch_size = 4;
        t->skip_augs = false;
        t->cutouts = i == 2 ? NJ_CUTOUTS_DISCO : NJ_CUTOUTS_RUSSELL;
        t->cutn_batches = 2;
        t->clamp_max = .05;
        t->perlin_init = true;
        t->perlin_mode = (nj_perlin_mode)i;
        t->init_scale = 100;
        t->fuzzy_prompt = i != 0;
        t->rand_mag = .05;
        t->symmetry = (nj_symmetry)(i + 1);
        strcpy(t->transformation_percent, ".3,.7");
    }
    all[0].augmentations = NJ_AUGMENT_2021_09;
    set_curve(&all[1], NJ_CURVED_CUTN, "[5]*3+[2]*2");
    all[2].sampler = NJ_DDIM;
    set_curve(&all[2], NJ_CURVED_ETA, "0:1,999:.2");
    set_curve(&all[2], NJ_CURVED_CUT_OVERVIEW, "[5]*400+[3]*600");
    set_curve(&all[2], NJ_CURVED_CUT_INNERCUT, "[2]*400+[4]*600");
    all[2].cut_ic_pow = 1;
    set_curve(&all[2], NJ_CURVED_CUT_ICGRAY_P, "[.4]*400+[0]*600");
    *count = 3;
    return all;
}

static void four_are_as_one(void **state)
{
    size_t count;
    const nj_settings *all = everything(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        const struct job alone = {.settings = &all[i],
                                  .prompts = {"the hill|red:.5"},
                                  .seeds = {7},
                                  .images = 1};
        const struct job fourth = {.settings = &all[i],
                                   .prompts = {"sun", "image:" PICTURE "|dawn",
                                               "a green sun",
                                               "the hill|red:.5"},
                                   .seeds = {5, 6, 8, 7},
                                   .images = 4};
        struct result *a = run(&alone);
        struct result *b = run(&fourth);

        assert_int_equal(a->finished[0], 1);
        assert_int_equal(b->finished[3], 1);
        assert_memory_equal(a->rgb[0], b->rgb[3], BYTES);
        assert_memory_not_equal(b->rgb[0], b->rgb[3], BYTES);
        free(a);
        free(b);
    }
}

/* Two pictures of one fuzzy prompt have copies of their own. */
static void fuzzy_copies_belong_to_the_seed(void **state)
{
    nj_settings t = plain_settings();
    const struct job alone = {
        .settings = &t, .prompts = {"sun"}, .seeds = {7}, .images = 1};
    const struct job pair = {.settings = &t,
                             .prompts = {"sun", "sun"},
                             .seeds = {5, 7},
                             .images = 2};
    struct result *a;
    struct result *b;

    (void)state;
    t.batch_size = 2;
    t.fuzzy_prompt = true;
    t.rand_mag = .5;
    a = run(&alone);
    b = run(&pair);
    assert_memory_equal(a->rgb[0], b->rgb[1], BYTES);
    free(a);
    free(b);
}

static void refuses_sides_for_the_secondary_model(void **state)
{
    nj_settings t = quiet_settings();
    const struct job job = {
        .settings = &t, .prompts = {"sun"}, .seeds = {1}, .images = 1};
    struct result r;
    nj_err err = {0};

    (void)state;
    t.width = 36;
    assert_int_equal(try_run(&job, &r, &err), NJ_E_USAGE);
    assert_string_equal(err.text, "size 36 x 32: the secondary model needs "
                                  "multiples of 32");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(perlin_noise_is_an_init_image),
        cmocka_unit_test(symmetry_is_imposed_once),
        cmocka_unit_test(symmetry_mirrors_the_first_half),
        cmocka_unit_test(symmetry_at_the_noisy_end_is_not_lost),
        cmocka_unit_test(scales_follow_their_schedules),
        cmocka_unit_test(eta_follows_its_schedule),
        cmocka_unit_test(fuzzy_prompts_are_noisy_copies),
        cmocka_unit_test(notebooks_read_the_weight),
        cmocka_unit_test(image_prompts_are_cut_as_there),
        cmocka_unit_test(image_prompts_have_their_own_draws),
        cmocka_unit_test(image_prompts_are_shrunk_to_the_output),
        cmocka_unit_test(four_are_as_one),
        cmocka_unit_test(fuzzy_copies_belong_to_the_seed),
        cmocka_unit_test(refuses_sides_for_the_secondary_model),
    };

    return cmocka_run_group_tests(tests, open_full_engine, close_full_engine);
}
