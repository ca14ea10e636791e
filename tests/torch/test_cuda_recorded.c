/* th_recorded on a GPU: graphs give the same bytes as launches, are let go with
 * their recording, and what cannot be recorded runs as it is. Skipped without a
 * GPU. */
#include "torch/recorded_cases.h"

static const th_device gpu = {TH_CUDA, 0};

static void graphs_give_the_same_bytes(void **state)
{
    th_scope *s = *state;
    struct layers l = {th_to(s, RANDOM(s, 9, SHAPE(32, 32, 3, 3)), NJ_F32, gpu),
                       0, false};
    const struct layers *at = &l;
    th_recording *r = th_recording_new(2, NULL, NULL);

    expect_calls_alike(s, gpu, r, &at);
    /* CALLS alone; with the recording once, and once more to be recorded */
    assert_int_equal(l.runs, CALLS + 2);
    assert_int_equal(th_graphs(), 2);
    th_recording_clear(r);
    assert_int_equal(th_graphs(), 0);
    expect_calls_alike(s, gpu, r, &at);
    assert_int_equal(th_graphs(), 2);
    th_recording_free(r);
    assert_int_equal(th_graphs(), 0);
}

/* Two that share memory take turns, and each plays what it recorded. */
static void recordings_share_memory(void **state)
{
    th_scope *s = *state;
    struct layers l = {th_to(s, RANDOM(s, 9, SHAPE(32, 32, 3, 3)), NJ_F32, gpu),
                       0, false};
    const struct layers *at = &l;
    th_recording *a = th_recording_new(2, NULL, NULL);
    th_recording *b = th_recording_new(2, a, NULL);

    for (int i = 0; i < 3; i++) {
        expect_calls_alike(s, gpu, a, &at);
        expect_calls_alike(s, gpu, b, &at);
    }
    assert_int_equal(th_graphs(), 4);
    th_recording_free(a);
    assert_int_equal(th_graphs(), 2);
    expect_calls_alike(s, gpu, b, &at);
    th_recording_free(b);
}

/* Within the passes of another one: while it waits for its backward pass to be
 * recorded in its memory, later in their own. */
static void recordings_lie_within(void **state)
{
    th_scope *s = *state;
    struct layers l = {th_to(s, RANDOM(s, 9, SHAPE(32, 32, 3, 3)), NJ_F32, gpu),
                       0, false};
    const struct layers *at = &l;
    th_recording *outer = th_recording_new(1, NULL, NULL);
    th_recording *inner = th_recording_new(2, NULL, outer);

    expect_nested_alike(s, gpu, outer, inner, &at);
    assert_int_equal(th_graphs(), 6);
    th_recording_clear(outer);
    assert_int_equal(th_graphs(), 4);
    expect_nested_alike(s, gpu, outer, inner, &at);
    th_recording_free(outer);
    expect_calls_alike(s, gpu, inner, &at);
    th_recording_free(inner);
    assert_int_equal(th_graphs(), 0);
}

/* And harms no later recording in the same memory. */
static void what_waits_runs_as_it_is(void **state)
{
    th_scope *s = *state;
    struct layers l = {th_to(s, RANDOM(s, 9, SHAPE(32, 32, 3, 3)), NJ_F32, gpu),
                       0, true};
    const struct layers *at = &l;
    th_recording *r = th_recording_new(2, NULL, NULL);

    expect_calls_alike(s, gpu, r, &at);
    assert_true(l.runs > 2 * CALLS);
    assert_int_equal(th_graphs(), 0);
    th_recording_clear(r);
    l.reads = false;
    expect_calls_alike(s, gpu, r, &at);
    assert_int_equal(th_graphs(), 2);
    th_recording_free(r);
    assert_int_equal(th_graphs(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TH_TEST(graphs_give_the_same_bytes),
        TH_TEST(recordings_share_memory),
        TH_TEST(recordings_lie_within),
        TH_TEST(what_waits_runs_as_it_is),
    };

    if (th_cuda_count() == 0)
        return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
