/* Cut: Disco's stack of overviews and inner cuts against its parts made one by
 * one, and which chain augments what. */
#include "torch/th_test.h"

#include "diffusion/draws.h"
#include "engine/augment.h"
#include "engine/cut.h"
#include "engine/resample.h"

enum { WIDTH = 40, HEIGHT = 24, CLIP = 16, IMAGES = 2 };

static const uint64_t seeds[IMAGES] = {5, 18446744073709551615U};
static const nj_cut_draw draw = {seeds, IMAGES, 3, 2};

static nj_settings disco(int overview, int inner)
{
    return (nj_settings){.cutouts = NJ_CUTOUTS_DISCO,
                         .cut_overview = overview,
                         .cut_innercut = inner,
                         .cut_ic_pow = .5,
                         .cut_icgray_p = .4,
                         .skip_augs = true};
}

static th_tensor *pictures(th_scope *s)
{
    return th_add_scalar(
        s, th_mul_scalar(s, RANDOM(s, 7, SHAPE(IMAGES, 3, HEIGHT, WIDTH)), .5),
        .5);
}

/* Row cut * IMAGES + image of what was cut. */
static th_tensor *row(th_scope *s, const th_tensor *cuts, int cut, int image)
{
    return th_narrow(s, cuts, 0, cut * IMAGES + image, 1);
}

static th_tensor *image_of(th_scope *s, const th_tensor *x, int image)
{
    return th_narrow(s, x, 0, image, 1);
}

static void expect_same(th_scope *s, const th_tensor *got,
                        const th_tensor *want, double tolerance, int line)
{
    double d = max_difference(s, got, nj_clip_normalise(s, want));

    expect_ok(s, __FILE__, line);
    if (!(d <= tolerance)) {
        print_error("differs by %g\n", d);
        _fail(__FILE__, line);
    }
}
#define SAME(got, want) expect_same(s, (got), (want), 2e-5, __LINE__)

/* 24 rows get 8 rows of zeros above and below: 40 x 40, then 16 x 16. */
static th_tensor *overview_of(th_scope *s, const th_tensor *x, int image)
{
    return nj_resample_cubic(
        s, th_pad2d(s, image_of(s, x, image), TH_PAD_ZERO, 0, 0, 8, 8), CLIP,
        CLIP);
}

static void overviews_are_of_four_kinds(void **state)
{
    th_scope *s = *state;
    const nj_settings t = disco(4, 0);
    th_tensor *x = pictures(s);
    th_tensor *cuts = nj_cut_once(s, &t, CLIP, x, &draw);

    assert_int_equal(th_size(cuts, 0), 4 * IMAGES);
    for (int b = 0; b < IMAGES; b++) {
        th_tensor *whole = overview_of(s, x, b);
        th_tensor *mirrored = th_flip(s, whole, 3);

        SAME(row(s, cuts, 0, b), whole);
        SAME(row(s, cuts, 1, b), nj_augment_gray(s, whole));
        SAME(row(s, cuts, 2, b), mirrored);
        SAME(row(s, cuts, 3, b), nj_augment_gray(s, mirrored));
    }
}

static void more_overviews_are_plain(void **state)
{
    th_scope *s = *state;
    const nj_settings t = disco(5, 0);
    th_tensor *x = pictures(s);
    th_tensor *cuts = nj_cut_once(s, &t, CLIP, x, &draw);

    assert_int_equal(th_size(cuts, 0), 5 * IMAGES);
    for (int k = 0; k < 5; k++)
        SAME(row(s, cuts, k, 1), overview_of(s, x, 1));
}

/* The rule of the notebook, from the uniforms of stream 2. */
static th_tensor *inner_of(th_scope *s, const th_tensor *x, int image, int i)
{
    const nj_source from = {seeds[image], 3, NJ_STREAM_BOXES, 2};
    double u[4];
    int size;
    th_tensor *cut;

    nj_random_uniforms(&from, (uint32_t)i, u);
    size = (int)(sqrt(u[0]) * (HEIGHT - CLIP) + CLIP);
    cut = th_narrow(s, image_of(s, x, image), 2,
                    (int)(u[2] * (HEIGHT - size + 1)), size);
    cut = th_narrow(s, cut, 3, (int)(u[1] * (WIDTH - size + 1)), size);
    return nj_resample_cubic(s, cut, CLIP, CLIP);
}

/* floor(.4 * 5) = 2: cuts 0, 1 and 2 are grey. */
static void inner_cuts_begin_grey(void **state)
{
    th_scope *s = *state;
    const nj_settings t = disco(1, 5);
    th_tensor *x = pictures(s);
    th_tensor *cuts = nj_cut_once(s, &t, CLIP, x, &draw);

    assert_int_equal(th_size(cuts, 0), 6 * IMAGES);
    for (int b = 0; b < IMAGES; b++)
        for (int i = 0; i < 5; i++) {
            th_tensor *cut = inner_of(s, x, b, i);

            SAME(row(s, cuts, 1 + i, b),
                 i <= 2 ? nj_augment_gray(s, cut) : cut);
        }
}

/* Even at p = 0 the first inner cut is grey; at 1 all of them are. */
static void one_inner_cut_is_always_grey(void **state)
{
    th_scope *s = *state;
    nj_settings t = disco(0, 2);
    th_tensor *x = pictures(s);
    th_tensor *cuts;

    t.cut_icgray_p = 0;
    cuts = nj_cut_once(s, &t, CLIP, x, &draw);
    SAME(row(s, cuts, 0, 0), nj_augment_gray(s, inner_of(s, x, 0, 0)));
    SAME(row(s, cuts, 1, 0), inner_of(s, x, 0, 1));
    t.cut_icgray_p = 1;
    cuts = nj_cut_once(s, &t, CLIP, x, &draw);
    assert_int_equal(th_size(cuts, 0), 2 * IMAGES);
    SAME(row(s, cuts, 1, 0), nj_augment_gray(s, inner_of(s, x, 0, 1)));
}

/* All cuts of an image share its draws, of cutout 0; noise is each cut's. */
static void a_stack_is_augmented_as_one(void **state)
{
    th_scope *s = *state;
    nj_settings t = disco(2, 2);
    th_tensor *x = pictures(s);
    th_tensor *cuts;

    t.skip_augs = false;
    cuts = nj_cut_once(s, &t, CLIP, x, &draw);
    for (int b = 0; b < IMAGES; b++) {
        const nj_source from = {seeds[b], 3, NJ_STREAM_AUGMENT, 2};
        const nj_source noise = {seeds[b], 3, NJ_STREAM_CUT_NOISE, 2};
        th_tensor *whole = overview_of(s, x, b);
        const th_tensor *parts[4] = {whole, nj_augment_gray(s, whole),
                                     nj_augment_gray(s, inner_of(s, x, b, 0)),
                                     inner_of(s, x, b, 1)};
        nj_augmentation a;

        nj_draw_augmentation(nj_chain_ranges(NJ_CHAIN_DISCO), &from, 0, CLIP,
                             CLIP, &a);
        for (int k = 0; k < 4; k++) {
            const th_tensor *fields[NJ_NOISE_TIMES];
            float values[3 * CLIP * CLIP];

            for (int time = 0; time < NJ_NOISE_TIMES; time++) {
                nj_draw_cut_noise(&noise, k, time, 3 * CLIP * CLIP, values);
                fields[time] = th_mul_scalar(
                    s, th_from_data(s, NJ_F32, SHAPE(1, 3, CLIP, CLIP), values),
                    .01);
            }
            if (k == 0 || k == 3)
                SAME(row(s, cuts, k, b),
                     nj_augment(s, parts[k], NJ_CHAIN_DISCO, &a, fields));
        }
    }
}

/* The largest change that a chain's figures allow. */
static void chains_have_their_figures(void **state)
{
    const nj_augment_ranges *september = nj_chain_ranges(NJ_CHAIN_2021_09);
    const nj_augment_ranges *november = nj_chain_ranges(NJ_CHAIN_2021_11);
    const nj_augment_ranges *disco_s = nj_chain_ranges(NJ_CHAIN_DISCO);

    (void)state;
    assert_true(september->gray_p == .15 && november->gray_p == .35 &&
                disco_s->gray_p == .1);
    assert_true(september->degrees == 15 && november->degrees == 15 &&
                disco_s->degrees == 10);
    assert_true(september->translate == .1 && november->translate == .1 &&
                disco_s->translate == .05);
    assert_true(september->perspective_p == .7 &&
                november->perspective_p == .7 && disco_s->perspective_p == 0);
    assert_true(september->distortion == .4 && november->distortion == .4);
    for (int i = 0; i < 3; i++)
        assert_true(september->factor[i] == 0 && november->factor[i] == .1 &&
                    disco_s->factor[i] == .1);
    assert_true(september->hue == 0 && november->hue == .1 &&
                disco_s->hue == .1);
    assert_true(september->flip_p == .5 && november->flip_p == .5 &&
                disco_s->flip_p == .5);
}

static double change(th_scope *s, nj_settings *t, nj_augmentations to)
{
    th_tensor *x = pictures(s);
    th_tensor *before;

    t->augmentations = NJ_AUGMENT_NONE;
    before = nj_cut_once(s, t, CLIP, x, &draw);
    t->augmentations = to;
    return max_difference(s, before, nj_cut_once(s, t, CLIP, x, &draw));
}

/* auto: Crowson's cuts stay as they are, Russell's follow November. */
static void augmentations_go_with_the_cutouts(void **state)
{
    th_scope *s = *state;
    nj_settings t = {.cutouts = NJ_CUTOUTS_CROWSON, .cutn = 3, .cut_pow = 1};
    th_tensor *x = pictures(s);
    th_tensor *one;

    assert_true(change(s, &t, NJ_AUGMENT_AUTO) == 0);
    assert_true(change(s, &t, NJ_AUGMENT_2021_11) > .05);
    t.cutouts = NJ_CUTOUTS_RUSSELL;
    t.augmentations = NJ_AUGMENT_AUTO;
    one = nj_cut_once(s, &t, CLIP, x, &draw);
    t.augmentations = NJ_AUGMENT_2021_11;
    assert_true(max_difference(s, one, nj_cut_once(s, &t, CLIP, x, &draw)) ==
                0);
    t.augmentations = NJ_AUGMENT_2021_09;
    assert_true(max_difference(s, one, nj_cut_once(s, &t, CLIP, x, &draw)) >
                .01);
    t.skip_augs = true;
    assert_true(change(s, &t, NJ_AUGMENT_2021_11) == 0);
    OK(s);
}

/* ---- memory -------------------------------------------------------------- */

enum {
    LARGE = 160,
    LOOK = 64,
    CUTS = 8,
    LARGE_NUMBERS = IMAGES * 3 * LARGE * LARGE,
    CUT_NUMBERS = CUTS * IMAGES * 3 * LOOK * LOOK
};

/* What cutting large pictures and deriving by them gives, and how much large
 * tensors it needs at most. */
struct cut_large {
    float cuts[CUT_NUMBERS];
    float gradient[LARGE_NUMBERS];
    int64_t peak;
};

static struct cut_large *cut_large(const nj_settings *t)
{
    struct cut_large *out = calloc(1, sizeof(*out));
    th_scope *s = th_scope_new(NULL);
    th_tensor *x = RANDOM(s, 9, SHAPE(IMAGES, 3, LARGE, LARGE));
    th_tensor *weights = RANDOM(s, 10, SHAPE(CUTS * IMAGES, 3, LOOK, LOOK));
    th_tensor *leaf = th_leaf(s, x, true);
    nj_cutting *c = nj_cutting_new(t, LOOK, LARGE, LARGE, &draw);
    th_tensor *cuts;

    assert_non_null(out);
    assert_non_null(c);
    out->peak = -th_host_count(true).now;
    cuts = nj_cut(s, c, nj_to_unit(s, leaf));
    th_read_f32(s, cuts, out->cuts, CUT_NUMBERS);
    th_read_f32(s, th_grad(s, cuts, weights, leaf), out->gradient,
                LARGE_NUMBERS);
    OK(s);
    out->peak += th_host_count(false).peak;
    nj_cutting_free(c);
    th_scope_free(s);
    return out;
}

/* Slices make copies of a cutout twice instead of keeping them: the same bits,
 * and at most `part` of the memory. There is no count under sanitizers. */
static void slices_need_less_memory(const nj_settings *t, double part)
{
    nj_settings sliced = *t;
    struct cut_large *whole = cut_large(t);
    struct cut_large *parts;

    for (sliced.clip_slices = 3; sliced.clip_slices <= 9;
         sliced.clip_slices += 6) {
        parts = cut_large(&sliced);
        assert_memory_equal(parts->cuts, whole->cuts, sizeof(whole->cuts));
        assert_memory_equal(parts->gradient, whole->gradient,
                            sizeof(whole->gradient));
        if (whole->peak > 0)
            assert_true((double)parts->peak <= part * (double)whole->peak);
        free(parts);
    }
    free(whole);
}

static void augmented_cuts_are_made_again(void **state)
{
    nj_settings t = {.cutouts = NJ_CUTOUTS_RUSSELL, .cutn = CUTS, .cut_pow = 1};

    (void)state;
    slices_need_less_memory(&t, .9);
    t.augmentations = NJ_AUGMENT_2021_09; /* keeps next to nothing anyhow */
    slices_need_less_memory(&t, 1);
    t.cutouts = NJ_CUTOUTS_CROWSON;
    slices_need_less_memory(&t, 1);
}

static void a_stack_is_the_same_in_slices(void **state)
{
    nj_settings t = disco(3, CUTS - 3);

    (void)state;
    t.skip_augs = false;
    slices_need_less_memory(&t, 1);
}

/* As in the notebooks: under compat the boxes of the first image serve all. */
static void compat_shares_boxes(void **state)
{
    nj_settings t = {.cutouts = NJ_CUTOUTS_RUSSELL, .cutn = 8, .cut_pow = 1};
    nj_box *own = nj_cut_boxes(&t, CLIP, WIDTH, HEIGHT, &draw);
    nj_box *shared;

    (void)state;
    t.compat = NJ_COMPAT_NOTEBOOK;
    shared = nj_cut_boxes(&t, CLIP, WIDTH, HEIGHT, &draw);
    assert_memory_not_equal(own, own + 8, 8 * sizeof(*own));
    assert_memory_equal(shared, own, 8 * sizeof(*own));
    assert_memory_equal(shared + 8, own, 8 * sizeof(*own));
    free(own);
    free(shared);
}

/* The noise on cutouts stays each image's own, under compat too. */
static void compat_shares_no_noise(void **state)
{
    th_scope *s = *state;
    nj_settings t = {.cutouts = NJ_CUTOUTS_RUSSELL,
                     .cutn = 2,
                     .cut_pow = 1,
                     .compat = NJ_COMPAT_NOTEBOOK};
    th_tensor *x = th_zeros(s, NJ_F32, cpu, SHAPE(2, 3, HEIGHT, WIDTH));
    th_tensor *cuts = nj_cut_once(s, &t, CLIP, x, &draw);

    assert_true(max_difference(s, th_narrow(s, cuts, 0, 0, 1),
                               th_narrow(s, cuts, 0, 1, 1)) > 1e-3);
    OK(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TH_TEST(overviews_are_of_four_kinds),
        TH_TEST(more_overviews_are_plain),
        TH_TEST(inner_cuts_begin_grey),
        TH_TEST(one_inner_cut_is_always_grey),
        TH_TEST(a_stack_is_augmented_as_one),
        TH_TEST(chains_have_their_figures),
        TH_TEST(augmentations_go_with_the_cutouts),
        TH_TEST(augmented_cuts_are_made_again),
        TH_TEST(a_stack_is_the_same_in_slices),
        TH_TEST(compat_shares_boxes),
        TH_TEST(compat_shares_no_noise),
    };

    th_keep_memory();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
