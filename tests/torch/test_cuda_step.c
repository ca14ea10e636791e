/* What a step has besides networks, on a GPU: uploads, noise and the sampler's
 * update. Skipped without a GPU. */
#include "torch/th_test.h"

static const th_device gpu = {TH_CUDA, 0};

/* Several uploads in a row, each from memory that is used again at once. */
static void uploads_arrive(void **state)
{
    enum { N = 1 << 20, TIMES = 8 };
    th_scope *s = *state;
    th_tensor *there[TIMES];
    float *values = malloc(N * sizeof(*values));

    assert_non_null(values);
    for (int k = 0; k < TIMES; k++) {
        th_scope *t = th_scope_new(s);

        for (int i = 0; i < N; i++)
            values[i] = (float)(i + k);
        there[k] =
            th_keep(s, th_to(t, th_from_data(t, NJ_F32, SHAPE(N), values),
                             NJ_F32, gpu));
        th_scope_free(t);
    }
    for (int k = 0; k < TIMES; k++) {
        th_read_f32(s, there[k], values, N);
        OK(s);
        for (int i = 0; i < N; i++)
            if (values[i] != (float)(i + k))
                fail_msg("number %d of upload %d is %g", i, k,
                         (double)values[i]);
    }
    free(values);
}

static void noise_has_the_cpus_bytes(void **state)
{
    enum { N = 3 * 100 * 1001 };
    th_scope *s = *state;
    const uint64_t seeds[2] = {18446744073709551615U, 1};
    const th_normals from = {seeds, 999, 1, 3, 77};
    float *want = malloc(2 * N * sizeof(*want));
    float *got = malloc(2 * N * sizeof(*got));

    assert_non_null(want);
    assert_non_null(got);
    th_read_f32(s, th_philox_normals(s, &from, cpu, SHAPE(2, 3, 100, 1001)),
                want, 2 * N);
    th_read_f32(s, th_philox_normals(s, &from, gpu, SHAPE(2, 3, 100, 1001)),
                got, 2 * N);
    OK(s);
    assert_memory_equal(got, want, 2 * N * sizeof(*got));
    free(want);
    free(got);
}

/* 40 pictures take two launches. */
static void added_noise_has_the_cpus_bytes(void **state)
{
    enum { PICTURES = 40 };
    th_scope *s = *state;
    const uint64_t seed = 77;
    th_normals each[PICTURES];
    const th_tensor *x = RANDOM(s, 1, SHAPE(PICTURES, 3, 33, 31));

    for (uint32_t b = 0; b < PICTURES; b++)
        each[b] = (th_normals){&seed, 5, 1, b % 2, 1000 * b};
    assert_true(max_difference(
                    s, th_add_normals(s, th_to(s, x, NJ_F32, gpu), .01, each),
                    th_add_normals(s, x, .01, each)) == 0);
    OK(s);
}

/* The sampler's step; its kinds and layouts are compared on the CPU with the
 * operations that it stands for (engine/test_sampler.c). */
static void sampler_updates_like_the_cpu(void **state)
{
    th_scope *s = *state;
    const th_update_kind kinds[] = {TH_UPDATE_LEARNED, TH_UPDATE_FIXED,
                                    TH_UPDATE_DDIM};

    for (int i = 0; i < 6; i++) {
        th_update u = {.kind = kinds[i / 2],
                       .mean_x0 = .3,
                       .mean_x = .7,
                       .variance = .01,
                       .deviation = .1,
                       .middle = -4,
                       .reach = .5,
                       .recip = 1.3,
                       .recipm1 = .8,
                       .sigma = .6,
                       .ddim_x0 = .9,
                       .ddim_eps = .4,
                       .ddim_z = .2};
        const th_tensor **const inputs[] = {&u.x, &u.x0, &u.eps,
                                            &u.v, &u.g,  &u.z};
        th_tensor *want;

        for (uint32_t k = 0; k < 6; k++) {
            th_tensor *t = RANDOM(s, k, SHAPE(2, 6, 9, 7)); /* channels last */

            t = th_narrow(s, k % 2 ? t : th_contiguous(s, t), 1, k % 4, 3);
            *inputs[k] = k < 4 || i % 2 ? t : NULL;
        }
        want = th_sampler_update(s, &u);
        for (int k = 0; k < 6; k++)
            if (*inputs[k])
                *inputs[k] = th_to(s, *inputs[k], NJ_F32, gpu);
        expect_close(s, th_sampler_update(s, &u), want, 1e-5);
        OK(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TH_TEST(uploads_arrive),
        TH_TEST(noise_has_the_cpus_bytes),
        TH_TEST(added_noise_has_the_cpus_bytes),
        TH_TEST(sampler_updates_like_the_cpu),
    };

    if (th_cuda_count() == 0)
        return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
