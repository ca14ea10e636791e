/* Times the own functions of th.h against libtorch's plain ones, on the
 * shapes of the 256x256 UNet: milliseconds forward and forward plus gradient.
 *
 *     bench_ops [THREADS [BF16]]
 *
 * With one thread it counts processor time, which other programs on the
 * machine disturb least; with more it takes the wall clock. The best of
 * several runs is shown.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "torch/th.h"

enum { REPEATS = 5 };

static const th_device cpu = {TH_CPU, 0};
static int threads = 1;
static nj_dtype dtype = NJ_F32;

struct shape {
    int64_t c, side;
};

/* x and dy; weights as the case needs them */
struct inputs {
    th_tensor *x, *dy, *weight, *bias, *scale, *shift;
};

typedef th_tensor *operation(th_scope *s, const struct inputs *in);

static double now(void)
{
    struct timespec t;

    clock_gettime(threads == 1 ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC,
                  &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static th_tensor *noise(th_scope *s, int ndim, const int64_t *shape)
{
    static uint32_t state = 1;
    size_t n = 1;
    float *data;
    th_tensor *t;

    for (int d = 0; d < ndim; d++)
        n *= (size_t)shape[d];
    data = malloc(n * sizeof(*data));
    if (!data)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        data[i] = (float)(state >> 8) / 8388608.0f - 1.0f;
    }
    t = th_to(s, th_from_data(s, NJ_F32, ndim, shape, data), dtype, cpu);
    free(data);
    return ndim == 4 ? th_channels_last(s, t) : t;
}

static th_tensor *norm(th_scope *s, const struct inputs *in)
{
    return th_group_norm_silu(s, in->x,
                              &(th_group_norm){32, 1e-5, in->bias, in->bias,
                                               in->scale, in->shift, true,
                                               NULL});
}

static th_tensor *conv(th_scope *s, const struct inputs *in)
{
    return th_conv2d(s, in->x, in->weight, in->bias, 1, 1);
}

static th_tensor *attention(th_scope *s, const struct inputs *in)
{
    const int64_t tokens = th_size(in->x, 2) * th_size(in->x, 3);
    const int64_t heads = th_size(in->x, 1) / 64;
    th_tensor *q = th_transpose(
        s,
        th_reshape(s, th_permute(s, in->x, 4, (const int[]){0, 2, 3, 1}), 4,
                   (const int64_t[]){1, tokens, heads, 64}),
        1, 2);

    return th_attention(s, q, q, q, 0.125, false);
}

static th_tensor *quick_gelu(th_scope *s, const struct inputs *in)
{
    return th_quick_gelu(s, in->x);
}

static th_tensor *silu(th_scope *s, const struct inputs *in)
{
    return th_silu(s, in->x);
}

static struct inputs make(th_scope *s, struct shape shape)
{
    const int64_t image[] = {1, shape.c, shape.side, shape.side};
    const int64_t kernel[] = {shape.c, shape.c, 3, 3};
    const int64_t row[] = {1, shape.c};

    return (struct inputs){
        .x = th_leaf(s, noise(s, 4, image), true),
        .dy = noise(s, 4, image),
        .weight = noise(s, 4, kernel),
        .bias = noise(s, 1, &shape.c),
        .scale = noise(s, 2, row),
        .shift = noise(s, 2, row),
    };
}

struct timing {
    double forward, both;
    int64_t saved;
};

static struct timing measure(th_scope *outer, operation *f,
                             const struct inputs *in, bool plain)
{
    struct timing best = {1e9, 1e9, 0};

    th_set_plain_autograd(plain);
    for (int i = 0; i < REPEATS; i++) {
        th_scope *s = th_scope_new(outer);
        const int64_t before = th_saved_bytes();
        const double start = now();
        th_tensor *y = f(s, in);
        const double middle = now();
        const th_tensor *dy = in->dy;
        double end;

        if (i == 0)
            best.saved = th_saved_bytes() - before;
        if (th_elements(dy) == th_elements(y) &&
            th_size(y, 1) != th_size(dy, 1))
            dy = NULL;
        th_grad(s, y, dy, in->x);
        end = now();
        if (middle - start < best.forward)
            best.forward = middle - start;
        if (end - start < best.both)
            best.both = end - start;
        th_scope_free(s);
    }
    th_set_plain_autograd(false);
    return best;
}

static void compare(const char *name, operation *f, struct shape shape)
{
    th_scope *s = th_scope_new(NULL);
    const struct inputs in = make(s, shape);
    const struct timing plain = measure(s, f, &in, true);
    const struct timing own = measure(s, f, &in, false);
    nj_err err = {0};

    if (th_scope_check(s, &err) != NJ_OK)
        printf("%s: %s\n", name, err.text);
    else
        printf("%-11s %4d x %3d^2  %8.2f %8.2f %8.2f %8.2f  %5.2fx %5.2fx  "
               "%7.1f %7.1f\n",
               name, (int)shape.c, (int)shape.side, plain.forward, own.forward,
               plain.both, own.both, plain.forward / own.forward,
               plain.both / own.both, (double)plain.saved / 1048576,
               (double)own.saved / 1048576);
    th_scope_free(s);
}

int main(int argc, char **argv)
{
    static const struct shape shapes[] = {{256, 256}, {256, 128}, {512, 64},
                                          {512, 32},  {1024, 16}, {1024, 8}};

    if (argc > 1)
        threads = (int)strtol(argv[1], NULL, 10);
    if (argc > 2)
        dtype = NJ_BF16;
    th_set_threads(threads);
    th_set_fast(false);
    printf("%d threads, %s; forward plain own, with gradient plain own, "
           "ratios, MiB saved plain own\n",
           threads, nj_dtype_name(dtype));
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        compare("norm", norm, shapes[i]);
        if (shapes[i].side < 256)
            compare("conv", conv, shapes[i]);
        if (shapes[i].side <= 32)
            compare("attention", attention, shapes[i]);
    }
    compare("silu", silu, shapes[1]);
    compare("quick_gelu", quick_gelu, shapes[1]);
    return 0;
}
