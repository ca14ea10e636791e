/* Threads share the work, and their number changes no bit of a sum. That they
 * share it is told from whose processor time it was, which does not depend on
 * how busy the machine is. */
#include <time.h>

#include "torch/th_test.h"

static double seconds_of(clockid_t clock)
{
    struct timespec t;

    assert_int_equal(clock_gettime(clock, &t), 0);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The share of the processor time that other threads took for convolutions of
 * `side` x `side` taps: 1 goes the direct way, 3 Winograd's. */
static double share_of_others(th_scope *s, int threads, int64_t side)
{
    th_tensor *x = RANDOM(s, 1, SHAPE(1, 256, 32, 32));
    th_tensor *w = RANDOM(s, 2, SHAPE(256, 256, side, side));
    double all, own;

    th_set_threads(threads);
    th_conv2d(s, x, w, NULL, 1, (int)side / 2);
    all = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    own = seconds_of(CLOCK_THREAD_CPUTIME_ID);
    for (int i = 0; i < 10; i++)
        th_conv2d(s, x, w, NULL, 1, (int)side / 2);
    all = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - all;
    own = seconds_of(CLOCK_THREAD_CPUTIME_ID) - own;
    OK(s);
    return (all - own) / all;
}

static void two_threads_share(void **state)
{
    for (int64_t side = 1; side <= 3; side += 2) {
        const double share = share_of_others(*state, 2, side);

        if (share < 0.3 || share > 0.7)
            fail_msg("side %d: the second thread did %.0f %% of the work",
                     (int)side, 100 * share);
    }
}

static void one_thread_is_alone(void **state)
{
    assert_true(share_of_others(*state, 1, 3) < 0.05);
}

/* Sums over `x`, one after the other, and the gradient of one number that was
 * spread over a picture of that size. */
enum { SUMS = 5 };

static void take_sums(th_scope *s, const th_tensor *x, int threads,
                      float out[SUMS])
{
    const int all[4] = {0, 1, 2, 3};
    const int64_t n = (int64_t)th_elements(x);
    const int64_t shape[4] = {th_size(x, 0), th_size(x, 1), th_size(x, 2),
                              th_size(x, 3)};
    const th_tensor *one = th_leaf(s, RANDOM(s, 9, SHAPE(1, 1, 1, 1)), true);
    const th_tensor *y = th_mul(s, th_expand(s, one, 4, shape), x);

    th_set_threads(threads);
    th_read_f32(s, th_sum(s, x), out, 1);
    th_read_f32(s, th_mean_dims(s, x, 4, all, false), out + 1, 1);
    th_read_f32(s, th_sum_dims(s, x, 4, all, false), out + 2, 1);
    th_read_f32(s, th_norm(s, th_reshape(s, x, 1, &n), 0, false), out + 3, 1);
    th_read_f32(s, th_grad(s, y, NULL, one), out + 4, 1);
}

static void sums_are_the_same(void **state)
{
    th_scope *s = *state;
    const th_tensor *x = RANDOM(s, 3, SHAPE(1, 3, 311, 307));
    float want[SUMS] = {0};

    take_sums(s, x, 1, want);
    for (int threads = 2; threads <= 5; threads++) {
        float got[SUMS] = {0};

        take_sums(s, x, threads, got);
        OK(s);
        assert_memory_equal(got, want, sizeof(want));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TH_TEST(one_thread_is_alone),
        TH_TEST(two_threads_share),
        TH_TEST(sums_are_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
