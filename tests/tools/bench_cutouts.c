/* Measures a step's cutouts, forward and backward, against the loop of crops
 * and poolings that the notebooks run.
 *
 *     bench_cutouts [SIDE [THREADS]]    default: 256 1
 *
 * Least milliseconds of several runs, CPU time of the whole process. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "diffusion/boxes.h"
#include "engine/cutouts.h"

#define CUT_SIZE 224
#define RUNS     7
#define ROWS_MAX 1024

struct bench {
    th_tensor *x;    /* [B,3,side,side], a leaf */
    th_tensor *grad; /* [N*B,3,224,224] */
    nj_cutout_plan plan;
};

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static th_tensor *product(th_scope *s, const struct bench *b)
{
    return nj_plain_cutouts(s, b->x, &b->plan);
}

static th_tensor *loop(th_scope *s, const struct bench *b)
{
    const size_t rows = b->plan.images * b->plan.cutn;
    const th_tensor *list[ROWS_MAX];

    for (size_t row = 0; row < rows; row++) {
        const size_t image = row % b->plan.images;
        const nj_box *box =
            &b->plan.boxes[image * b->plan.cutn + row / b->plan.images];
        th_tensor *cut = th_narrow(s, b->x, 0, (int64_t)image, 1);

        cut = th_narrow(s, cut, 2, box->y, box->h);
        cut = th_narrow(s, cut, 3, box->x, box->w);
        list[row] = th_adaptive_avg_pool2d(s, cut, CUT_SIZE, CUT_SIZE);
    }
    return th_cat(s, list, rows, 0);
}

typedef th_tensor *(*way)(th_scope *s, const struct bench *b);

/* Least seconds of forward and backward; result: cuts and gradient. */
static void measure(th_scope *outer, const struct bench *b, way f,
                    double least[2], th_tensor *result[2])
{
    least[0] = least[1] = INFINITY;
    for (int run = 0; run < RUNS; run++) {
        th_scope *s = th_scope_new(outer);
        const double start = seconds();
        th_tensor *y = f(s, b);
        const double middle = seconds();
        th_tensor *g = th_grad(s, y, b->grad, b->x);

        least[0] = fmin(least[0], middle - start);
        least[1] = fmin(least[1], seconds() - middle);
        if (run == 0) {
            result[0] = th_keep(outer, y);
            result[1] = th_keep(outer, g);
        }
        th_scope_free(s);
    }
}

static double largest_difference(th_scope *s, const th_tensor *a,
                                 const th_tensor *b)
{
    const int64_t flat[1] = {-1};
    const th_tensor *d = th_abs(s, th_sub(s, a, b));
    float value = NAN;

    th_read_f32(s, th_amax(s, th_reshape(s, d, 1, flat), 0, false), &value, 1);
    return (double)value;
}

static nj_box *draw_boxes(size_t n, int side)
{
    const nj_canvas in = {side, side, CUT_SIZE};
    nj_box *boxes = calloc(n, sizeof(*boxes));

    for (size_t i = 0; boxes && i < n; i++) {
        const double u[3] = {fmod(.37 + .618034 * (double)i, 1),
                             fmod(.11 + .754878 * (double)i, 1),
                             fmod(.73 + .569840 * (double)i, 1)};

        boxes[i] = nj_box_crowson(&in, 1, u);
    }
    return boxes;
}

/* Values between -1 and 1 without a pattern that a cut could hide. */
static th_tensor *values(th_scope *s, const int64_t shape[4])
{
    const th_device cpu = {TH_CPU, 0};
    const size_t n = (size_t)(shape[0] * shape[1] * shape[2] * shape[3]);
    float *v = calloc(n, sizeof(*v));
    th_tensor *t;

    for (size_t i = 0; v && i < n; i++)
        v[i] = (float)sin((double)i * 12.9898 + 78.233);
    t = v ? th_from_data(s, NJ_F32, 4, shape, v) : NULL;
    free(v);
    return th_to(s, t, NJ_F32, cpu);
}

static void report(size_t images, size_t cutn, int side)
{
    static const way ways[2] = {product, loop};
    static const char *const names[2] = {"bands", "loop"};
    const int64_t shape[4] = {(int64_t)images, 3, side, side};
    const int64_t cuts[4] = {(int64_t)(cutn * images), 3, CUT_SIZE, CUT_SIZE};
    th_scope *s = th_scope_new(NULL);
    nj_box *boxes = draw_boxes(images * cutn, side);
    struct bench b = {
        .plan = {
            .size = CUT_SIZE, .images = images, .cutn = cutn, .boxes = boxes}};
    th_tensor *results[2][2];

    b.x = th_leaf(s, values(s, shape), true);
    b.grad = values(s, cuts);
    for (int i = 0; i < 2; i++) {
        double least[2];

        measure(s, &b, ways[i], least, results[i]);
        printf("%-5s %zu x %zu cuts of %d: forward %.2f ms, backward %.2f ms\n",
               names[i], images, cutn, side, 1e3 * least[0], 1e3 * least[1]);
    }
    printf("      largest difference: cuts %.3g, gradient %.3g\n",
           largest_difference(s, results[0][0], results[1][0]),
           largest_difference(s, results[0][1], results[1][1]));
    th_scope_free(s);
    free(boxes);
}

int main(int argc, char **argv)
{
    const int side = argc > 1 ? atoi(argv[1]) : 256;

    th_set_threads(argc > 2 ? atoi(argv[2]) : 1);
    report(1, 16, side);
    report(1, 64, side);
    report(4, 16, side);
    return 0;
}
