/* The expressions of cuda/gate.h, which its kernels work with, against
 * libtorch's own gates and their gradients. */
#include "torch/th_test.h"

#include "cuda/gate.h"

enum { N = 400 };

static double sigmoid(double u)
{
    return 1 / (1 + exp(-u));
}

static void equals_the_operation(void **state, double k,
                                 th_tensor *gate(th_scope *, const th_tensor *))
{
    th_scope *s = *state;
    const th_tensor *x =
        th_leaf(s, th_mul_scalar(s, RANDOM(s, 1, SHAPE(N)), 12), true);
    const th_tensor *dy = RANDOM(s, 2, SHAPE(N));
    const th_tensor *y = gate(s, x);
    float in[N], grad[N], value[N], slope[N];

    th_read_f32(s, x, in, N);
    th_read_f32(s, dy, grad, N);
    th_read_f32(s, y, value, N);
    th_read_f32(s, th_grad(s, y, dy, x), slope, N);
    OK(s);
    for (int i = 0; i < N; i++) {
        const float u = (float)k * in[i];
        const float share = (float)sigmoid((double)u);

        assert_float_equal(nj_gate_value(in[i], share), value[i], 3e-6);
        assert_float_equal(grad[i] * nj_gate_slope(u, share), slope[i], 3e-6);
    }
}

static void is_silu(void **state)
{
    equals_the_operation(state, 1, th_silu);
}

static void is_quick_gelu(void **state)
{
    equals_the_operation(state, 1.702, th_quick_gelu);
}

static void is_libtorchs_gate(void **state)
{
    th_set_plain_autograd(true);
    is_silu(state);
    th_set_plain_autograd(false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TH_TEST(is_silu),
        TH_TEST(is_quick_gelu),
        TH_TEST(is_libtorchs_gate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
