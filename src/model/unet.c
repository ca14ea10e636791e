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
#define RECORDINGS 2 /* with and without gradients */

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
    th_recording_free(u->recording);
    th_scope_free(u->scope);
    free(u->input);
    free(u->output);
    free(u);
}

void nj_unet_recompute(nj_unet *u, bool on)
{
    u->recompute = on;
}

void nj_unet_record(nj_unet *u, bool on)
{
    if (on == (u->recording != NULL))
        return;
    th_recording_free(u->recording);
    u->recording = on ? th_recording_new(RECORDINGS, NULL, NULL) : NULL;
}

const th_recording *nj_unet_recording(const nj_unet *u)
{
    return u->recording;
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

/* A block as a function of the embedding and what its input is made of. */
enum { IN_EMB, IN_X, IN_SKIP, INS };

static th_tensor *input_of(th_scope *s, const th_tensor *const *in, bool joins)
{
    return joins ? th_cat(s, in + IN_X, 2, 1) : th_keep(s, in[IN_X]);
}

static th_tensor *modules(th_scope *s, const nj_block *b, const th_tensor *x,
                          const th_tensor *emb, const nj_observer *o)
{
    nj_held h = nj_hold(s, x);
    th_tensor *out;

    for (int i = 0; i < b->count; i++) {
        th_scope *inner = th_scope_new(s);

        nj_hold_next(s, &h, nj_module_forward(inner, &b->at[i], h.tensor, emb));
        th_scope_free(inner);
        nj_observe(o, h.tensor, "%s.%d", b->name, i);
    }
    nj_observe(o, h.tensor, "%s", b->name);
    out = th_keep(s, h.tensor);
    nj_drop(&h);
    return out;
}

static th_tensor *plain_block(th_scope *s, const void *user,
                              const th_tensor *const *in)
{
    const nj_block *b = user;

    return modules(s, b, input_of(s, in, false), in[IN_EMB], NULL);
}

static th_tensor *joining_block(th_scope *s, const void *user,
                                const th_tensor *const *in)
{
    const nj_block *b = user;

    return modules(s, b, input_of(s, in, true), in[IN_EMB], NULL);
}

/* What all blocks of a forward pass share. */
struct pass {
    const nj_unet *u;
    const th_tensor *emb; /* of all blocks */
    const nj_observer *o;
};

/* Runs one block on *x, or on [x, skip] along the channels where there is a
 * skip, which goes; *x is replaced by the result. Where a block is computed
 * twice, a skip that holds its input is led through it. */
static void run_block(th_scope *s, const struct pass *p, const nj_block *b,
                      nj_held *x, nj_held *skip, nj_held *through)
{
    th_scope *inner = th_scope_new(s);
    const th_tensor *in[INS] = {p->emb, x->tensor, skip ? skip->tensor : NULL};
    th_tensor *h;

    if (p->u->recompute) {
        th_tensor *passed = NULL;

        h = th_checkpoint(inner, skip ? joining_block : plain_block, b, in,
                          skip ? INS : IN_SKIP, through ? &passed : NULL);
        if (through)
            nj_hold_next(s, through, passed);
    } else {
        h = input_of(inner, in, skip != NULL);
        nj_hold_next(s, x, h);
        h = modules(inner, b, x->tensor, p->emb, p->o);
    }
    if (skip)
        nj_drop(skip);
    nj_hold_next(s, x, h);
    th_scope_free(inner);
}

/* Down, through the middle, and up again. */
static void run_towers(th_scope *s, const struct pass *p, nj_held *x)
{
    const nj_unet *u = p->u;
    nj_held *skips = nj_calloc((size_t)u->inputs, sizeof(*skips));

    if (!skips) {
        th_scope_fail(s, NJ_E_MEMORY, "out of memory");
        return;
    }
    for (int i = 0; i < u->inputs; i++) {
        run_block(s, p, &u->input[i], x, NULL, i > 0 ? &skips[i - 1] : NULL);
        skips[i] = nj_hold(s, x->tensor);
    }
    run_block(s, p, &u->middle, x, NULL, &skips[u->inputs - 1]);
    for (int i = 0; i < u->outputs; i++)
        run_block(s, p, &u->output[i], x, &skips[u->inputs - 1 - i], NULL);
    free(skips);
}

/* The last norm and convolution, in float32. */
static th_tensor *head(th_scope *s, const void *user,
                       const th_tensor *const *in)
{
    const nj_unet *u = user;
    th_tensor *h = th_to(s, in[0], NJ_F32, u->device);

    h = nj_unet_norm(s, &u->out_norm, h, true, NULL);
    return nj_conv(s, &u->out_conv, h, 1);
}

/* The network as a function of these. */
enum { OF_X, OF_TIMESTEPS, OF_CLASSES, OFS };

static th_tensor *pass_through(th_scope *s, const nj_unet *u,
                               const th_tensor *const *in,
                               const nj_observer *observer)
{
    th_scope *t = th_scope_new(s);
    const th_tensor *classes = u->labels ? in[OF_CLASSES] : NULL;
    const th_tensor *x = in[OF_X];
    th_tensor *emb =
        th_silu(t, embedding(t, u, in[OF_TIMESTEPS], classes, observer));
    nj_held h =
        nj_hold(t, th_channels_last(t, th_to(t, x, u->dtype, u->device)));
    const th_tensor *last[1];
    th_tensor *out;

    emb = th_to(t, nj_linear(t, &u->emb, emb), u->dtype, u->device);
    run_towers(t, &(const struct pass){u, emb, observer}, &h);
    last[0] = h.tensor;
    out = u->recompute ? th_checkpoint(t, head, u, last, 1, NULL)
                       : head(t, u, last);
    out = th_keep(s, th_to(t, out, th_dtype(x), u->device));
    nj_drop(&h);
    th_scope_free(t);
    return out;
}

static th_tensor *whole(th_scope *s, const void *user,
                        const th_tensor *const *in)
{
    return pass_through(s, user, in, NULL);
}

th_tensor *nj_unet_forward(th_scope *s, const nj_unet *u, const th_tensor *x,
                           const th_tensor *timesteps, const th_tensor *classes,
                           const nj_observer *observer)
{
    const th_tensor *in[OFS] = {x, timesteps, classes};

    if (observer)
        return pass_through(s, u, in, observer);
    return th_recorded(s, u->recording, whole, u, in,
                       u->labels ? OFS : OF_CLASSES);
}
