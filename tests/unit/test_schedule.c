/* Schedules and respacing: known figures of the linear schedule, every form of
 * respacing, and what is refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "diffusion/schedule.h"

static void relative(double got, double want, double tolerance)
{
    assert_true(fabs(got - want) <= tolerance * fabs(want));
}

static nj_schedule make(const char *respacing, nj_beta_schedule kind, int base)
{
    const nj_schedule_config config = {kind, base, true, respacing};
    nj_schedule s;
    nj_err err = {0};

    assert_int_equal(nj_schedule_init(&s, &config, &err), NJ_OK);
    return s;
}

/* Figures of guided-diffusion's linear schedule. */
static void linear_schedule(void **state)
{
    nj_schedule s = make("1000", NJ_BETA_LINEAR, 1000);

    (void)state;
    assert_int_equal(s.count, 1000);
    relative(s.betas[0], 1e-4, 1e-12);
    relative(s.betas[999], .02, 1e-12);
    relative(s.alphas_cumprod[999], 4.03583e-5, 1e-6);
    relative(s.sqrt_recipm1_alphas_cumprod[500], 3.442967, 1e-6);
    relative(s.sqrt_one_minus_alphas_cumprod[250], .691793, 1e-6);
    assert_true(s.posterior_variance[0] == 0);
    assert_true(s.posterior_log_variance_clipped[0] ==
                s.posterior_log_variance_clipped[1]);
    nj_schedule_release(&s);
}

static void respaced_chain_keeps_alpha_bar(void **state)
{
    nj_schedule whole = make("1000", NJ_BETA_LINEAR, 1000);
    nj_schedule s = make("ddim50", NJ_BETA_LINEAR, 1000);

    (void)state;
    assert_int_equal(s.count, 50);
    for (size_t i = 0; i < s.count; i++) {
        assert_int_equal(s.timesteps[i], 20 * i);
        relative(s.alphas_cumprod[i], whole.alphas_cumprod[20 * i], 1e-12);
    }
    relative(s.betas[1], .006165187946595374, 1e-11);
    relative(s.posterior_variance[1], 9.841356296513845e-05, 1e-11);
    nj_schedule_release(&whole);
    nj_schedule_release(&s);
}

static void timesteps_are_rescaled(void **state)
{
    nj_schedule s = make("48", NJ_BETA_LINEAR, 960);

    (void)state;
    assert_int_equal(s.timesteps[47], 959);
    assert_true(fabsf(s.model_timesteps[47] - 998.9583F) < 1e-3F);
    nj_schedule_release(&s);
}

static void cosine_schedule_is_capped(void **state)
{
    nj_schedule s = make("1000", NJ_BETA_COSINE, 1000);

    (void)state;
    relative(s.betas[999], .999, 1e-9);
    relative(s.betas[0], 4.128422482e-05, 1e-8);
    nj_schedule_release(&s);
}

static void keeps(const char *respacing, const int *first, size_t n,
                  size_t count, int last)
{
    int *steps = NULL;
    size_t got = 0;
    nj_err err = {0};

    assert_int_equal(nj_respace(respacing, 1000, &steps, &got, &err), NJ_OK);
    assert_int_equal(got, count);
    assert_memory_equal(steps, first, n * sizeof(*first));
    assert_int_equal(steps[got - 1], last);
    free(steps);
}

static void every_form_of_respacing(void **state)
{
    (void)state;
    keeps("25", (int[]){0, 42, 83, 125}, 4, 25, 999);
    keeps("50", (int[]){0, 20, 41, 61, 82, 102}, 6, 50, 999);
    keeps("250", (int[]){0, 4, 8, 12}, 4, 250, 999);
    keeps("24,48,64", (int[]){0, 14, 29}, 3, 136, 999);
    keeps("1,1", (int[]){0, 500}, 2, 2, 500);
    keeps("0,10", (int[]){500}, 1, 10, 999);
    keeps("ddim100", (int[]){0, 10, 20}, 3, 100, 990);
    keeps("ddim250", (int[]){0, 4, 8}, 3, 250, 996);
}

static void refuses_what_has_no_solution(void **state)
{
    static const char *const bad[] = {
        "",
        "x",
        "-5",
        "+5",
        " 25",
        "25 ",
        "25.0",
        "25,",
        ",25",
        "0",
        "1",
        "1,0",
        "1001",
        "500,501",
        "ddim",
        "ddim0",
        "ddim1",
        "ddim37",
        "DDIM50",
        "ddim 50",
        "ddim50,50",
        "4294967296",
        "99999999999999999999",
    };
    int *steps = NULL;
    size_t count;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        nj_err err = {0};

        assert_int_equal(nj_respace(bad[i], 1000, &steps, &count, &err),
                         NJ_E_USAGE);
        assert_non_null(strstr(err.text, bad[i]));
        assert_null(steps);
    }
}

static void refuses_too_few_base_steps(void **state)
{
    const nj_schedule_config config = {NJ_BETA_LINEAR, 10, false, "5"};
    nj_schedule s;
    nj_err err = {0};

    (void)state;
    assert_int_equal(nj_schedule_init(&s, &config, &err), NJ_E_USAGE);
    assert_non_null(strstr(err.text, "10 diffusion steps"));
    assert_null(s.betas);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_schedule),
        cmocka_unit_test(respaced_chain_keeps_alpha_bar),
        cmocka_unit_test(timesteps_are_rescaled),
        cmocka_unit_test(cosine_schedule_is_capped),
        cmocka_unit_test(every_form_of_respacing),
        cmocka_unit_test(refuses_what_has_no_solution),
        cmocka_unit_test(refuses_too_few_base_steps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
