/* Cases of th_recorded for any device: new inputs at each call give what the
 * block gives by itself, bit for bit. */
#ifndef NJ_TESTS_RECORDED_CASES_H
#define NJ_TESTS_RECORDED_CASES_H

#include "torch/th_test.h"

enum { CALLS = 4 };

struct layers {
    const th_tensor *weight;
    int runs;
    bool reads; /* looks at a number on the host, which nothing can record */
};

/* Convolutions, a norm, a gate, attention, and the sum with the second input.
 */
static th_tensor *block(th_scope *s, const void *user,
                        const th_tensor *const *in)
{
    struct layers *l = *(struct layers *const *)user;
    const th_group_norm norm = {.groups = 4, .eps = 1e-5, .silu = true};
    th_tensor *h = th_conv2d(s, in[0], l->weight, NULL, 1, 1);
    th_tensor *tokens;

    l->runs++;
    h = th_conv2d(s, th_group_norm_silu(s, h, &norm), l->weight, NULL, 1, 1);
    tokens = th_reshape(s, th_contiguous(s, h), SHAPE(2, 2, -1, 16));
    tokens = th_attention(s, tokens, tokens, tokens, .25, false);
    h = th_add(s, h, th_reshape(s, tokens, SHAPE(2, 32, 8, 8)));
    if (l->reads && !th_all_finite(s, h))
        th_scope_fail(s, NJ_E_NUMERIC, "not finite");
    return th_add(s, h, in[1]);
}

struct pass {
    th_tensor *y;
    th_tensor *by; /* both inputs, [2,2,32,8,8] */
};

static struct pass pass_of(th_scope *s, th_device where, th_recording *r,
                           const struct layers *const *l, uint32_t seed)
{
    th_tensor *both = th_leaf(
        s, th_to(s, RANDOM(s, seed, SHAPE(2, 2, 32, 8, 8)), NJ_F32, where),
        true);
    const th_tensor *in[2] = {th_select(s, both, 0, 0),
                              th_select(s, both, 0, 1)};
    struct pass p;

    p.y = th_recorded(s, r, block, l, in, 2);
    p.by = th_grad(
        s, p.y,
        th_to(s, RANDOM(s, seed + 2, SHAPE(2, 32, 8, 8)), NJ_F32, where), both);
    OK(s);
    return p;
}

static void expect_same_pass(th_scope *s, const struct pass *a,
                             const struct pass *b)
{
    expect_same_bytes(s, a->y, b->y);
    expect_same_bytes(s, a->by, b->by);
}

/* Each call, after all of them: what a call returned must outlive the next. */
static void expect_calls_alike(th_scope *outer, th_device where,
                               th_recording *r, const struct layers *const *l)
{
    th_scope *s = th_scope_new(outer);
    struct pass played[CALLS];

    for (uint32_t i = 0; i < CALLS; i++)
        played[i] = pass_of(s, where, r, l, 10 * i);
    for (uint32_t i = 0; i < CALLS; i++) {
        const struct pass alone = pass_of(s, where, NULL, l, 10 * i);

        expect_same_pass(s, &played[i], &alone);
    }
    th_scope_free(s); /* histories hold what was recorded */
}

#endif
