/* LPIPS and the secondary model: files that do not fit, and the gradient where
 * a network is blind. */
#include "model/lpips_vgg.h"
#include "model/model_test.h"
#include "model/secondary.h"

#define OTHER FIXTURES "unet/class_cond/model.pt"

static void refuse_other_networks(void **state)
{
    nj_weights *w = open_weights(OTHER);
    nj_secondary *n;
    nj_err err = {0};

    (void)state;
    assert_int_equal(nj_secondary_new(w, NJ_F32, cpu, &n, &err), NJ_E_FORMAT);
    assert_null(n);
    assert_string_equal(err.text, "tensor 'timestep_embed.weight' is missing, "
                                  "expected shape [8,1]");
    assert_int_equal(nj_lpips_check(w, w, &err), NJ_E_FORMAT);
    assert_string_equal(err.text, "tensor 'features.0.weight' is missing, "
                                  "expected shape [64,3,3,3]");
    nj_weights_free(w);
}

static nj_view zeros_of(const char *name, const float *zeros, int64_t out,
                        int64_t in, int64_t side)
{
    return (nj_view){
        .name = name,
        .data = zeros,
        .dtype = NJ_F32,
        .ndim = in ? 4 : 1,
        .shape = {out, in, side, side},
        .stride = {in ? in * side * side : 1, side * side, side, 1}};
}

/* VGG16 and heads with all weights zero; `classifier` as the public file. */
static nj_weights *blind_network(void)
{
    static const int numbers[13] = {0,  2,  5,  7,  10, 12, 14,
                                    17, 19, 21, 24, 26, 28};
    static const int channels[13] = {64,  64,  128, 128, 256, 256, 256,
                                     512, 512, 512, 512, 512, 512};
    static const int heads[5] = {64, 128, 256, 512, 512};
    static char names[32][32];
    float *zeros = calloc((size_t)512 * 512 * 9, sizeof(*zeros));
    nj_view views[32];
    nj_weights *w;
    size_t n = 0;

    assert_non_null(zeros);
    for (int i = 0; i < 13; i++) {
        int in = i ? channels[i - 1] : 3;

        snprintf(names[n], 32, "features.%d.weight", numbers[i]);
        views[n] = zeros_of(names[n], zeros, channels[i], in, 3);
        n++;
        snprintf(names[n], 32, "features.%d.bias", numbers[i]);
        views[n] = zeros_of(names[n], zeros, channels[i], 0, 0);
        n++;
    }
    for (int i = 0; i < 5; i++, n++) {
        snprintf(names[n], 32, "lin%d.model.1.weight", i);
        views[n] = zeros_of(names[n], zeros, 1, heads[i], 1);
    }
    views[n] = zeros_of("classifier.0.bias", zeros, 4096, 0, 0);
    w = weights_of(views, n + 1);
    free(zeros);
    return w;
}

/* The length of an all-zero pixel has no slope; the gradient must be 0 there,
 * not NaN. */
static void gradient_of_a_blind_network_is_zero(void **state)
{
    th_scope *s = *state;
    nj_weights *w = blind_network();
    nj_lpips *n = NULL;
    nj_err err = {0};
    th_tensor *image =
        th_leaf(s, random_tensor(s, 1, SHAPE(1, 3, 16, 16)), true);
    nj_lpips_features looked;
    th_tensor *d;
    th_tensor *grad;

    if (nj_lpips_new(w, w, NJ_F32, cpu, &n, &err) != NJ_OK)
        fail_msg("%s", err.text);
    looked = nj_lpips_look(s, n, image, NULL);
    d = nj_lpips_distances(s, n, &looked, &looked);
    EXPECT(s, d, 0, 0, 0, 0, 0, 0);
    grad = th_grad(s, d, NULL, image);
    assert_true(th_all_finite(s, grad));
    EXPECT(s, th_sum(s, th_abs(s, grad)), 0, 0);
    nj_lpips_free(n);
    nj_weights_free(w);
}

static void noise_level_is_an_angle(void **state)
{
    (void)state;
    assert_true(fabs(nj_secondary_t(1, 0)) < 1e-12);
    assert_true(fabs(nj_secondary_t(0, 1) - 1) < 1e-12);
    assert_true(fabs(nj_secondary_t(sqrt(0.5), sqrt(0.5)) - 0.5) < 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TH_TEST(refuse_other_networks),
        TH_TEST(gradient_of_a_blind_network_is_zero),
        TH_TEST(noise_level_is_an_angle),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
