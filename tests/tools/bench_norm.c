/* Times the group norm of cuda/norm.h forwards and backwards on the shapes of
 * the 256x256 UNet, in float16: microseconds a call and GB/s of the bytes that
 * a call cannot do without (forward x twice and y, backward x and dy twice and
 * dx).
 *
 *     bench_norm [--device cuda|cpu]
 *
 * On a GPU the calls are recorded once as a CUDA graph, so that the host's
 * launches do not count; consecutive calls have other buffers, which together
 * are larger than a cache where the shape is large. On the CPU it times
 * th_group_norm_silu in float32. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cuda/norm.h"
#include "torch/th.h"

struct shape {
    int channels;
    int64_t side;
};

static const struct shape shapes[] = {
    {256, 256}, {512, 256}, {256, 128}, {512, 128}, {512, 64},
    {768, 64},  {1024, 64}, {512, 32},  {1024, 32}, {1536, 32},
    {1024, 16}, {2048, 16}, {1024, 8},  {2048, 8}};

/* Microseconds of one call. */
struct timing {
    double forward, backward;
};

static nj_norm norm_of(struct shape s)
{
    return (nj_norm){.images = 1,
                     .pixels = s.side * s.side,
                     .channels = s.channels,
                     .groups = 32,
                     .dtype = NJ_F16,
                     .eps = 1e-5f,
                     .silu = true};
}

#ifdef NJ_CUDA

#include <cuda_runtime_api.h>

enum {
    CALLS = 24,                 /* of one graph */
    LAUNCHES = 8,               /* of it that are timed together */
    MOST_SETS = 8,              /* of buffers, all that calls rotate over */
    ENOUGH = 256 * 1024 * 1024, /* bytes of all sets */
};

/* Memory of one call; all of it on the device. */
struct set {
    void *x, *dy, *y, *dx;
};

struct bench {
    nj_norm n;
    struct set sets[MOST_SETS];
    int count; /* of sets */
    float *moments, *scratch;
    cudaStream_t stream;
};

static void must(cudaError_t error)
{
    if (error == cudaSuccess)
        return;
    fprintf(stderr, "CUDA error: %s\n", cudaGetErrorString(error));
    exit(1);
}

/* n float16 numbers between 1/8 and 2 with either sign, from `pattern`. */
static void *device_numbers(size_t n, const uint16_t *pattern)
{
    void *p;

    must(cudaMalloc(&p, n * 2));
    must(cudaMemcpy(p, pattern, n * 2, cudaMemcpyHostToDevice));
    return p;
}

static uint16_t *make_pattern(size_t n)
{
    uint16_t *p = malloc(n * 2);
    uint32_t state = 1;

    for (size_t i = 0; p && i < n; i++) {
        state = state * 1664525u + 1013904223u;
        p[i] = (uint16_t)((state >> 16 & 0x8fffu) + 0x3000u);
    }
    return p;
}

static struct bench make_bench(struct shape s)
{
    struct bench b = {.n = norm_of(s)};
    const size_t n = (size_t)(b.n.pixels * s.channels);
    const size_t channels = (size_t)s.channels;
    uint16_t *pattern = make_pattern(n);

    if (!pattern)
        exit(1);
    b.count = (int)(ENOUGH / (n * 2 * 4)) + 1;
    if (b.count > MOST_SETS)
        b.count = MOST_SETS;
    for (int i = 0; i < b.count; i++)
        b.sets[i] = (struct set){
            device_numbers(n, pattern), device_numbers(n, pattern),
            device_numbers(n, pattern), device_numbers(n, pattern)};
    b.n.gamma.data = device_numbers(channels, pattern);
    b.n.beta.data = device_numbers(channels, pattern);
    b.n.scale.data = device_numbers(channels, pattern);
    b.n.shift.data = device_numbers(channels, pattern);
    b.n.gamma.dtype = b.n.beta.dtype = NJ_F16;
    b.n.scale.dtype = b.n.shift.dtype = NJ_F16;
    must(cudaMalloc((void **)&b.moments, 64 * sizeof(float)));
    must(cudaMalloc((void **)&b.scratch,
                    (size_t)nj_norm_scratch(&b.n) * sizeof(float) + 16));
    must(cudaStreamCreate(&b.stream));
    free(pattern);
    return b;
}

static void drop_bench(struct bench *b)
{
    for (int i = 0; i < b->count; i++) {
        cudaFree(b->sets[i].x);
        cudaFree(b->sets[i].dy);
        cudaFree(b->sets[i].y);
        cudaFree(b->sets[i].dx);
    }
    cudaFree((void *)b->n.gamma.data);
    cudaFree((void *)b->n.beta.data);
    cudaFree((void *)b->n.scale.data);
    cudaFree((void *)b->n.shift.data);
    cudaFree(b->moments);
    cudaFree(b->scratch);
    cudaStreamDestroy(b->stream);
}

static void call(const struct bench *b, int i, bool backward)
{
    const struct set *s = &b->sets[i % b->count];
    const void *const reads[NJ_NORM_READS] = {s->x, s->dy};

    if (backward)
        must((cudaError_t)nj_norm_backward_cuda(&b->n, reads, b->moments, s->dx,
                                                NULL, b->scratch, b->stream));
    else
        must((cudaError_t)nj_norm_forward_cuda(&b->n, s->x, s->y, b->moments,
                                               b->scratch, b->stream));
}

static double time_calls(const struct bench *b, bool backward)
{
    cudaGraph_t graph;
    cudaGraphExec_t run;
    cudaEvent_t start, end;
    float ms;

    must(cudaEventCreate(&start));
    must(cudaEventCreate(&end));
    call(b, 0, false); /* loads the kernels, makes the moments */
    call(b, 0, true);
    must(cudaStreamBeginCapture(b->stream, cudaStreamCaptureModeRelaxed));
    for (int i = 0; i < CALLS; i++)
        call(b, i, backward);
    must(cudaStreamEndCapture(b->stream, &graph));
    must(cudaGraphInstantiateWithFlags(&run, graph, 0));
    must(cudaGraphLaunch(run, b->stream));
    must(cudaEventRecord(start, b->stream));
    for (int i = 0; i < LAUNCHES; i++)
        must(cudaGraphLaunch(run, b->stream));
    must(cudaEventRecord(end, b->stream));
    must(cudaEventSynchronize(end));
    must(cudaEventElapsedTime(&ms, start, end));
    cudaGraphExecDestroy(run);
    cudaGraphDestroy(graph);
    cudaEventDestroy(start);
    cudaEventDestroy(end);
    return 1e3 * (double)ms / (CALLS * LAUNCHES);
}

static struct timing time_cuda(struct shape s)
{
    struct bench b = make_bench(s);
    const struct timing t = {time_calls(&b, false), time_calls(&b, true)};

    drop_bench(&b);
    return t;
}

#endif

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* The best of three calls. */
static struct timing time_cpu(struct shape shape)
{
    static const th_device cpu = {TH_CPU, 0};
    const int64_t size[] = {1, shape.channels, shape.side, shape.side};
    struct timing best = {1e12, 1e12};

    for (int i = 0; i < 3; i++) {
        th_scope *s = th_scope_new(NULL);
        th_tensor *x = th_leaf(
            s, th_channels_last(s, th_full(s, NJ_F32, cpu, 4, size, 0.5)),
            true);
        const double start = now();
        th_tensor *y = th_group_norm_silu(
            s, x,
            &(th_group_norm){32, 1e-5, NULL, NULL, NULL, NULL, true, NULL});
        const double middle = now();
        double end;

        th_grad(s, y, y, x);
        end = now();
        if (middle - start < best.forward)
            best.forward = middle - start;
        if (end - middle < best.backward)
            best.backward = end - middle;
        th_scope_free(s);
    }
    return best;
}

static void show(struct shape s, bool cuda, struct timing t)
{
    const nj_norm n = norm_of(s);
    const double bytes = (double)(n.pixels * n.channels) * (cuda ? 2.0 : 4.0);

    printf("%5d x %3d^2  %-5s %9.1f us %7.0f GB/s  %9.1f us %7.0f GB/s\n",
           s.channels, (int)s.side,
           !cuda                       ? "cpu"
           : nj_norm_grid_of(&n).whole ? "whole"
                                       : "parts",
           t.forward, 3e-3 * bytes / t.forward, t.backward,
           5e-3 * bytes / t.backward);
}

int main(int argc, char **argv)
{
    const bool cpu = argc == 3 && strcmp(argv[2], "cpu") == 0;
    const bool cuda = argc == 1 || (argc == 3 && strcmp(argv[2], "cuda") == 0);

    if ((!cpu && !cuda) || (argc == 3 && strcmp(argv[1], "--device") != 0)) {
        fprintf(stderr, "usage: bench_norm [--device cuda|cpu]\n");
        return 2;
    }
    if (cuda && th_cuda_count() == 0) {
        fprintf(stderr, "no CUDA device; --device cpu times the CPU\n");
        return 1;
    }
    printf("   channels    way            forward                backward\n");
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
#ifdef NJ_CUDA
        if (cuda) {
            show(shapes[i], true, time_cuda(shapes[i]));
            fflush(stdout);
            continue;
        }
#endif
        show(shapes[i], false, time_cpu(shapes[i]));
    }
    return 0;
}
