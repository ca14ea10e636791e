/* th_recorded's memory for inputs, results and gradients, on the CPU, where
 * the block runs on it at each call. */
#include "torch/recorded_cases.h"

static int open_scope(void **state)
{
    th_set_playing_everywhere(true);
    return fresh_scope(state);
}

static int close_scope(void **state)
{
    th_set_playing_everywhere(false);
    th_scope_free(*state);
    return th_live() == 0 ? 0 : -1;
}

/* The error of a gradient, which must not be there. */
static void expect_refused(th_scope *s, const th_tensor *gradient,
                           const char *why)
{
    nj_err err = {0};

    assert_null(gradient);
    assert_int_equal(th_scope_check(s, &err), NJ_E_INTERNAL);
    assert_non_null(strstr(err.text, why));
    th_scope_clear_error(s);
}

static void calls_give_the_same_bytes(void **state)
{
    th_scope *s = *state;
    struct layers l = {RANDOM(s, 9, SHAPE(32, 32, 3, 3)), 0, false};
    const struct layers *at = &l;
    th_recording *r = th_recording_new(2, NULL, NULL);

    expect_calls_alike(s, cpu, r, &at);
    th_recording_free(r);
}

/* A third shape pushes the first out, which begins anew. */
static void shapes_take_turns(void **state)
{
    th_scope *s = *state;
    th_recording *r = th_recording_new(1, NULL, NULL);
    struct layers l = {RANDOM(s, 9, SHAPE(32, 32, 3, 3)), 0, false};
    const struct layers *at = &l;
    struct pass with = pass_of(s, cpu, r, &at, 1);
    bool grad = th_enable_grad(false);
    const th_tensor *both = RANDOM(s, 1, SHAPE(2, 2, 32, 8, 8));
    const th_tensor *in[2] = {th_select(s, both, 0, 0),
                              th_select(s, both, 0, 1)};

    for (int i = 0; i < 3; i++)
        expect_same_bytes(s, with.y, th_recorded(s, r, block, &at, in, 2));
    th_enable_grad(grad);
    expect_calls_alike(s, cpu, r, &at);
    th_recording_clear(r);
    expect_calls_alike(s, cpu, r, &at);
    th_recording_free(r);
}

static void late_gradients_are_refused(void **state)
{
    th_scope *s = *state;
    th_recording *r = th_recording_new(1, NULL, NULL);
    struct layers l = {RANDOM(s, 9, SHAPE(32, 32, 3, 3)), 0, false};
    const struct layers *at = &l;
    const th_tensor *in[2] = {
        th_leaf(s, RANDOM(s, 1, SHAPE(2, 32, 8, 8)), true),
        th_leaf(s, RANDOM(s, 2, SHAPE(2, 32, 8, 8)), true)};
    th_tensor *y[3];

    for (int i = 0; i < 3; i++)
        y[i] = th_recorded(s, r, block, &at, in, 2);
    th_grad(s, y[2], NULL, in[0]);
    OK(s);
    expect_refused(s, th_grad(s, y[1], NULL, in[0]),
                   "played again before its gradient");
    th_recording_free(r);
}

/* What the forward pass saved is gone when the backward pass is done. */
static void a_gradient_is_taken_once(void **state)
{
    th_scope *s = *state;
    th_recording *r = th_recording_new(1, NULL, NULL);
    struct layers l = {RANDOM(s, 9, SHAPE(32, 32, 3, 3)), 0, false};
    const struct layers *at = &l;
    const th_tensor *in[2] = {
        th_leaf(s, RANDOM(s, 1, SHAPE(2, 32, 8, 8)), true),
        th_leaf(s, RANDOM(s, 2, SHAPE(2, 32, 8, 8)), true)};
    th_tensor *y = NULL;

    for (int i = 0; i < 2; i++)
        y = th_recorded(s, r, block, &at, in, 2);
    th_grad_retain(s, y, NULL, in[0]);
    OK(s);
    expect_refused(s, th_grad_retain(s, y, NULL, in[1]),
                   "its gradient was taken twice");
    th_recording_free(r);
}

/* Recordings that share memory: each has its turn, forward and backward. */
static void recordings_share_memory(void **state)
{
    th_scope *s = *state;
    th_recording *a = th_recording_new(1, NULL, NULL);
    th_recording *b = th_recording_new(1, a, NULL);
    struct layers l = {RANDOM(s, 9, SHAPE(32, 32, 3, 3)), 0, false};
    const struct layers *at = &l;
    const th_tensor *in[2] = {
        th_leaf(s, RANDOM(s, 1, SHAPE(2, 32, 8, 8)), true),
        RANDOM(s, 2, SHAPE(2, 32, 8, 8))};
    th_tensor *y = NULL;

    expect_calls_alike(s, cpu, a, &at);
    expect_calls_alike(s, cpu, b, &at);
    expect_calls_alike(s, cpu, a, &at);
    for (int i = 0; i < 2; i++)
        y = th_recorded(s, a, block, &at, in, 2);
    for (int i = 0; i < 2; i++)
        th_recorded(s, b, block, &at, in, 2);
    OK(s);
    expect_refused(s, th_grad(s, y, NULL, in[0]),
                   "played again before its gradient");
    th_recording_free(a);
    expect_calls_alike(s, cpu, b, &at);
    th_recording_free(b);
}

static void recordings_lie_within(void **state)
{
    th_scope *s = *state;
    th_recording *outer = th_recording_new(1, NULL, NULL);
    th_recording *inner = th_recording_new(2, NULL, outer);
    struct layers l = {RANDOM(s, 9, SHAPE(32, 32, 3, 3)), 0, false};
    const struct layers *at = &l;
    struct pass around = {.side = 16};
    struct pass within = {.side = 8};

    expect_nested_alike(s, cpu, outer, inner, &at);
    go_forward(s, cpu, outer, &at, &around, 1);
    go_forward(s, cpu, inner, &at, &within, 2);
    go_back(s, cpu, &around, 1);
    expect_refused(s, th_grad(s, within.y, NULL, within.both),
                   "the pass around it was over");
    th_recording_free(outer);
    expect_calls_alike(s, cpu, inner, &at);
    th_recording_free(inner);
}

/* Bytes that are kept for gradients when a pass begins, and its passes. */
struct kept {
    int runs;
    int64_t bytes;
};

static th_tensor *look_and_square(th_scope *s, const void *user,
                                  const th_tensor *const *in)
{
    struct kept *k = *(struct kept *const *)user;

    k->runs++;
    k->bytes = th_saved_bytes();
    return th_square(s, in[0]);
}

/* The memory of a pass whose gradient nobody took is there for the next. */
static void passes_follow_each_other(void **state)
{
    th_scope *s = *state;
    th_recording *r = th_recording_new(1, NULL, NULL);
    struct kept k = {0};
    struct kept *at = &k;
    const th_tensor *x = th_leaf(s, RANDOM(s, 1, SHAPE(64)), true);

    for (int i = 0; i < 3; i++) {
        th_scope *t = th_scope_new(s);

        th_recorded(t, r, look_and_square, &at, &x, 1);
        OK(t);
        th_scope_free(t);
    }
    assert_int_equal(k.runs, 3);
    assert_int_equal(k.bytes, 0);
    th_recording_free(r);
}

static void errors_of_the_block_arrive(void **state)
{
    th_scope *s = *state;
    th_recording *r = th_recording_new(1, NULL, NULL);
    struct layers l = {RANDOM(s, 9, SHAPE(32, 32, 5, 3)), 0, false};
    const struct layers *at = &l;
    const th_tensor *in[2] = {
        th_leaf(s, RANDOM(s, 1, SHAPE(2, 32, 8, 8)), true),
        th_leaf(s, RANDOM(s, 2, SHAPE(2, 32, 8, 8)), true)};
    nj_err err = {0};

    for (int i = 0; i < 2; i++) {
        assert_null(th_recorded(s, r, block, &at, in, 2));
        assert_int_equal(th_scope_check(s, &err), NJ_E_INTERNAL);
        th_scope_clear_error(s);
    }
    th_recording_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(calls_give_the_same_bytes, open_scope,
                                        close_scope),
        cmocka_unit_test_setup_teardown(shapes_take_turns, open_scope,
                                        close_scope),
        cmocka_unit_test_setup_teardown(late_gradients_are_refused, open_scope,
                                        close_scope),
        cmocka_unit_test_setup_teardown(a_gradient_is_taken_once, open_scope,
                                        close_scope),
        cmocka_unit_test_setup_teardown(recordings_share_memory, open_scope,
                                        close_scope),
        cmocka_unit_test_setup_teardown(recordings_lie_within, open_scope,
                                        close_scope),
        cmocka_unit_test_setup_teardown(passes_follow_each_other, open_scope,
                                        close_scope),
        cmocka_unit_test_setup_teardown(errors_of_the_block_arrive, open_scope,
                                        close_scope),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
