/* Gradients: every function that has one against central differences, and
 * what the graph may and may not do. */
#include "torch/th_test.h"

typedef th_tensor *layer(th_scope *s, const th_tensor *x);

static th_tensor *conv(th_scope *s, const th_tensor *x)
{
    return th_conv2d(s, x, RANDOM(s, 1, SHAPE(5, 4, 3, 3)),
                     RANDOM(s, 2, SHAPE(5)), 1, 1);
}

static th_tensor *conv_stride(th_scope *s, const th_tensor *x)
{
    return th_conv2d(s, x, RANDOM(s, 1, SHAPE(3, 4, 3, 3)), NULL, 2, 1);
}

/* x as what is added, as the input, and as both. */
static th_tensor *conv_add(th_scope *s, const th_tensor *x)
{
    const th_tensor *w = RANDOM(s, 1, SHAPE(4, 4, 3, 3));
    const th_tensor *b = RANDOM(s, 2, SHAPE(4));
    const th_tensor *other =
        random_tensor(s, 3, 4,
                      (const int64_t[]){th_size(x, 0), th_size(x, 1),
                                        th_size(x, 2), th_size(x, 3)});
    const th_tensor *added = th_conv2d_add(s, other, w, b, 1, x);
    const th_tensor *input = th_conv2d_add(s, x, w, b, 1, other);

    return th_add(s, th_mul(s, added, input),
                  th_conv2d_add(s, x, w, NULL, 1, x));
}

static th_tensor *norm(th_scope *s, const th_tensor *x)
{
    return th_group_norm_silu(
        s, x,
        &(th_group_norm){2, 1e-5, RANDOM(s, 1, SHAPE(4)),
                         RANDOM(s, 2, SHAPE(4)), RANDOM(s, 3, SHAPE(2, 4)),
                         RANDOM(s, 4, SHAPE(2, 4)), true, NULL});
}

static th_tensor *norm_only(th_scope *s, const th_tensor *x)
{
    return th_group_norm_silu(
        s, x, &(th_group_norm){4, 1e-3, NULL, NULL, NULL, NULL, false, NULL});
}

static th_tensor *layer_norm(th_scope *s, const th_tensor *x)
{
    return th_layer_norm(s, x, RANDOM(s, 1, SHAPE(5)), RANDOM(s, 2, SHAPE(5)),
                         1e-5);
}

static th_tensor *attention_q(th_scope *s, const th_tensor *x)
{
    return th_attention(s, x, RANDOM(s, 1, SHAPE(2, 4, 6, 5)),
                        RANDOM(s, 2, SHAPE(2, 4, 6, 5)), 0.7, false);
}

static th_tensor *attention_kv(th_scope *s, const th_tensor *x)
{
    return th_attention(s, RANDOM(s, 1, SHAPE(2, 4, 6, 5)), x, x, 0.7, true);
}

static th_tensor *attention_packed(th_scope *s, const th_tensor *x)
{
    return th_packed_attention(s, th_reshape(s, x, SHAPE(2, 4, 3, 2, 5)), 2, .7,
                               false);
}

static th_tensor *attention_by_heads(th_scope *s, const th_tensor *x)
{
    return th_packed_attention(s, th_reshape(s, x, SHAPE(2, 4, 2, 3, 5)), 3, .7,
                               true);
}

static th_tensor *linear(th_scope *s, const th_tensor *x)
{
    return th_linear(s, x, RANDOM(s, 1, SHAPE(3, 5)), RANDOM(s, 2, SHAPE(3)));
}

static th_tensor *avg_pool(th_scope *s, const th_tensor *x)
{
    return th_avg_pool2d(s, x, 2);
}

static th_tensor *max_pool(th_scope *s, const th_tensor *x)
{
    return th_max_pool2d(s, x, 2);
}

static th_tensor *nearest(th_scope *s, const th_tensor *x)
{
    return th_upsample_nearest2d(s, x, 12, 10);
}

static th_tensor *bilinear(th_scope *s, const th_tensor *x)
{
    return th_upsample_bilinear2d(s, x, 9, 4, false);
}

static th_tensor *project(th_scope *s, const th_tensor *x)
{
    const th_projection p = {.m = {.8, .4, 1, -.4, .9, 1, .03, -.02}};

    return th_project(s, x, &p);
}

static th_tensor *crop(th_scope *s, const th_tensor *x)
{
    return th_crop(s, x, 1, &(const th_window){2, 1, 3, 4});
}

static th_tensor *reflect(th_scope *s, const th_tensor *x)
{
    return th_pad2d(s, x, TH_PAD_REFLECT, 2, 1, 0, 3);
}

static th_tensor *replicate(th_scope *s, const th_tensor *x)
{
    return th_pad2d(s, x, TH_PAD_REPLICATE, 2, 1, 0, 3);
}

/* The elementary functions in one chain, on arguments inside their domains. */
static th_tensor *chain(th_scope *s, const th_tensor *x)
{
    th_tensor *a = th_add_scalar(s, th_mul_scalar(s, th_square(s, x), 0.3), 1);
    th_tensor *b = th_mul(s, a, th_exp(s, th_neg(s, th_sqrt(s, a))));
    th_tensor *c = th_atan2(s, th_sin(s, x), th_add(s, a, th_cos(s, b)));

    return th_sub(s, th_div(s, c, a), b);
}

static th_tensor *distance(th_scope *s, const th_tensor *x)
{
    return th_norm(s, x, 1, true);
}

static th_tensor *spread(th_scope *s, const th_tensor *x)
{
    th_tensor *m = th_mean_dims(s, x, 2, (const int[]){2, 3}, true);

    return th_add(s, th_sum_dims(s, x, 1, (const int[]){1}, true),
                  th_mul(s, m, th_sum(s, x)));
}

static const struct {
    const char *name;
    layer *f;
} layers[] = {
    {"conv2d", conv},
    {"conv2d stride 2", conv_stride},
    {"conv2d_add", conv_add},
    {"group_norm_silu", norm},
    {"group_norm", norm_only},
    {"layer_norm", layer_norm},
    {"attention q", attention_q},
    {"attention k, v", attention_kv},
    {"attention, packed", attention_packed},
    {"attention, by heads", attention_by_heads},
    {"linear", linear},
    {"silu", th_silu},
    {"quick_gelu", th_quick_gelu},
    {"gelu", th_gelu},
    {"avg_pool2d", avg_pool},
    {"max_pool2d", max_pool},
    {"upsample_nearest2d", nearest},
    {"upsample_bilinear2d", bilinear},
    {"project", project},
    {"crop", crop},
    {"pad2d reflect", reflect},
    {"pad2d replicate", replicate},
    {"chain", chain},
    {"norm", distance},
    {"sums", spread},
};

enum { N = 2 * 4 * 6 * 5 };

static const int64_t shape[] = {2, 4, 6, 5};

/* sum(f(x) * weights) in double, the weights fixed by a seed */
static double weighted(th_scope *outer, layer *f, const float *data)
{
    th_scope *s = th_scope_new(outer);
    th_tensor *y =
        f(s, th_channels_last(s, th_from_data(s, NJ_F32, 4, shape, data)));
    const size_t n = th_elements(y);
    float *values = malloc((n + 1) * sizeof(*values));
    float *weights = malloc((n + 1) * sizeof(*weights));
    double sum = 0;

    fill_random(weights, n, 77);
    th_read_f32(s, y, values, n);
    for (size_t i = 0; i < n; i++)
        sum += (double)values[i] * (double)weights[i];
    free(values);
    free(weights);
    th_scope_free(s);
    return sum;
}

static void gradient(th_scope *s, layer *f, const float *data, float *out)
{
    th_tensor *x = th_leaf(
        s, th_channels_last(s, th_from_data(s, NJ_F32, 4, shape, data)), true);
    th_tensor *y = f(s, x);
    const size_t n = th_elements(y);
    const int64_t count = (int64_t)n;
    float *weights = malloc((n + 1) * sizeof(*weights));
    th_tensor *g;

    fill_random(weights, n, 77);
    g = th_reshape(s, th_from_data(s, NJ_F32, 1, &count, weights), th_ndim(y),
                   (const int64_t[]){th_size(y, 0), th_size(y, 1),
                                     th_size(y, 2), th_size(y, 3)});
    th_read_f32(s, th_grad(s, y, g, x), out, N);
    free(weights);
    OK(s);
}

static void equals_differences(void **state)
{
    th_scope *s = *state;
    float data[N], grad[N];
    const float step = 4e-3f;
    int wrong = 0;

    fill_random(data, N, 5);
    for (size_t l = 0; l < sizeof(layers) / sizeof(layers[0]); l++) {
        gradient(s, layers[l].f, data, grad);
        for (int i = 0; i < N; i += 7) {
            const float kept = data[i];
            double up, down, want;

            data[i] = kept + step;
            up = weighted(s, layers[l].f, data);
            data[i] = kept - step;
            down = weighted(s, layers[l].f, data);
            data[i] = kept;
            want = (up - down) / (2 * (double)step);
            if (fabs((double)grad[i] - want) < 2e-3 * (1 + fabs(want)))
                continue;
            print_error("%s: d/dx[%d] is %g, differences give %g\n",
                        layers[l].name, i, (double)grad[i], want);
            wrong++;
        }
    }
    OK(s);
    assert_int_equal(wrong, 0);
}

/* Leaves, retained graphs, values on the way, and switched off recording. */
static void graph(void **state)
{
    th_scope *s = *state;
    th_tensor *x = th_leaf(s, TENSOR(s, SHAPE(2), 3, -2), true);
    th_tensor *h = th_square(s, x);
    th_tensor *y = th_mul_scalar(s, th_square(s, h), 2);
    bool old;

    EXPECT(s, th_grad_retain(s, y, NULL, x), 0, 216, -64);
    EXPECT(s, th_grad_retain(s, y, TENSOR(s, SHAPE(2), 0, 1), h), 0, 0, 16);
    EXPECT(s, th_grad(s, y, NULL, x), 0, 216, -64);
    assert_null(th_grad(s, y, NULL, x)); /* freed by the call before */
    assert_int_equal(th_scope_check(s, NULL), NJ_E_INTERNAL);
    th_scope_clear_error(s);
    assert_null(th_grad(s, th_square(s, th_leaf(s, x, false)), NULL, x));
    th_scope_clear_error(s);
    old = th_enable_grad(false);
    y = th_square(s, x);
    assert_true(old);
    assert_false(th_enable_grad(old));
    assert_null(th_grad(s, y, NULL, x));
    assert_int_equal(th_scope_check(s, NULL), NJ_E_INTERNAL);
}

static void refuses_weight_gradients(void **state)
{
    th_scope *s = *state;
    th_tensor *x = RANDOM(s, 1, SHAPE(1, 2, 3, 3));
    th_tensor *w = th_leaf(s, RANDOM(s, 1, SHAPE(2, 2, 1, 1)), true);

    assert_null(th_conv2d(s, x, w, NULL, 1, 0));
    assert_int_equal(th_scope_check(s, NULL), NJ_E_INTERNAL);
}

static void refuses_to_add_another_shape(void **state)
{
    th_scope *s = *state;
    th_tensor *x = RANDOM(s, 1, SHAPE(2, 2, 3, 3));
    th_tensor *w = RANDOM(s, 2, SHAPE(2, 2, 1, 1));

    assert_null(
        th_conv2d_add(s, x, w, NULL, 0, RANDOM(s, 3, SHAPE(1, 2, 3, 3))));
    assert_int_equal(th_scope_check(s, NULL), NJ_E_INTERNAL);
}

/* A tensor that was saved and then changed must not give a wrong gradient. */
static void notices_changes_in_place(void **state)
{
    th_scope *s = *state;
    th_tensor *x = th_leaf(s, TENSOR(s, SHAPE(2), 3, -2), true);
    th_tensor *h = th_neg(s, x);
    th_tensor *y = th_square(s, h);

    th_copy_(s, h, TENSOR(s, SHAPE(2), 0, 0));
    OK(s);
    assert_null(th_grad(s, y, NULL, x));
    assert_int_equal(th_scope_check(s, NULL), NJ_E_INTERNAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TH_TEST(equals_differences),
        TH_TEST(graph),
        TH_TEST(refuses_weight_gradients),
        TH_TEST(refuses_to_add_another_shape),
        TH_TEST(notices_changes_in_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
