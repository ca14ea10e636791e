/* Parameters: see params.h. One place for the texts about tensors that do not
 * fit, so that all networks complain in the same words. */
#include "model/params.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "weights/made_up.h"

#define LAYERS_MAX 1024
#define SIZE_LIMIT (1 << 24) /* of a dimension that a loop depends on */

size_t nj_params_enter(nj_params *p, const char *format, ...)
{
    size_t before = p->length;
    size_t room = sizeof(p->prefix) - before;
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(p->prefix + before, room, format, args);
    va_end(args);
    if (n < 0 || (size_t)n + 2 > room) {
        p->prefix[before] = '\0';
        if (p->err.code == NJ_OK)
            nj_fail(&p->err, NJ_E_INTERNAL, "tensor name below '%s' too long",
                    p->prefix);
        return before;
    }
    p->length = before + (size_t)n + 1;
    p->prefix[p->length - 1] = '.';
    p->prefix[p->length] = '\0';
    return before;
}

void nj_params_leave(nj_params *p, size_t length)
{
    p->length = length;
    p->prefix[length] = '\0';
}

static void add_shape(nj_str *s, int ndim, const int64_t *shape)
{
    nj_str_addc(s, '[');
    for (int i = 0; i < ndim; i++)
        nj_str_addf(s, "%s%" PRId64, i ? "," : "", shape[i]);
    nj_str_addc(s, ']');
}

static bool same_shape(const nj_view *v, int ndim, const int64_t *shape)
{
    if (v->ndim != ndim)
        return false;
    for (int i = 0; i < ndim; i++)
        if (v->shape[i] != shape[i])
            return false;
    return true;
}

static bool is_floating(nj_dtype dtype)
{
    return dtype == NJ_F32 || dtype == NJ_F64 || dtype == NJ_F16 ||
           dtype == NJ_BF16;
}

/* "tensor 'a.b' has shape [2,3], expected <what>" */
static nj_status fail_shape(const nj_view *v, const char *what, nj_err *err)
{
    nj_str found = {0};
    nj_status status;

    add_shape(&found, v->ndim, v->shape);
    status = nj_fail(err, NJ_E_FORMAT, "tensor '%s' has shape %s, expected %s",
                     v->name, nj_str_ok(&found) ? found.text : "?", what);
    nj_str_release(&found);
    return status;
}

nj_status nj_params_peek(const nj_weights *weights, const char *name, int ndim,
                         const nj_view **out, nj_err *err)
{
    const nj_view *v = nj_weights_find(weights, name);
    char what[64];

    *out = NULL;
    if (!v)
        return nj_fail(err, NJ_E_FORMAT, "tensor '%s' is missing", name);
    snprintf(what, sizeof(what), "%d dimensions of 1 to %d", ndim, SIZE_LIMIT);
    if (v->ndim != ndim)
        return fail_shape(v, what, err);
    for (int i = 0; i < ndim; i++)
        if (v->shape[i] < 1 || v->shape[i] > SIZE_LIMIT)
            return fail_shape(v, what, err);
    *out = v;
    return NJ_OK;
}

/* What is wrong with the tensor found (or not) under a full name. */
static void check_view(nj_params *p, const char *name, const nj_view *v,
                       int ndim, const int64_t *shape)
{
    nj_str wanted = {0};

    add_shape(&wanted, ndim, shape);
    if (!nj_str_ok(&wanted))
        nj_fail(&p->err, NJ_E_MEMORY, "out of memory");
    else if (!v)
        nj_fail(&p->err, NJ_E_FORMAT,
                "tensor '%s' is missing, expected shape %s", name, wanted.text);
    else if (!same_shape(v, ndim, shape))
        fail_shape(v, wanted.text, &p->err);
    else if (!is_floating(v->dtype))
        nj_fail(&p->err, NJ_E_FORMAT,
                "tensor '%s' has dtype %s, expected floating point", name,
                nj_dtype_name(v->dtype));
    nj_str_release(&wanted);
}

int nj_params_count(const nj_weights *weights, const char *prefix,
                    const char *leaf)
{
    char name[NJ_PARAMS_NAME_MAX];
    int n = 0;

    for (; n < LAYERS_MAX; n++) {
        snprintf(name, sizeof(name), "%s.%d.%s", prefix, n, leaf);
        if (!nj_weights_find(weights, name))
            break;
    }
    return n;
}

static void remember(nj_params *p, const nj_view *v)
{
    if (!nj_grow(&p->taken, &p->capacity, p->count + 1, sizeof(*p->taken))) {
        nj_fail(&p->err, NJ_E_MEMORY, "out of memory");
        return;
    }
    p->taken[p->count++] = v;
}

/* The checked view of <prefix><name>, or NULL with the error set. */
static const nj_view *find(nj_params *p, const char *name, int ndim,
                           const int64_t *shape)
{
    char full[2 * NJ_PARAMS_NAME_MAX];
    const nj_view *v;

    if (p->err.code != NJ_OK)
        return NULL;
    snprintf(full, sizeof(full), "%s%s", p->prefix, name);
    if (p->made_up) {
        p->err.code = nj_made_up_add(p->made_up, full, ndim, shape, &p->err);
        return NULL;
    }
    v = nj_weights_find(p->weights, full);
    check_view(p, full, v, ndim, shape);
    if (p->err.code == NJ_OK && !p->scope)
        remember(p, v);
    return p->err.code == NJ_OK ? v : NULL;
}

static int compare_views(const void *a, const void *b)
{
    const nj_view *x = *(const nj_view *const *)a;
    const nj_view *y = *(const nj_view *const *)b;

    return (x > y) - (x < y);
}

static bool is_ignored(const char *name, const char *const *ignored)
{
    const char *dot = strrchr(name, '.');
    const char *last = dot ? dot + 1 : name;
    size_t first = strcspn(name, ".");

    for (; ignored && *ignored; ignored++)
        if (strcmp(last, *ignored) == 0 ||
            (strlen(*ignored) == first && strncmp(name, *ignored, first) == 0))
            return true;
    return false;
}

/* Fails with the first tensor that nobody asked for. */
static void check_left_over(nj_params *p, const char *const *ignored)
{
    if (p->count)
        qsort(p->taken, p->count, sizeof(*p->taken), compare_views);
    for (size_t i = 0; i < nj_weights_count(p->weights); i++) {
        const nj_view *v = nj_weights_at(p->weights, i);

        if (p->count &&
            bsearch(&v, p->taken, p->count, sizeof(*p->taken), compare_views))
            continue;
        if (is_ignored(v->name, ignored))
            continue;
        nj_fail(&p->err, NJ_E_FORMAT,
                "tensor '%s' does not belong to this network", v->name);
        return;
    }
}

static nj_status give(const nj_params *p, nj_err *err)
{
    if (err && p->err.code != NJ_OK)
        *err = p->err;
    return p->err.code;
}

nj_status nj_params_check(const nj_weights *weights, const nj_blueprint *plan,
                          nj_err *err)
{
    nj_params p = {.weights = weights};

    plan->build(&p, plan->net);
    if (p.err.code == NJ_OK)
        check_left_over(&p, plan->ignored);
    free(p.taken);
    return give(&p, err);
}

nj_status nj_params_make_up(const nj_blueprint *plan, nj_weights **out,
                            nj_err *err)
{
    nj_params p = {0};
    nj_status status = nj_made_up_new(&p.made_up, err);

    if (status != NJ_OK)
        return status;
    plan->build(&p, plan->net);
    if (p.err.code == NJ_OK)
        p.err.code = nj_made_up_finish(p.made_up, &p.err);
    *out = p.made_up;
    if (p.err.code != NJ_OK) {
        nj_weights_free(p.made_up);
        *out = NULL;
    }
    return give(&p, err);
}

nj_status nj_params_fill(const nj_weights *weights, const nj_blueprint *plan,
                         const nj_target *target, nj_err *err)
{
    nj_params p = {.weights = weights,
                   .scope = target->scope,
                   .dtype = target->dtype,
                   .device = target->device};
    nj_status status = nj_params_check(weights, plan, err);

    if (status != NJ_OK)
        return status;
    if (!target->scope)
        return nj_fail(err, NJ_E_MEMORY, "out of memory");
    plan->build(&p, plan->net);
    status = give(&p, err);
    return status != NJ_OK ? status : th_scope_check(target->scope, err);
}

static th_tensor *convert(th_scope *s, const nj_params *p, const nj_view *v,
                          nj_dtype dtype)
{
    return th_from_strided(
        s, &(th_memory){v->dtype, v->ndim, v->shape, v->stride, v->data}, dtype,
        p->device);
}

/* Convolutions want their weights channels-last, like what flows through
 * them: the map is read in that order, so that no second copy is made. */
static th_tensor *convert_image(const nj_params *p, const nj_view *v,
                                nj_dtype dtype)
{
    const int64_t shape[4] = {v->shape[0], v->shape[2], v->shape[3],
                              v->shape[1]};
    const int64_t stride[4] = {v->stride[0], v->stride[2], v->stride[3],
                               v->stride[1]};
    const int order[4] = {0, 3, 1, 2};

    return th_permute(
        p->scope,
        th_from_strided(p->scope,
                        &(th_memory){v->dtype, 4, shape, stride, v->data},
                        dtype, p->device),
        4, order);
}

th_tensor *nj_params_take_as(nj_params *p, nj_dtype dtype, const char *name,
                             int ndim, const int64_t *shape)
{
    const nj_view *v = find(p, name, ndim, shape);
    th_tensor *t;

    if (!v || !p->scope)
        return NULL;
    t = ndim == 4 ? convert_image(p, v, dtype) : convert(p->scope, p, v, dtype);
    nj_weights_done(p->weights, v);
    return t;
}

th_tensor *nj_params_take(nj_params *p, const char *name, int ndim,
                          const int64_t *shape)
{
    return nj_params_take_as(p, p->dtype, name, ndim, shape);
}

void nj_params_take_into(nj_params *p, th_tensor *to, const char *name,
                         int ndim, const int64_t *shape)
{
    const nj_view *v = find(p, name, ndim, shape);
    th_scope *t;

    if (!v || !p->scope)
        return;
    t = th_scope_new(p->scope);
    th_copy_(t, to, convert(t, p, v, th_dtype(to)));
    th_scope_free(t);
    nj_weights_done(p->weights, v);
}

th_tensor *nj_params_take_rows(nj_params *p, const char *const *names, size_t n,
                               int ndim, const int64_t *shape)
{
    int64_t whole[NJ_DIMS_MAX] = {0};
    th_tensor *all = NULL;

    if (n == 1)
        return nj_params_take(p, names[0], ndim, shape);
    memcpy(whole, shape, (size_t)ndim * sizeof(*shape));
    whole[0] *= (int64_t)n;
    if (p->scope)
        all = th_zeros(p->scope, p->dtype, p->device, ndim, whole);
    for (size_t i = 0; i < n; i++) {
        th_scope *t = all ? th_scope_new(p->scope) : NULL;

        nj_params_take_into(
            p,
            all ? th_narrow(t, all, 0, (int64_t)i * shape[0], shape[0]) : NULL,
            names[i], ndim, shape);
        th_scope_free(t);
    }
    return all;
}

nj_layer nj_take_conv(nj_params *p, const char *name, int64_t out, int64_t in,
                      int64_t size)
{
    size_t before = nj_params_enter(p, "%s", name);
    nj_layer l;

    l.weight = nj_params_take(p, "weight", NJ_SHAPE(out, in, size, size));
    l.bias = nj_params_take(p, "bias", NJ_SHAPE(out));
    nj_params_leave(p, before);
    return l;
}

nj_layer nj_take_linear(nj_params *p, const char *name, int64_t out, int64_t in)
{
    size_t before = nj_params_enter(p, "%s", name);
    nj_layer l;

    l.weight = nj_params_take(p, "weight", NJ_SHAPE(out, in));
    l.bias = nj_params_take(p, "bias", NJ_SHAPE(out));
    nj_params_leave(p, before);
    return l;
}

nj_layer nj_take_norm(nj_params *p, const char *name, int64_t channels)
{
    size_t before = nj_params_enter(p, "%s", name);
    nj_layer l;

    l.weight = nj_params_take_as(p, NJ_F32, "weight", NJ_SHAPE(channels));
    l.bias = nj_params_take_as(p, NJ_F32, "bias", NJ_SHAPE(channels));
    nj_params_leave(p, before);
    return l;
}
