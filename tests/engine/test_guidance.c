/* Guidance: several CLIPs add up, each term has its coefficient, and what the
 * notebooks' quirks change. "network" is x0 = 2.5 x, so that every gradient
 * can be worked out beside it. */
#include <stdio.h>
#include <unistd.h>

#include "torch/th_test.h"

#include "engine/guidance.h"
#include "engine/losses.h"

#define FIXTURES NJ_SOURCE_DIR "/tests/fixtures/"

enum { IMAGES = 2, SIDE = 48 };

static const uint64_t seeds[IMAGES] = {3, 4};
static const nj_step step = {.sigma = .75};

static nj_clip *clip_of(const char *path)
{
    nj_weights *w = NULL;
    nj_clip *clip = NULL;
    nj_err err = {0};

    if (nj_weights_open(path, &w, &err) != NJ_OK ||
        nj_clip_new(w, NULL, NJ_F32, cpu, &clip, &err) != NJ_OK)
        fail_msg("%s", err.text);
    nj_weights_free(w);
    return clip;
}

static nj_look look_at(th_scope *s)
{
    nj_look look = {.step = &step};

    th_enable_grad(true);
    look.x = th_leaf(s, RANDOM(s, 5, SHAPE(IMAGES, 3, SIDE, SIDE)), true);
    look.x0 = th_mul_scalar(s, look.x, 2.5);
    return look;
}

static nj_settings silent(void)
{
    return (nj_settings){.cutn = 3, .cutn_batches = 2, .cut_pow = 1};
}

static th_tensor *gradient(th_scope *s, const nj_guidance *g)
{
    nj_look look = look_at(s);
    th_tensor *out = nj_guidance_gradient(s, g, &look, 7).clamped;

    OK(s);
    return out;
}

/* The loss that is told, of the first image. */
static float told(th_scope *s, const nj_guidance *g)
{
    nj_look look = look_at(s);
    const th_tensor *loss =
        nj_guidance_gradient(s, g, &look, 7).terms[NJ_LOSS_CLIP];
    float values[IMAGES];

    th_read_f32(s, loss, values, IMAGES);
    OK(s);
    return values[0];
}

/* A ViT of 32 pixels and a ResNet of 64. */
static void clips_add_up(void **state)
{
    th_scope *s = *state;
    nj_clip *clips[2] = {clip_of(FIXTURES "clip/vit/model_hf.safetensors"),
                         clip_of(FIXTURES "clip/resnet/model_torchscript.pt")};
    nj_settings t = silent();
    nj_target targets[2][IMAGES];
    nj_guide_clip guides[2];
    const nj_guidance g = {.settings = &t,
                           .clips = guides,
                           .count = 2,
                           .seeds = seeds,
                           .images = IMAGES};
    th_tensor *first, *second, *both, *weighted;
    float losses[3];

    t.clip_guidance_scale = 1000;
    assert_int_equal(nj_clip_shape(clips[0])->image_size, 32);
    assert_int_equal(nj_clip_shape(clips[1])->image_size, 64);
    for (int i = 0; i < 2; i++) {
        int width = nj_clip_shape(clips[i])->embed;

        for (uint32_t b = 0; b < IMAGES; b++)
            targets[i][b] = (nj_target){RANDOM(s, 20 + b, SHAPE(1, width)),
                                        TENSOR(s, SHAPE(1), 1)};
        guides[i] = (nj_guide_clip){clips[i], 0, targets[i]};
    }
    guides[0].weight = 1;
    first = gradient(s, &g);
    losses[0] = told(s, &g);
    guides[1].weight = 1;
    both = gradient(s, &g);
    guides[0].weight = 0;
    second = gradient(s, &g);
    losses[1] = told(s, &g);
    guides[0].weight = 2;
    guides[1].weight = .5;
    weighted = gradient(s, &g);
    losses[2] = told(s, &g);
    assert_float_equal(losses[2], 2 * losses[0] + .5F * losses[1], 1e-5);
    assert_true(max_difference(s, first, second) > .01);
    assert_true(max_difference(s, both, th_add(s, first, second)) < 2e-5);
    assert_true(max_difference(s, weighted,
                               th_add(s, th_mul_scalar(s, first, 2),
                                      th_mul_scalar(s, second, .5))) < 4e-5);
    nj_clip_free(clips[0]);
    nj_clip_free(clips[1]);
}

/* One network given twice looks through windows of its own each time. */
static void every_clip_has_its_own_windows(void **state)
{
    th_scope *s = *state;
    nj_clip *clip = clip_of(FIXTURES "clip/vit/model_hf.safetensors");
    int width = nj_clip_shape(clip)->embed;
    nj_settings t = silent();
    const nj_target target = {RANDOM(s, 20, SHAPE(1, width)),
                              TENSOR(s, SHAPE(1), 1)};
    nj_target targets[IMAGES] = {target, target};
    nj_guide_clip guides[2] = {{clip, 1, targets}, {clip, 0, targets}};
    const nj_guidance g = {.settings = &t,
                           .clips = guides,
                           .count = 2,
                           .seeds = seeds,
                           .images = IMAGES};
    th_tensor *first;

    t.clip_guidance_scale = 1000;
    first = gradient(s, &g);
    guides[0].weight = 0;
    guides[1].weight = 1;
    assert_true(max_difference(s, first, gradient(s, &g)) > .01);
    nj_clip_free(clip);
}

/* -scale d loss(share x0 + (1 - share) x) / dx, by autograd. */
static th_tensor *pixel_gradient(th_scope *s,
                                 th_tensor *(*loss_of)(th_scope *,
                                                       const th_tensor *),
                                 double scale, double share)
{
    nj_look look = look_at(s);
    th_tensor *loss =
        th_sum(s, loss_of(s, nj_blend(s, look.x0, look.x, share)));
    th_tensor *g = th_grad(s, loss, NULL, look.x);

    th_enable_grad(false);
    return th_mul_scalar(s, g, -scale);
}

static th_tensor *tv_gradient(th_scope *s, double scale, double share)
{
    return pixel_gradient(s, nj_tv_loss, scale, share);
}

static void saturation_has_its_own_scale(void **state)
{
    th_scope *s = *state;
    nj_settings t = silent();
    const nj_guidance g = {.settings = &t, .seeds = seeds, .images = IMAGES};
    th_tensor *want = pixel_gradient(s, nj_saturation_loss, 3e5, .75);

    t.sat_scale = 3e5;
    assert_true(max_difference(s, gradient(s, &g), want) < 1e-5);
    t.tv_scale = 40;
    want = th_add(s, want, tv_gradient(s, 40, .75));
    assert_true(max_difference(s, gradient(s, &g), want) < 1e-4);
}

/* Losses look at the blend, or at the predicted picture alone. */
static void blends_or_not(void **state)
{
    th_scope *s = *state;
    nj_settings t = silent();
    const nj_guidance g = {.settings = &t, .seeds = seeds, .images = IMAGES};

    t.tv_scale = 40;
    assert_true(max_difference(s, gradient(s, &g), tv_gradient(s, 40, .75)) <
                1e-6);
    t.blend = NJ_BLEND_NONE;
    assert_true(max_difference(s, gradient(s, &g), tv_gradient(s, 40, 1)) <
                1e-6);
}

/* Quirk 1: Russell's and Disco's range loss pulls nothing. */
static void range_is_dead_in_some_notebooks(void **state)
{
    nj_settings t = silent();
    const nj_guidance g = {.settings = &t, .seeds = seeds, .images = IMAGES};

    (void)state;
    t.range_scale = 50;
    assert_true(nj_guidance_is_on(&g));
    t.compat = NJ_COMPAT_NOTEBOOK;
    assert_true(nj_guidance_is_on(&g)); /* Crowson's works */
    t.cutouts = NJ_CUTOUTS_RUSSELL;
    assert_false(nj_guidance_is_on(&g));
    t.cutouts = NJ_CUTOUTS_DISCO;
    assert_false(nj_guidance_is_on(&g));
    t.compat = NJ_COMPAT_NONE;
    assert_true(nj_guidance_is_on(&g));
}

/* The RMS of image b of a gradient, or of all with b < 0. */
static double rms(th_scope *s, const th_tensor *g, int b)
{
    float value;
    const th_tensor *one = b < 0 ? g : th_narrow(s, g, 0, b, 1);

    th_read_f32(s, th_sum(s, th_square(s, one)), &value, 1);
    return sqrt((double)value / (double)th_elements(one));
}

/* Quirk 6: one clamp for the whole batch. */
static void clamp_couples_images_in_notebooks(void **state)
{
    th_scope *s = *state;
    nj_settings t = silent();
    const nj_guidance g = {.settings = &t, .seeds = seeds, .images = IMAGES};
    th_tensor *free_one;
    th_tensor *own;
    th_tensor *all;

    t.tv_scale = 40;
    free_one = gradient(s, &g);
    t.clamp_max = rms(s, free_one, -1) / 2;
    own = gradient(s, &g);
    t.compat = NJ_COMPAT_NOTEBOOK;
    all = gradient(s, &g);
    for (int b = 0; b < IMAGES; b++)
        assert_float_equal(rms(s, own, b), t.clamp_max, 1e-6);
    assert_float_equal(rms(s, all, -1), t.clamp_max, 1e-6);
    assert_true(max_difference(s, all, th_mul_scalar(s, free_one, .5)) < 1e-6);
}

/* Disco's notebook does without guidance for a step with a NaN; others pass it
 * on, so that the picture fails and is reported. */
static void disco_gives_up_on_nan(void **state)
{
    th_scope *s = *state;
    nj_settings t = silent();
    const nj_guidance g = {.settings = &t, .seeds = seeds, .images = IMAGES};

    t.tv_scale = 1e38;
    t.cutouts = NJ_CUTOUTS_DISCO;
    t.compat = NJ_COMPAT_NOTEBOOK;
    t.tv_scale = 1e300;
    assert_true(rms(s, gradient(s, &g), -1) == 0);
    t.compat = NJ_COMPAT_NONE;
    assert_false(th_all_finite(s, gradient(s, &g)));
}

/* A file of random weights in a folder of the test's own. */
static void make_weights(const char *card, const char *path)
{
    char command[600];

    snprintf(command, sizeof(command),
             "'%s/tests/make_checkpoint' %s '%s' >/dev/null", NJ_BINARY_DIR,
             card, path);
    assert_int_equal(system(command), 0);
}

static nj_lpips *random_lpips(void)
{
    char folder[] = "/tmp/nj_guidance_XXXXXX";
    char paths[2][64];
    nj_weights *w[2];
    nj_lpips *lpips = NULL;
    nj_err err = {0};

    assert_non_null(mkdtemp(folder));
    snprintf(paths[0], 64, "%s/vgg.pth", folder);
    snprintf(paths[1], 64, "%s/heads.pth", folder);
    make_weights("vgg16", paths[0]);
    make_weights("lpips_vgg", paths[1]);
    for (int i = 0; i < 2; i++)
        if (nj_weights_open(paths[i], &w[i], &err) != NJ_OK)
            fail_msg("%s", err.text);
    if (nj_lpips_new(w[0], w[1], NJ_F32, cpu, &lpips, &err) != NJ_OK)
        fail_msg("%s", err.text);
    for (int i = 0; i < 2; i++) {
        nj_weights_free(w[i]);
        unlink(paths[i]);
    }
    rmdir(folder);
    return lpips;
}

/* init_scale times the LPIPS distance of the blend to the start picture. */
static void init_loss_is_lpips(void **state)
{
    th_scope *s = *state;
    nj_lpips *lpips = random_lpips();
    const nj_guide_start start = {
        lpips,
        nj_lpips_look(s, lpips, RANDOM(s, 9, SHAPE(1, 3, SIDE, SIDE)), NULL)};
    nj_settings t = silent();
    nj_guidance g = {
        .settings = &t, .seeds = seeds, .images = IMAGES, .start = &start};
    nj_look look;
    nj_lpips_features f;
    th_tensor *by_hand;

    t.init_scale = 300;
    look = look_at(s);
    f = nj_lpips_look(s, lpips, nj_blend(s, look.x0, look.x, .75), NULL);
    by_hand =
        th_grad(s, th_sum(s, nj_lpips_distances(s, lpips, &f, &start.picture)),
                NULL, look.x);
    th_enable_grad(false);
    by_hand = th_mul_scalar(s, by_hand, -300);
    assert_true(rms(s, by_hand, -1) > 1e-6);
    assert_true(max_difference(s, gradient(s, &g), by_hand) <
                1e-4 * rms(s, by_hand, -1));
    t.tv_scale = 40; /* added to what other losses pull */
    by_hand = th_add(s, by_hand, tv_gradient(s, 40, .75));
    assert_true(max_difference(s, gradient(s, &g), by_hand) <
                1e-4 * rms(s, by_hand, -1));
    t.tv_scale = 0;
    g.start = NULL;
    assert_false(nj_guidance_is_on(&g));
    nj_lpips_free(lpips);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TH_TEST(clips_add_up),
        TH_TEST(every_clip_has_its_own_windows),
        TH_TEST(saturation_has_its_own_scale),
        TH_TEST(blends_or_not),
        TH_TEST(range_is_dead_in_some_notebooks),
        TH_TEST(clamp_couples_images_in_notebooks),
        TH_TEST(disco_gives_up_on_nan),
        TH_TEST(init_loss_is_lpips),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
