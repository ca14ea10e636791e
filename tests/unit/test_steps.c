/* Steps: figures of each sampler at known points, the start, and skipping. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "diffusion/steps.h"

static void near(double got, double want)
{
    assert_true(fabs(got - want) <= 1e-9 * fmax(1, fabs(want)));
}

static nj_schedule ddim50(void)
{
    const nj_schedule_config config = {NJ_BETA_LINEAR, 1000, true, "ddim50"};
    nj_schedule s;

    assert_int_equal(nj_schedule_init(&s, &config, NULL), NJ_OK);
    return s;
}

static nj_steps make(const nj_schedule *schedule, nj_steps_config config)
{
    nj_steps s;

    assert_int_equal(nj_steps_init(&s, schedule, &config, NULL), NJ_OK);
    return s;
}

static void steps_fall_to_zero(void **state)
{
    nj_schedule schedule = ddim50();
    nj_steps s = make(&schedule, (nj_steps_config){.skip = 8});

    (void)state;
    assert_int_equal(s.count, 42);
    assert_int_equal(s.at[0].index, 41);
    assert_int_equal(s.at[0].timestep, 820);
    assert_true(s.at[0].model_timestep == 820.0F);
    assert_false(s.at[40].last);
    assert_int_equal(s.at[41].index, 0);
    assert_true(s.at[41].last);
    nj_steps_release(&s);
    nj_schedule_release(&schedule);
}

/* x0, mean and moves hang together: with the true x0 and eps of
 * x = sqrt(ab) x0 + sqrt(1-ab) eps the plain move gives the same picture with
 * the next step's noise. */
static void moves_keep_picture_and_noise(void **state)
{
    nj_schedule schedule = ddim50();
    nj_steps s = make(&schedule, (nj_steps_config){.skip = 0});

    (void)state;
    for (size_t k = 0; k < s.count; k++) {
        const nj_step *step = &s.at[k];
        size_t i = (size_t)step->index;
        double x = sqrt(schedule.alphas_cumprod[i]) * .3 + step->sigma * -.7;

        near(step->recip * x - step->recipm1 * -.7, .3);
        near(step->ddim_x0, sqrt(schedule.alphas_cumprod_prev[i]));
        near(step->ddim_x0 * step->ddim_x0 + step->plain_eps * step->plain_eps,
             1);
        near(step->ddim_eps, step->plain_eps);
        near(step->ddim_z, 0);
    }
    nj_steps_release(&s);
    nj_schedule_release(&schedule);
}

/* With eta 1 DDIM's noise is that of DDPM's small variance. */
static void eta_one_is_ddpm(void **state)
{
    nj_schedule schedule = ddim50();
    nj_steps s =
        make(&schedule,
             (nj_steps_config){.eta = 1, .variance = NJ_VARIANCE_FIXED_SMALL});

    (void)state;
    for (size_t k = 0; k + 1 < s.count; k++) {
        near(s.at[k].ddim_z, s.at[k].deviation);
        near(s.at[k].variance, s.at[k].deviation * s.at[k].deviation);
    }
    assert_true(s.at[49].variance == 0);
    assert_true(s.at[49].deviation > 0);
    nj_steps_release(&s);
    nj_schedule_release(&schedule);
}

static void variances_lie_between_their_ends(void **state)
{
    nj_schedule schedule = ddim50();
    nj_steps s =
        make(&schedule, (nj_steps_config){.variance = NJ_VARIANCE_FIXED_LARGE});

    (void)state;
    for (size_t k = 0; k < s.count; k++) {
        size_t i = (size_t)s.at[k].index;

        near(s.at[k].log_variance_max, log(schedule.betas[i]));
        near(s.at[k].log_variance_min,
             schedule.posterior_log_variance_clipped[i]);
        near(s.at[k].variance,
             i ? schedule.betas[i] : schedule.posterior_variance[1]);
    }
    nj_steps_release(&s);
    nj_schedule_release(&schedule);
}

static void start_mixes_picture_and_noise(void **state)
{
    nj_schedule schedule = ddim50();
    nj_steps plain = make(&schedule, (nj_steps_config){.skip = 0});
    nj_steps skips = make(&schedule, (nj_steps_config){.skip = 10});
    nj_steps init = make(&schedule, (nj_steps_config){.init = true});

    (void)state;
    near(plain.start_noise, 1);
    near(plain.start_image, 0);
    near(skips.start_image, sqrt(schedule.alphas_cumprod[39]));
    near(skips.start_noise, sqrt(1 - schedule.alphas_cumprod[39]));
    near(init.start_image, sqrt(schedule.alphas_cumprod[49]));
    nj_steps_release(&plain);
    nj_steps_release(&skips);
    nj_steps_release(&init);
    nj_schedule_release(&schedule);
}

static void refuses_to_skip_all(void **state)
{
    nj_schedule schedule = ddim50();
    nj_steps s;
    nj_err err = {0};

    (void)state;
    assert_int_equal(
        nj_steps_init(&s, &schedule, &(nj_steps_config){.skip = 50}, &err),
        NJ_E_USAGE);
    assert_non_null(strstr(err.text, "cannot skip 50 of 50"));
    nj_schedule_release(&schedule);
}

static void plms_weights_sum_to_one(void **state)
{
    (void)state;
    for (int order = 1; order <= NJ_PLMS_ORDER_MAX; order++) {
        const double *w = nj_plms_weights(order);
        double sum = 0;
        double slope = 0;

        for (int i = 0; i < order; i++) {
            sum += w[i];
            slope += w[i] * -i;
        }
        near(sum, 1);
        /* Exact for a straight line: its mean over the step ahead. */
        if (order > 1)
            near(slope, .5);
    }
    near(nj_plms_weights(4)[3], -9. / 24);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_fall_to_zero),
        cmocka_unit_test(moves_keep_picture_and_noise),
        cmocka_unit_test(eta_one_is_ddpm),
        cmocka_unit_test(variances_lie_between_their_ends),
        cmocka_unit_test(start_mixes_picture_and_noise),
        cmocka_unit_test(refuses_to_skip_all),
        cmocka_unit_test(plms_weights_sum_to_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
