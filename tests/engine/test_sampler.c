/* Samplers on tensors: known results of single steps, guidance, history, and
 * that images do not touch each other. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "engine/sampler.h"

enum { IMAGES = 2, VALUES = 3 * 2 * 2 };

static const int64_t shape[4] = {IMAGES, 3, 2, 2};

/* A chain of 20 steps, all samplers, without skipping. */
struct bench {
    th_scope *scope;
    nj_schedule schedule;
    nj_steps steps;
};

static void setup(struct bench *b, nj_variance variance, double eta)
{
    const nj_schedule_config schedule = {NJ_BETA_LINEAR, 1000, true, "20"};
    const nj_steps_config steps = {.variance = variance, .eta = eta};

    b->scope = th_scope_new(NULL);
    assert_int_equal(nj_schedule_init(&b->schedule, &schedule, NULL), NJ_OK);
    assert_int_equal(nj_steps_init(&b->steps, &b->schedule, &steps, NULL),
                     NJ_OK);
}

static void teardown(struct bench *b)
{
    nj_err err = {0};

    assert_int_equal(th_scope_check(b->scope, &err), NJ_OK);
    th_scope_free(b->scope);
    nj_steps_release(&b->steps);
    nj_schedule_release(&b->schedule);
    assert_int_equal(th_live(), 0);
}

/* Values that differ from element to element, the same for every run. */
static th_tensor *wave(th_scope *s, double phase)
{
    float values[IMAGES * VALUES];

    for (int i = 0; i < IMAGES * VALUES; i++)
        values[i] = (float)sin(1.7 * i + phase);
    return th_from_data(s, NJ_F32, 4, shape, values);
}

static th_tensor *output(th_scope *s)
{
    const th_tensor *both[2] = {wave(s, 1), wave(s, 2)};

    return th_cat(s, both, 2, 1);
}

static void read(th_scope *s, const th_tensor *t, float *out)
{
    th_read_f32(s, t, out, IMAGES * VALUES);
}

static void near(double got, double want)
{
    assert_true(fabs(got - want) <= 2e-5 * fmax(1, fabs(want)));
}

static void ddpm_is_mean_guidance_and_noise(void **state)
{
    const nj_sampler_config config = {.kind = NJ_DDPM};
    struct bench b;
    nj_sampler_run run;
    nj_look look;
    float got[IMAGES * VALUES];

    (void)state;
    setup(&b, NJ_VARIANCE_LEARNED_RANGE, 0);
    look = (nj_look){.step = &b.steps.at[7], .x = wave(b.scope, 0)};
    nj_predict(b.scope, &look, output(b.scope), false);
    look.g = wave(b.scope, 3);
    nj_sampler_init(&run, b.scope, &config);
    read(b.scope, nj_sampler_step(b.scope, &run, &look, NULL, wave(b.scope, 4)),
         got);
    for (int i = 0; i < IMAGES * VALUES; i++) {
        const nj_step *step = look.step;
        /* eps and v are halves of the channels: [B,6,H,W] */
        double x = sin(1.7 * i);
        double eps = sin(1.7 * i + 1);
        double part = (sin(1.7 * i + 2) + 1) / 2;
        double log_variance =
            part * step->log_variance_max + (1 - part) * step->log_variance_min;
        double x0 = step->recip * x - step->recipm1 * eps;
        double mean = step->mean_x0 * x0 + step->mean_x * x;

        near((double)got[i], mean + exp(log_variance) * sin(1.7 * i + 3) +
                                 exp(log_variance / 2) * sin(1.7 * i + 4));
    }
    teardown(&b);
}

static void ddim_moves_along_guided_noise(void **state)
{
    const nj_sampler_config config = {.kind = NJ_DDIM};
    struct bench b;
    nj_sampler_run run;
    nj_look look;
    float got[IMAGES * VALUES];

    (void)state;
    setup(&b, NJ_VARIANCE_LEARNED_RANGE, .7);
    look = (nj_look){.step = &b.steps.at[3], .x = wave(b.scope, 0)};
    nj_predict(b.scope, &look, output(b.scope), false);
    look.g = wave(b.scope, 3);
    nj_sampler_init(&run, b.scope, &config);
    read(b.scope, nj_sampler_step(b.scope, &run, &look, NULL, wave(b.scope, 4)),
         got);
    for (int i = 0; i < IMAGES * VALUES; i++) {
        const nj_step *step = look.step;
        double x = sin(1.7 * i);
        double eps = sin(1.7 * i + 1) - step->sigma * sin(1.7 * i + 3);
        double x0 = step->recip * x - step->recipm1 * eps;

        near((double)got[i], step->ddim_x0 * x0 + step->ddim_eps * eps +
                                 step->ddim_z * sin(1.7 * i + 4));
    }
    teardown(&b);
}

/* What a GPU does in one pass, on the CPU: the same bits, up to the rounding of
 * exp where the variance is learned. */
static void same_at_once(nj_sampler kind, nj_variance variance, size_t k,
                         bool guided)
{
    const nj_sampler_config config = {.kind = kind, .variance = variance};
    struct bench b;
    nj_sampler_run run;
    nj_look look;
    th_tensor *z, *all;
    float got[IMAGES * VALUES];
    float want[IMAGES * VALUES];

    setup(&b, variance, k % 2 ? .7 : 0);
    look = (nj_look){.step = &b.steps.at[k], .x = wave(b.scope, 0)};
    all = variance == NJ_VARIANCE_LEARNED_RANGE ? output(b.scope)
                                                : wave(b.scope, 1);
    nj_predict(b.scope, &look, th_channels_last(b.scope, all), k == 5);
    look.g = guided ? th_channels_last(b.scope, wave(b.scope, 3)) : NULL;
    z = wave(b.scope, 4);
    nj_sampler_init(&run, b.scope, &config);
    read(b.scope, nj_sampler_step(b.scope, &run, &look, NULL, z), want);
    read(b.scope, nj_sampler_at_once(b.scope, &run, &look, z), got);
    if (kind == NJ_DDIM || variance != NJ_VARIANCE_LEARNED_RANGE)
        assert_memory_equal(got, want, sizeof(got));
    for (int i = 0; i < IMAGES * VALUES; i++)
        assert_true(fabsf(got[i] - want[i]) <=
                    4e-7F * fmaxf(1, fabsf(want[i])));
    teardown(&b);
}

static void one_pass_gives_the_same(void **state)
{
    const nj_variance variances[] = {NJ_VARIANCE_LEARNED_RANGE,
                                     NJ_VARIANCE_FIXED_LARGE,
                                     NJ_VARIANCE_FIXED_SMALL};
    const size_t steps[] = {0, 5, 8, 19}; /* 19 is the last */

    (void)state;
    for (size_t v = 0; v < 3; v++)
        for (size_t k = 0; k < 4; k++)
            for (int guided = 0; guided < 2; guided++) {
                same_at_once(NJ_DDPM, variances[v], steps[k], guided);
                same_at_once(NJ_DDIM, variances[v], steps[k], guided);
            }
}

static void clamping_makes_eps_follow(void **state)
{
    struct bench b;
    nj_look look;
    float x[IMAGES * VALUES];
    float x0[IMAGES * VALUES];
    float eps[IMAGES * VALUES];

    (void)state;
    setup(&b, NJ_VARIANCE_LEARNED_RANGE, 0);
    look = (nj_look){.step = &b.steps.at[5], .x = wave(b.scope, 0)};
    nj_predict(b.scope, &look, output(b.scope), true);
    read(b.scope, look.x, x);
    read(b.scope, look.x0, x0);
    read(b.scope, look.eps, eps);
    for (int i = 0; i < IMAGES * VALUES; i++) {
        assert_true(fabsf(x0[i]) <= 1);
        near(look.step->recip * (double)x[i] -
                 look.step->recipm1 * (double)eps[i],
             (double)x0[i]);
    }
    teardown(&b);
}

/* Noise alone decides what the last step must not add. */
static void last_step_adds_no_noise(void **state)
{
    static const nj_sampler kinds[] = {NJ_DDPM, NJ_DDIM, NJ_PLMS};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        const nj_sampler_config config = {.kind = kinds[i], .plms_order = 2};
        struct bench b;
        nj_sampler_run run;
        nj_look look;
        float got[IMAGES * VALUES];

        setup(&b, NJ_VARIANCE_LEARNED_RANGE, 1);
        look = (nj_look){.step = &b.steps.at[19], .x = wave(b.scope, 0)};
        nj_predict(b.scope, &look, output(b.scope), false);
        nj_sampler_init(&run, b.scope, &config);
        assert_false(nj_sampler_looks_ahead(&run, look.step));
        read(b.scope, nj_sampler_step(b.scope, &run, &look, NULL, NULL), got);
        for (int k = 0; k < IMAGES * VALUES; k++)
            assert_true(isfinite(got[k]));
        teardown(&b);
    }
}

/* One PLMS step from a look whose eps is `phase`. */
static void plms_step(struct bench *b, nj_sampler_run *run, size_t k,
                      double phase, float *out)
{
    const th_tensor *both[2] = {wave(b->scope, phase), wave(b->scope, 2)};
    nj_look look = {.step = &b->steps.at[k], .x = wave(b->scope, 0)};
    nj_look ahead = {.step = &b->steps.at[k + 1], .x = wave(b->scope, .1)};
    bool first = nj_sampler_looks_ahead(run, look.step);

    nj_predict(b->scope, &look, th_cat(b->scope, both, 2, 1), false);
    nj_predict(b->scope, &ahead, output(b->scope), false);
    read(b->scope,
         nj_sampler_step(b->scope, run, &look, first ? &ahead : NULL, NULL),
         out);
}

static void plms_uses_its_history(void **state)
{
    const nj_sampler_config config = {.kind = NJ_PLMS, .plms_order = 3};
    const double phases[4] = {.3, .5, .9, 1.4};
    struct bench b;
    nj_sampler_run run;
    float got[4][IMAGES * VALUES];

    (void)state;
    setup(&b, NJ_VARIANCE_LEARNED_RANGE, 0);
    nj_sampler_init(&run, b.scope, &config);
    for (size_t k = 0; k < 4; k++)
        plms_step(&b, &run, k, phases[k], got[k]);
    for (int i = 0; i < IMAGES * VALUES; i++) {
        const nj_step *at = b.steps.at;
        double e[4];
        double mixed[4];

        for (int k = 0; k < 4; k++)
            e[k] = sin(1.7 * i + phases[k]);
        mixed[0] = (e[0] + sin(1.7 * i + 1)) / 2;
        mixed[1] = (3 * e[1] - e[0]) / 2;
        mixed[2] = (23 * e[2] - 16 * e[1] + 5 * e[0]) / 12;
        mixed[3] = (23 * e[3] - 16 * e[2] + 5 * e[1]) / 12;
        for (int k = 0; k < 4; k++)
            near((double)got[k][i],
                 at[k].ddim_x0 * (at[k].recip * sin(1.7 * i) -
                                  at[k].recipm1 * mixed[k]) +
                     at[k].plain_eps * mixed[k]);
    }
    teardown(&b);
}

static void images_do_not_touch(void **state)
{
    const nj_sampler_config config = {.kind = NJ_DDPM};
    struct bench b;
    nj_sampler_run run;
    float both[IMAGES * VALUES];
    float alone[VALUES];

    (void)state;
    setup(&b, NJ_VARIANCE_LEARNED_RANGE, 0);
    for (int images = IMAGES; images > 0; images--) {
        nj_look look = {.step = &b.steps.at[2],
                        .x = th_narrow(b.scope, wave(b.scope, 0), 0,
                                       IMAGES - images, images)};
        th_tensor *y =
            th_narrow(b.scope, output(b.scope), 0, IMAGES - images, images);
        th_tensor *z =
            th_narrow(b.scope, wave(b.scope, 4), 0, IMAGES - images, images);

        nj_predict(b.scope, &look, y, false);
        nj_sampler_init(&run, b.scope, &config);
        th_read_f32(b.scope, nj_sampler_step(b.scope, &run, &look, NULL, z),
                    images == IMAGES ? both : alone, (size_t)images * VALUES);
    }
    assert_memory_equal(both + VALUES, alone, sizeof(alone));
    teardown(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ddpm_is_mean_guidance_and_noise),
        cmocka_unit_test(ddim_moves_along_guided_noise),
        cmocka_unit_test(one_pass_gives_the_same),
        cmocka_unit_test(clamping_makes_eps_follow),
        cmocka_unit_test(last_step_adds_no_noise),
        cmocka_unit_test(plms_uses_its_history),
        cmocka_unit_test(images_do_not_touch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
