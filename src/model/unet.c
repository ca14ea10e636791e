/* The UNet: loading, and the forward pass over its blocks. Handles are let go
 * as early as possible: what the backward pass needs, autograd holds itself. */
#include "model/unet.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "model/layers.h"
#include "model/params.h"
#include "model/unet_layout.h"

#define MAX_PERIOD 10000.0

nj_status nj_unet_check(const nj_weights *weights, const nj_unet_card *card,
                        nj_err *err)
{
    nj_unet *u;
    nj_status status = nj_unet_layout(card, &u, err);

    if (status == NJ_OK) {
        const nj_blueprint plan = {.build = nj_unet_build, .net = u};

        status = nj_params_check(weights, &plan, err);
    }
    nj_unet_free(u);
    return status;
}

nj_status nj_unet_make_up(const nj_unet_card *card, nj_weights **out,
                          nj_err *err)
{
    nj_unet *u;
    nj_status status = nj_unet_layout(card, &u, err);

    if (status == NJ_OK)
        status = nj_params_make_up(
            &(const nj_blueprint){.build = nj_unet_build, .net = u}, out, err);
    nj_unet_free(u);
    return status;
}

/* exp(-ln(10000) j / (C/2)), j = 0..C/2-1, in float32 as the public code. */
static th_tensor *frequencies(const nj_unet *u)
{
    int half = u->card.num_channels / 2;
    const int64_t shape[2] = {1, half};
    float *values = nj_calloc((size_t)half, sizeof(*values));
    th_tensor *t;

    if (!values) {
        th_scope_fail(u->scope, NJ_E_MEMORY, "out of memory");
        return NULL;
    }
    for (int j = 0; j < half; j++)
        values[j] = expf((float)-log(MAX_PERIOD) * (float)j / (float)half);
    t = th_to(u->scope, th_from_data(u->scope, NJ_F32, 2, shape, values),
              NJ_F32, u->device);
    free(values);
    return t;
}

nj_status nj_unet_new(const nj_weights *weights, const nj_unet_card *card,
                      nj_dtype dtype, th_device device, nj_unet **out,
                      nj_err *err)
{
    nj_status status = nj_unet_layout(card, out, err);
    nj_unet *u = *out;

    if (status != NJ_OK)
        return status;
    u->dtype = dtype;
    u->device = device;
    u->scope = th_scope_new(NULL);
    u->frequencies = frequencies(u);
    status = nj_params_fill(
        weights, &(const nj_blueprint){.build = nj_unet_build, .net = u},
        &(const nj_target){u->scope, dtype, device}, err);
    if (status != NJ_OK) {
        nj_unet_free(u);
        *out = NULL;
    }
    return status;
}

void nj_unet_free(nj_unet *u)
{
    if (!u)
        return;
    th_scope_free(u->scope);
    free(u->input);
    free(u->output);
    free(u);
}

const nj_unet_card *nj_unet_flags(const nj_unet *u)
{
    return &u->card;
}

/* [cos(t f), sin(t f)]: timesteps [B] -> [B,C] f32 */
static th_tensor *timestep_embedding(th_scope *s, const nj_unet *u,
                                     const th_tensor *timesteps)
{
    th_tensor *angles =
        th_mul(s, th_unsqueeze(s, timesteps, 1), u->frequencies);
    const th_tensor *parts[2] = {th_cos(s, angles), th_sin(s, angles)};

    return th_cat(s, parts, 2, 1);
}

/* -> [B,4C] f32, before the SiLU that every block begins with */
static th_tensor *embedding(th_scope *s, const nj_unet *u,
                            const th_tensor *timesteps,
                            const th_tensor *classes, const nj_observer *o)
{
    th_tensor *e = timestep_embedding(s, u, timesteps);

    nj_observe(o, e, "timestep_embedding");
    e = th_silu(s, nj_linear(s, &u->time[0], e));
    e = nj_linear(s, &u->time[1], e);
    if (u->labels)
        e = th_add(s, e, th_embedding(s, u->labels, classes));
    nj_observe(o, e, "emb");
    return e;
}

/* Runs one block on *x, which is replaced by the result. */
static void run_block(th_scope *s, const nj_block *b, nj_held *x,
                      const th_tensor *emb, const nj_observer *o)
{
    th_scope *inner = th_scope_new(s);
    const th_tensor *h = x->tensor;

    for (int i = 0; i < b->count; i++) {
        h = nj_module_forward(inner, &b->at[i], h, emb);
        nj_observe(o, h, "%s.%d", b->name, i);
    }
    nj_observe(o, h, "%s", b->name);
    nj_hold_next(s, x, h);
    th_scope_free(inner);
}

/* *x = [x, skip] along the channels; skip goes. */
static void join(th_scope *s, nj_held *x, nj_held *skip)
{
    const th_tensor *parts[2] = {x->tensor, skip->tensor};
    th_scope *t = th_scope_new(s);

    nj_hold_next(s, x, th_cat(t, parts, 2, 1));
    th_scope_free(t);
    nj_drop(skip);
}

/* Down, through the middle, and up again. */
static void run_towers(th_scope *s, const nj_unet *u, nj_held *x,
                       const th_tensor *emb, const nj_observer *o)
{
    nj_held *skips = nj_calloc((size_t)u->inputs, sizeof(*skips));

    if (!skips) {
        th_scope_fail(s, NJ_E_MEMORY, "out of memory");
        return;
    }
    for (int i = 0; i < u->inputs; i++) {
        run_block(s, &u->input[i], x, emb, o);
        skips[i] = nj_hold(s, x->tensor);
    }
    run_block(s, &u->middle, x, emb, o);
    for (int i = 0; i < u->outputs; i++) {
        join(s, x, &skips[u->inputs - 1 - i]);
        run_block(s, &u->output[i], x, emb, o);
    }
    free(skips);
}

th_tensor *nj_unet_forward(th_scope *s, const nj_unet *u, const th_tensor *x,
                           const th_tensor *timesteps, const th_tensor *classes,
                           const nj_observer *observer)
{
    th_scope *t = th_scope_new(s);
    th_tensor *emb = th_silu(t, embedding(t, u, timesteps, classes, observer));
    nj_held h =
        nj_hold(t, th_channels_last(t, th_to(t, x, u->dtype, u->device)));
    th_tensor *out;

    run_towers(t, u, &h, emb, observer);
    out = th_to(t, h.tensor, NJ_F32, u->device);
    out = nj_unet_norm(t, &u->out_norm, out, true);
    out = nj_conv(t, &u->out_conv, out, 1);
    out = th_keep(s, th_to(t, out, th_dtype(x), u->device));
    nj_drop(&h);
    th_scope_free(t);
    return out;
}
