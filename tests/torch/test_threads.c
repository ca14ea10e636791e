/* The loops of our own kernels are shared out: two threads compute, one does
 * not wait for it. Told from whose processor time it was, which does not
 * depend on how busy the machine is. */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TH_TEST(one_thread_is_alone),
        TH_TEST(two_threads_share),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
