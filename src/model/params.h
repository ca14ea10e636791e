/* Parameters: the tensors of a weight file under the names that network code
 * asks for.
 *
 * The code that builds a network is run twice. The first time it only checks:
 * every tensor asked for must be there, with the right shape, and nothing may
 * be left over. Only when the whole file fits does the second run convert,
 * straight from the map. The first thing that is wrong sticks and names the
 * tensor, what was found and what was expected.
 *
 *     static void build(nj_params *p, void *net)
 *     {
 *         struct net *n = net;
 *         size_t before = nj_params_enter(p, "body.%d", 3);
 *
 *         n->conv = nj_take_conv(p, "conv1", 64, 3, 3);
 *         nj_params_leave(p, before);
 *     }
 *
 *     nj_blueprint plan = {.build = build, .net = &net};
 *     if (nj_params_check(weights, &plan, &err) != NJ_OK) ...
 *     if (nj_params_fill(weights, &plan, &target, &err) != NJ_OK) ...
 */
#ifndef NJ_MODEL_PARAMS_H
#define NJ_MODEL_PARAMS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "torch/th.h"
#include "weights/weights.h"

#define NJ_PARAMS_NAME_MAX 256

typedef struct nj_params {
    const nj_weights *weights; /* borrowed */
    nj_weights *made_up; /* takes what is asked for, in place of `weights` */
    th_scope *scope;     /* owns the tensors; NULL: only check */
    nj_dtype dtype;      /* of what is taken next */
    th_device device;
    nj_err err; /* the first thing that is wrong; code 0 when all is well */
    char prefix[NJ_PARAMS_NAME_MAX]; /* "" or ends in a dot */
    size_t length;                   /* of prefix */
    const nj_view **taken;           /* what the checking run asked for */
    size_t count;
    size_t capacity;
} nj_params;

/* How to build a network. `build` takes every tensor once and writes to `net`;
 * it runs once or twice, and while checking every tensor is NULL. A left-over
 * tensor is fine when one of the `ignored` words is the first or the last part
 * of its dotted name. */
typedef struct nj_blueprint {
    void (*build)(nj_params *p, void *net);
    void *net;
    const char *const *ignored; /* ends in NULL; may be NULL */
} nj_blueprint;

/* Where converted tensors go: owned by `scope`, in `dtype` on `device`. */
typedef struct nj_target {
    th_scope *scope;
    nj_dtype dtype;
    th_device device;
} nj_target;

/* Whether the file holds exactly the network of the blueprint: NJ_E_FORMAT
 * with the first tensor that is missing, wrong or left over. */
nj_status nj_params_check(const nj_weights *weights, const nj_blueprint *plan,
                          nj_err *err) NJ_MUST_USE;

/* Random weights for the blueprint's network, without a file (see
 * weights/made_up.h). *out is freed with nj_weights_free. */
nj_status nj_params_make_up(const nj_blueprint *plan, nj_weights **out,
                            nj_err *err) NJ_MUST_USE;

/* Checks, then converts. Tensors of a failed call stay in the scope. */
nj_status nj_params_fill(const nj_weights *weights, const nj_blueprint *plan,
                         const nj_target *target, nj_err *err) NJ_MUST_USE;

/* The tensor `name` whose shape says something
 * about the configuration: it must have ndim dimensions of 1..2^24 each.
 * NJ_E_FORMAT when it is missing or another. */
nj_status nj_params_peek(const nj_weights *weights, const char *name, int ndim,
                         const nj_view **out, nj_err *err) NJ_MUST_USE;

/* How many of <prefix>.0.<leaf>, <prefix>.1.<leaf>, ... there are in a row. */
int nj_params_count(const nj_weights *weights, const char *prefix,
                    const char *leaf);

/* Puts "<format>." behind the prefix of all names; nj_params_leave takes it
 * away again, given what nj_params_enter returned. */
size_t nj_params_enter(nj_params *p, const char *format, ...) NJ_PRINTF(2, 3);
void nj_params_leave(nj_params *p, size_t length);

/* A shape as two arguments: NJ_SHAPE(64, 3, 7, 7). */
#define NJ_SHAPE(...)                                                          \
    (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)),                 \
        ((const int64_t[]){__VA_ARGS__})

/* The tensor <prefix><name> of exactly that shape and of a floating-point
 * type in the file, converted to the target's dtype or the one given; NULL
 * while checking and after an error. Four dimensions are laid out
 * channels-last. */
th_tensor *nj_params_take(nj_params *p, const char *name, int ndim,
                          const int64_t *shape);
th_tensor *nj_params_take_as(nj_params *p, nj_dtype dtype, const char *name,
                             int ndim, const int64_t *shape);

/* The same in place of what `to` holds, a tensor of that shape. */
void nj_params_take_into(nj_params *p, th_tensor *to, const char *name,
                         int ndim, const int64_t *shape);

/* n tensors of that shape below each other, as one [n * shape[0], ...]. */
th_tensor *nj_params_take_rows(nj_params *p, const char *const *names, size_t n,
                               int ndim, const int64_t *shape);

/* A convolution, a linear layer or a norm. */
typedef struct nj_layer {
    th_tensor *weight;
    th_tensor *bias;
} nj_layer;

/* <name>.weight [out,in,size,size] and <name>.bias [out] */
nj_layer nj_take_conv(nj_params *p, const char *name, int64_t out, int64_t in,
                      int64_t size);
/* <name>.weight [out,in] and <name>.bias [out] */
nj_layer nj_take_linear(nj_params *p, const char *name, int64_t out,
                        int64_t in);
/* <name>.weight and <name>.bias [channels], float32 whatever the dtype: norms
 * have float32 statistics. */
nj_layer nj_take_norm(nj_params *p, const char *name, int64_t channels);

#endif
