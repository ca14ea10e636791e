/* The engine on a GPU: the same bytes each time and beside other images, and
 * pictures like the CPU's. Skipped without a GPU. */
#include "engine/engine_bench.h"
#include "torch/th_recorded.h"

/* All ways of cutting, augmenting and sampling. */
static const nj_settings *all_settings(size_t *count)
{
    static nj_settings all[5];

    for (size_t i = 0; i < 5; i++) {
        all[i] = plain_settings();
        all[i].batch_size = 3;
        all[i].clamp_max = .05;
    }
    all[1].cutouts = NJ_CUTOUTS_RUSSELL;
    all[1].gradient = NJ_GRADIENT_X_IN;
    all[1].skip_augs = false;
    all[2].sampler = NJ_DDIM;
    all[2].eta = .6;
    all[2].clip_denoised = true;
    all[3].sampler = NJ_PLMS;
    all[4].cutouts = NJ_CUTOUTS_DISCO;
    all[4].skip_augs = false;
    all[4].cut_overview = 2;
    all[4].cut_innercut = 3;
    all[4].cut_ic_pow = 1;
    *count = 5;
    return all;
}

static struct job alone(const nj_settings *settings)
{
    return (struct job){.settings = settings,
                        .prompts = {"the hill"},
                        .seeds = {18446744073709551615U},
                        .images = 1};
}

static size_t differing(const uint8_t *a, const uint8_t *b)
{
    size_t n = 0;

    for (size_t i = 0; i < BYTES; i++)
        n += a[i] != b[i];
    return n;
}

static void repeats(void **state)
{
    size_t count;
    const nj_settings *all = all_settings(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        const struct job one = alone(&all[i]);
        const struct job last = {
            .settings = &all[i],
            .prompts = {"gateway:2|dawn|red:-.5", "a green sun", "the hill"},
            .seeds = {5, 6, 18446744073709551615U},
            .images = 3};
        struct result *a = run(&one);
        struct result *again = run(&one);
        struct result *b = run(&last);

        print_message("settings %zu: %zu and %zu of %d bytes differ\n", i,
                      differing(a->rgb[0], again->rgb[0]),
                      differing(a->rgb[0], b->rgb[2]), BYTES);
        assert_int_equal(a->finished[0], 1);
        assert_int_equal(differing(a->rgb[0], again->rgb[0]), 0);
        assert_int_equal(differing(a->rgb[0], b->rgb[2]), 0);
        free(a);
        free(again);
        free(b);
    }
}

/* Launched one by one, recorded and played back: the same kernels. */
static void plays_the_same(void **state)
{
    size_t count;
    const nj_settings *all = all_settings(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        struct job job = alone(&all[i]);
        struct result *launched;

        job.saving.launch = true;
        launched = run(&job);
        assert_int_equal(th_graphs(), 0);
        job.saving.launch = false;
        for (int round = 0; round < 4; round++) {
            struct result *played;

            job.saving.recompute = round > 1;
            played = run(&job);
            print_message("settings %zu: %zu of %d bytes differ, %d graphs\n",
                          i, differing(launched->rgb[0], played->rgb[0]), BYTES,
                          (int)th_graphs());
            assert_int_equal(differing(launched->rgb[0], played->rgb[0]), 0);
            assert_true(launched->clip_loss[0] == played->clip_loss[0]);
            assert_true(th_graphs() >= 4);
            free(played);
        }
        free(launched);
    }
}

/* Largest and mean difference of two pictures' bytes. */
static void apart(const struct result *a, const struct result *b, int *largest,
                  double *mean)
{
    *largest = 0;
    *mean = 0;
    for (size_t i = 0; i < BYTES; i++) {
        int d = abs(a->rgb[0][i] - b->rgb[0][i]);

        *largest = d > *largest ? d : *largest;
        *mean += (double)d / BYTES;
    }
}

static struct result *run_on(nj_device_kind device, nj_precision precision,
                             const nj_settings *settings)
{
    const struct job job = alone(settings);
    struct result *r;

    close_engine(NULL);
    bench_device = device;
    bench_precision = precision;
    open_engine(NULL);
    r = run(&job);
    return r;
}

/* float32 differs from the CPU by the order of sums, smaller types by their
 * rounding, which five guided steps of a random network make much of: bfloat16
 * can only be told from pictures that have nothing in common (a mean of 85). */
static void like_the_cpu(void **state)
{
    static const struct {
        nj_precision precision;
        int largest;
        double mean;
    } rows[] = {{NJ_PRECISION_FP32, 2, .02},
                {NJ_PRECISION_FP16, 16, .5},
                {NJ_PRECISION_BF16, 255, 30}};
    size_t count;
    const nj_settings *all = all_settings(&count);
    bool alike = true;

    (void)state;
    for (size_t i = 0; i < count; i++) {
        struct result *want = run_on(NJ_DEVICE_CPU, NJ_PRECISION_FP32, &all[i]);

        for (size_t p = 0; p < sizeof(rows) / sizeof(rows[0]); p++) {
            struct result *got =
                run_on(NJ_DEVICE_CUDA, rows[p].precision, &all[i]);
            int largest;
            double mean;

            apart(got, want, &largest, &mean);
            print_message("settings %zu, precision %d: at most %d, mean %.3f\n",
                          i, (int)rows[p].precision, largest, mean);
            alike = alike && largest <= rows[p].largest && mean <= rows[p].mean;
            free(got);
        }
        free(want);
    }
    assert_true(alike);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repeats),
        cmocka_unit_test(plays_the_same),
        cmocka_unit_test(like_the_cpu),
    };

    if (th_cuda_count() == 0)
        return 77;
    bench_device = NJ_DEVICE_CUDA;
    return cmocka_run_group_tests(tests, open_engine, close_engine);
}
