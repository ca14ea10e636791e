/* Cases of th_recorded for any device: new inputs at each call give what the
 * block gives by itself, bit for bit. */
#ifndef NJ_TESTS_RECORDED_CASES_H
#define NJ_TESTS_RECORDED_CASES_H

#include "torch/th_test.h"
#include "torch/th_recorded.h"

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
    h = th_add(
        s, h,
        th_reshape(s, tokens, SHAPE(2, 32, th_size(h, 2), th_size(h, 3))));
    if (l->reads && !th_all_finite(s, h))
        th_scope_fail(s, NJ_E_NUMERIC, "not finite");
    return th_add(s, h, in[1]);
}

struct pass {
    int64_t side;    /* of the pictures */
    th_tensor *both; /* inputs, [2,2,32,side,side] */
    th_tensor *y;
    th_tensor *by; /* both inputs */
};

static void go_forward(th_scope *s, th_device where, th_recording *r,
                       const struct layers *const *l, struct pass *p,
                       uint32_t seed)
{
    const int64_t side = p->side;
    const th_tensor *in[2];

    p->both = th_leaf(
        s,
        th_to(s, RANDOM(s, seed, SHAPE(2, 2, 32, side, side)), NJ_F32, where),
        true);
    in[0] = th_select(s, p->both, 0, 0);
    in[1] = th_select(s, p->both, 0, 1);
    p->y = th_recorded(s, r, block, l, in, 2);
    OK(s);
}

static void go_back(th_scope *s, th_device where, struct pass *p, uint32_t seed)
{
    const int64_t side = p->side;

    p->by = th_grad(
        s, p->y,
        th_to(s, RANDOM(s, seed + 2, SHAPE(2, 32, side, side)), NJ_F32, where),
        p->both);
    OK(s);
}

static struct pass pass_of(th_scope *s, th_device where, th_recording *r,
                           const struct layers *const *l, uint32_t seed)
{
    struct pass p = {.side = 8};

    go_forward(s, where, r, l, &p, seed);
    go_back(s, where, &p, seed);
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

/* A pass of `inner` between the two of `outer`, of another size after a while;
 * then what the device's memory holds is no longer new. */
static void expect_nested_alike(th_scope *outer_scope, th_device where,
                                th_recording *outer, th_recording *inner,
                                const struct layers *const *l)
{
    enum { STEPS = 9 };
    th_scope *s = th_scope_new(outer_scope);
    struct pass played[2][STEPS];

    for (uint32_t i = 0; i < STEPS; i++) {
        struct pass *around = &played[0][i];
        struct pass *within = &played[1][i];

        *around = (struct pass){.side = 16};
        *within = (struct pass){.side = i / 2 % 2 ? 4 : 8};
        go_forward(s, where, outer, l, around, 10 * i);
        go_forward(s, where, inner, l, within, 10 * i + 5);
        go_back(s, where, within, 10 * i + 5);
        go_back(s, where, around, 10 * i);
    }
    for (uint32_t i = 0; i < 2 * STEPS; i++) {
        const struct pass *p = &played[i % 2][i / 2];
        struct pass alone = {.side = p->side};
        const uint32_t seed = 10 * (i / 2) + (i % 2) * 5;

        go_forward(s, where, NULL, l, &alone, seed);
        go_back(s, where, &alone, seed);
        expect_same_pass(s, p, &alone);
    }
    th_scope_free(s);
}

#endif
