/* th: libtorch's tensors as plain C.
 *
 * Scopes own tensors: every operation takes the scope that owns its result,
 * and ending a scope frees everything in it. Errors stick: after the first
 * failure in a scope (or a scope below it) every operation returns NULL and
 * does nothing, so a network is written as straight lines and asks once.
 *
 *     th_scope *s = th_scope_new(NULL);
 *     th_tensor *x = th_from_data(s, NJ_F32, 4, shape, pixels);
 *     th_tensor *y = th_silu(s, th_conv2d(s, x, w, b, 1, 1));
 *     th_read_f32(s, y, out, n);
 *     if (th_scope_check(s, &err) != NJ_OK) ...
 *     th_scope_free(s);
 *
 * The shim is mechanical: unwrap, one ATen call, wrap. It knows no network,
 * has no defaults and prints nothing. Names are ATen's. Sizes of dimensions:
 * B batch, C channels, H W pixels, N cutouts, T tokens, D embedding width.
 * Not for: several threads on one scope at the same time.
 *
 * Unless said otherwise a function borrows its tensors, returns a tensor owned
 * by `s`, and keeps dtype and device of its first tensor.
 */
#ifndef NJ_TORCH_TH_H
#define NJ_TORCH_TH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/dtype.h"
#include "base/err.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct th_tensor th_tensor;
typedef struct th_scope th_scope;

typedef enum th_device_kind { TH_CPU = 0, TH_CUDA } th_device_kind;

typedef struct th_device {
    th_device_kind kind;
    int index; /* of the CUDA device; 0 for the CPU */
} th_device;

/* ---- process-wide ------------------------------------------------------ */

int64_t th_live(void);            /* handles that exist; tests end at 0 */
const char *th_version(void);     /* libtorch's version */
int th_cuda_count(void);          /* usable CUDA devices; 0 without one */
void th_set_threads(int threads); /* intra-op threads of the CPU, >= 1 */
int th_threads(void);
/* Freed host memory stays with the process and is used again. For a program
 * that runs networks for long; it holds for all of the process. */
void th_keep_memory(void);

/* Host memory of tensors of at least 64 KiB, in bytes. All 0 before
 * th_keep_memory, and where addresses are rationed (ulimit -v, sanitizers). */
typedef struct th_host_memory {
    int64_t now;
    int64_t peak; /* at most since the last reset */
    int64_t held; /* by the process for them: what is free in between too */
} th_host_memory;

th_host_memory th_host_count(bool reset_peak);
/* Fixed algorithm choice (no benchmarking, deterministic kernels) or, with
 * fast = true, whatever libtorch finds quickest. */
void th_set_fast(bool fast);
/* TF32 matrix units for float32 products on CUDA. */
void th_set_tf32(bool allow);
/* Whether the custom functions (th_group_norm_silu, th_conv2d, th_attention)
 * use libtorch's plain autograd instead, which saves more activations. For
 * tests and measurements. */
void th_set_plain_autograd(bool plain);
/* Whether gradients that libtorch adds up in any order on CUDA, and which are
 * made to repeat there unless speed comes first, take that way on the CPU too.
 * For tests. */
void th_set_repeatable_everywhere(bool on);
/* Bytes that autograd holds for the backward pass right now. */
int64_t th_saved_bytes(void);
/* Waits until a device has done all that it was given. */
void th_wait(th_device device);
/* Bytes that the process holds on a CUDA device for tensors, those between
 * tensors and of recordings too, now / at most so far. */
int64_t th_cuda_held(int index);
int64_t th_cuda_held_peak(int index);
/* Bytes that are free on it, other programs' share taken off; 0: no such
 * device. */
int64_t th_cuda_free(int index);

/* ---- scopes ------------------------------------------------------------ */

/* A new scope. With a parent, errors go to the parent's root too; the child
 * must be freed before its parent. NULL when memory is short. */
th_scope *th_scope_new(th_scope *parent);
void th_scope_free(th_scope *s); /* frees its tensors; NULL is fine */

/* First error of the scope's tree, or NJ_OK. Out of memory on the device is
 * NJ_E_DEVICE_MEMORY, on the host NJ_E_MEMORY. */
nj_status th_scope_check(const th_scope *s, nj_err *err) NJ_MUST_USE;

/* What kind of failure a message of libtorch tells of. */
nj_status th_failure_of(const char *message);

/* Clears the error. For tests that go on after a refusal. */
void th_scope_clear_error(th_scope *s);

/* Records an error as if an operation had failed. */
void th_scope_fail(th_scope *s, nj_status code, const char *text);

/* A second handle on t, owned by `outer`; use it to hand a result on. */
th_tensor *th_keep(th_scope *outer, const th_tensor *t);

/* ---- making and reading ------------------------------------------------ */

th_tensor *th_from_data(th_scope *s, nj_dtype dtype, int ndim,
                        const int64_t *shape, const void *data);

/* Numbers in plain memory; strides are counted in elements and >= 0. */
typedef struct th_memory {
    nj_dtype dtype;
    int ndim;
    const int64_t *shape, *stride;
    const void *data; /* may be unaligned */
} th_memory;

/* A copy of m, row-major, converted to `to` on `device`; needs no other memory
 * of its size, unless m is both unaligned and not row-major. */
th_tensor *th_from_strided(th_scope *s, const th_memory *m, nj_dtype to,
                           th_device device);
th_tensor *th_zeros(th_scope *s, nj_dtype dtype, th_device device, int ndim,
                    const int64_t *shape);
th_tensor *th_full(th_scope *s, nj_dtype dtype, th_device device, int ndim,
                   const int64_t *shape, double value);
th_tensor *th_to(th_scope *s, const th_tensor *t, nj_dtype dtype,
                 th_device device);

/* Where the normals of a batch come from (docs/randomness.md): image b's are
 * the field of seeds[b] from block `first` of the stream on. */
typedef struct th_normals {
    const uint64_t *seeds; /* [shape[0]] */
    uint32_t iteration, stream, draw, first;
} th_normals;

/* float32 [B,...], made on the device that has it; each image is a field of
 * its own, row-major. The same bytes on every device. */
th_tensor *th_philox_normals(th_scope *s, const th_normals *from,
                             th_device device, int ndim, const int64_t *shape);

/* x [B,...] float32 + scale * normals, in one pass: picture b gets those of
 * each[b], which has one seed. The same numbers as from the three operations.
 */
th_tensor *th_add_normals(th_scope *s, const th_tensor *x, double scale,
                          const th_normals *each);

/* Copies n elements, row-major, as float32 to the host. n must be the number
 * of elements. */
void th_read_f32(th_scope *s, const th_tensor *t, float *out, size_t n);
/* The elements of n tensors one after the other, as float32 on their way to the
 * host: the device need not have computed them yet. NULL after an error; freed
 * with th_later_free. */
typedef struct th_later th_later;
th_later *th_read_later(th_scope *s, const th_tensor *const *t, size_t n);
/* Waits until they are there, and copies all n of them. */
void th_later_read(th_scope *s, th_later *l, float *out, size_t n);
void th_later_free(th_later *l); /* NULL is fine */
/* Whether the host goes on while the device computes: on CUDA, and, for tests,
 * everywhere when that is switched on. */
bool th_runs_ahead(th_device device);
void th_set_ahead_everywhere(bool on);

int th_ndim(const th_tensor *t);              /* 0 for NULL */
int64_t th_size(const th_tensor *t, int dim); /* 0 for NULL; dim < 0: from the
                                                 last */
nj_dtype th_dtype(const th_tensor *t);
th_device th_where(const th_tensor *t);
size_t th_elements(const th_tensor *t);

/* ---- gradients --------------------------------------------------------- */

/* t detached from its history; needs_grad makes it a leaf to derive by. */
th_tensor *th_leaf(th_scope *s, const th_tensor *t, bool needs_grad);
/* d sum(y * grad_y) / d x; grad_y NULL: ones. x must be a leaf or a value on
 * the way. Frees the graph of y. */
th_tensor *th_grad(th_scope *s, const th_tensor *y, const th_tensor *grad_y,
                   const th_tensor *x);
/* The same, keeping the graph for another call. For tests. */
th_tensor *th_grad_retain(th_scope *s, const th_tensor *y,
                          const th_tensor *grad_y, const th_tensor *x);
/* A part of a network: its result in s, a function of the inputs alone. */
typedef th_tensor *th_block(th_scope *s, const void *user,
                            const th_tensor *const *inputs);
/* block(inputs), of which the backward pass keeps the n inputs only: it runs
 * the block once more. Result and gradients are the same numbers as without.
 * Gradients are made by those inputs that have a history or are leaves to
 * derive by. `user` must live until the backward pass is done.
 *
 * *through (NULL: not wanted) gets the last input once more, for what uses it
 * besides: the gradient from there is the first that its gradients in the block
 * are added to, as without a checkpoint, so that not even a sum's last bit
 * changes. */
th_tensor *th_checkpoint(th_scope *s, th_block *block, const void *user,
                         const th_tensor *const *inputs, size_t n,
                         th_tensor **through);
/* Recording of gradients on this thread; returns the old state. */
bool th_enable_grad(bool on);

/* ---- arithmetic (shapes broadcast) ------------------------------------- */

th_tensor *th_add(th_scope *s, const th_tensor *a, const th_tensor *b);
th_tensor *th_sub(th_scope *s, const th_tensor *a, const th_tensor *b);
th_tensor *th_mul(th_scope *s, const th_tensor *a, const th_tensor *b);
th_tensor *th_div(th_scope *s, const th_tensor *a, const th_tensor *b);
th_tensor *th_add_scalar(th_scope *s, const th_tensor *a, double b);
th_tensor *th_mul_scalar(th_scope *s, const th_tensor *a, double b);
th_tensor *th_clamp(th_scope *s, const th_tensor *a, double low, double high);
th_tensor *th_clamp_min(th_scope *s, const th_tensor *a, double low);
th_tensor *th_neg(th_scope *s, const th_tensor *a);
th_tensor *th_abs(th_scope *s, const th_tensor *a);
th_tensor *th_square(th_scope *s, const th_tensor *a);
th_tensor *th_sqrt(th_scope *s, const th_tensor *a);
th_tensor *th_exp(th_scope *s, const th_tensor *a);
th_tensor *th_sin(th_scope *s, const th_tensor *a);
th_tensor *th_cos(th_scope *s, const th_tensor *a);
th_tensor *th_atan2(th_scope *s, const th_tensor *a, const th_tensor *b);
/* A boolean tensor, and a choice by one. */
th_tensor *th_eq_scalar(th_scope *s, const th_tensor *a, double b);
th_tensor *th_where_self(th_scope *s, const th_tensor *condition,
                         const th_tensor *a, const th_tensor *b);
/* Whether every element is finite; false after an error. */
bool th_all_finite(th_scope *s, const th_tensor *a);
/* [B,...] -> [B] float32: 1 where every element is finite, else 0. */
th_tensor *th_finite(th_scope *s, const th_tensor *a);

/* ---- reductions -------------------------------------------------------- */

/* On one thread, so that the result does not depend on their number. */
th_tensor *th_sum(th_scope *s, const th_tensor *a); /* -> [] */
th_tensor *th_sum_dims(th_scope *s, const th_tensor *a, int n, const int *dims,
                       bool keep);
th_tensor *th_mean_dims(th_scope *s, const th_tensor *a, int n, const int *dims,
                        bool keep);
th_tensor *th_norm(th_scope *s, const th_tensor *a, int dim, bool keep);

/* ---- shape ------------------------------------------------------------- */

th_tensor *th_reshape(th_scope *s, const th_tensor *a, int ndim,
                      const int64_t *shape); /* one size may be -1 */
th_tensor *th_permute(th_scope *s, const th_tensor *a, int ndim,
                      const int *order);
th_tensor *th_transpose(th_scope *s, const th_tensor *a, int d0, int d1);
th_tensor *th_unsqueeze(th_scope *s, const th_tensor *a, int dim);
/* The gradient of what was spread over a picture is summed like th_sum. */
th_tensor *th_expand(th_scope *s, const th_tensor *a, int ndim,
                     const int64_t *shape); /* -1 keeps a size */
th_tensor *th_narrow(th_scope *s, const th_tensor *a, int dim, int64_t start,
                     int64_t length);
th_tensor *th_select(th_scope *s, const th_tensor *a, int dim, int64_t index);

typedef struct th_window {
    int64_t top, left, height, width;
} th_window;

/* Picture b's window: [B,C,H,W] -> [1,C,height,width]. */
th_tensor *th_crop(th_scope *s, const th_tensor *a, int64_t b,
                   const th_window *window);
th_tensor *th_cat(th_scope *s, const th_tensor *const *list, size_t n, int dim);
th_tensor *th_stack(th_scope *s, const th_tensor *const *list, size_t n,
                    int dim);
th_tensor *th_index_select(th_scope *s, const th_tensor *a, int dim,
                           const th_tensor *index);
th_tensor *th_flip(th_scope *s, const th_tensor *a, int dim);
th_tensor *th_contiguous(th_scope *s, const th_tensor *a);
th_tensor *th_channels_last(th_scope *s, const th_tensor *a); /* [B,C,H,W] */
/* Copies src into a, in place (same shape; dtype and device are converted). */
void th_copy_(th_scope *s, th_tensor *a, const th_tensor *src);

typedef enum th_pad_mode {
    TH_PAD_ZERO,
    TH_PAD_REFLECT,
    TH_PAD_REPLICATE
} th_pad_mode;
/* [B,C,H,W] -> [B,C,H+top+bottom,W+left+right] */
th_tensor *th_pad2d(th_scope *s, const th_tensor *a, th_pad_mode mode, int left,
                    int right, int top, int bottom);

/* ---- networks ---------------------------------------------------------- */

/* Weights are frozen: no gradient is made for w, b, gamma, beta. Bias, gamma
 * and beta may be NULL. Convolutions keep no activation for the backward. */
th_tensor *th_conv2d(th_scope *s, const th_tensor *x, const th_tensor *w,
                     const th_tensor *b, int stride, int padding);
/* The same with stride 1, plus `more` of the result's shape and x's type: on
 * CUDA in one pass with the bias. Gradients with respect to x and more. */
th_tensor *th_conv2d_add(th_scope *s, const th_tensor *x, const th_tensor *w,
                         const th_tensor *b, int padding,
                         const th_tensor *more);
/* x [...,in], w [out,in] */
th_tensor *th_linear(th_scope *s, const th_tensor *x, const th_tensor *w,
                     const th_tensor *b);
th_tensor *th_matmul(th_scope *s, const th_tensor *a, const th_tensor *b);

typedef struct th_group_norm {
    int groups;
    double eps;
    const th_tensor *gamma, *beta;  /* [C], each may be NULL: 1, 0 */
    const th_tensor *scale, *shift; /* [B,C], or both NULL: 0, 0 */
    bool silu;                      /* false leaves the SiLU out */
    th_tensor **through; /* or NULL: gets x, for a shortcut past the norm, whose
                            gradient the norm's own backward pass adds */
} th_group_norm;

/* SiLU((norm(x) * gamma + beta) * (1 + scale) + shift): group norm over
 * [C/groups,H,W] with float32 statistics, x [B,C,H,W]; on the CPU the result
 * is channels last. Saves only x and the moments for the backward. Gradients
 * with respect to x, scale and shift. */
th_tensor *th_group_norm_silu(th_scope *s, const th_tensor *x,
                              const th_group_norm *n);
/* Over the last dimension, statistics in float32. */
th_tensor *th_layer_norm(th_scope *s, const th_tensor *x,
                         const th_tensor *gamma, const th_tensor *beta,
                         double eps);
/* softmax(q k^T * scale) v over [B,heads,T,D]; causal hides later tokens. */
th_tensor *th_attention(th_scope *s, const th_tensor *q, const th_tensor *k,
                        const th_tensor *v, double scale, bool causal);
/* The same of q, k and v side by side: qkv [B,T,3,heads,D] (dim 2) or
 * [B,T,heads,3,D] (dim 3) -> [B,T,heads*D]. */
th_tensor *th_packed_attention(th_scope *s, const th_tensor *qkv, int dim,
                               double scale, bool causal);
th_tensor *th_silu(th_scope *s, const th_tensor *x);
th_tensor *th_quick_gelu(th_scope *s, const th_tensor *x); /* x s(1.702 x) */
th_tensor *th_gelu(th_scope *s, const th_tensor *x);       /* by erf */
th_tensor *th_relu(th_scope *s, const th_tensor *x);
th_tensor *th_leaky_relu(th_scope *s, const th_tensor *x, double slope);
th_tensor *th_embedding(th_scope *s, const th_tensor *table,
                        const th_tensor *ids); /* ids int64 */
th_tensor *th_avg_pool2d(th_scope *s, const th_tensor *x, int size);
th_tensor *th_max_pool2d(th_scope *s, const th_tensor *x, int size);
th_tensor *th_upsample_nearest2d(th_scope *s, const th_tensor *x, int64_t h,
                                 int64_t w);
th_tensor *th_upsample_bilinear2d(th_scope *s, const th_tensor *x, int64_t h,
                                  int64_t w, bool align_corners);
th_tensor *th_pixel_unshuffle(th_scope *s, const th_tensor *x, int factor);

/* ---- a sampler's step --------------------------------------------------- */

typedef enum th_update_kind {
    TH_UPDATE_LEARNED, /* DDPM whose network says where the variance lies */
    TH_UPDATE_FIXED,   /* DDPM with the step's variance */
    TH_UPDATE_DDIM
} th_update_kind;

/* Tensors [B,C,H,W] float32 of any layout, on one device, and figures (see
 * diffusion/steps.h); those that a kind does not name are not looked at.
 *   learned  mean_x0 x0 + mean_x x + s^2 g + s z, s^2 = exp(reach v + middle)
 *   fixed    mean_x0 x0 + mean_x x + variance g + deviation z
 *   DDIM     ddim_x0 x0 + ddim_eps eps + ddim_z z, where with g: eps - sigma g
 *            for eps, and recip x - recipm1 of that for x0 */
typedef struct th_update {
    th_update_kind kind;
    const th_tensor *x, *x0;
    const th_tensor *eps, *v;
    const th_tensor *g, *z; /* or NULL: nothing is added */
    double mean_x0, mean_x, variance, deviation;
    double middle, reach;
    double recip, recipm1, sigma;
    double ddim_x0, ddim_eps, ddim_z;
} th_update;

/* The next x, row-major, in one pass; no gradient. */
th_tensor *th_sampler_update(th_scope *s, const th_update *u);

/* ---- projective maps --------------------------------------------------- */

/* Output (X, Y) reads the input at ((m0 X + m1 Y + m2) / z,
 * (m3 X + m4 Y + m5) / z), z = m6 X + m7 Y + 1; pixel i of a side lies at
 * i + 1/2, and zeros lie outside. */
typedef struct th_projection {
    double m[8];
    bool nearest;       /* else bilinear */
    const double *fill; /* [C]: mixed in as far as what is read lies outside,
                           or, nearest, where more than half does; NULL: no */
} th_projection;

/* x [B,C,H,W] float32, at most four channels -> the same shape. Keeps nothing
 * for the gradient, each number of which is one sum in a fixed order, the same
 * on any number of threads. */
th_tensor *th_project(th_scope *s, const th_tensor *x,
                      const th_projection *projection);

/* ---- colours ------------------------------------------------------------ */

typedef enum th_color_kind {
    TH_COLOR_BRIGHTNESS, /* clamp(factor x, 0, 1) */
    TH_COLOR_CONTRAST,   /* the same of factor x + (1 - factor) mean(grey) */
    TH_COLOR_SATURATION, /* the same of factor x + (1 - factor) grey */
    TH_COLOR_HUE,        /* RGB to HSV, hue plus factor modulo 1, and back */
    TH_COLOR_GRAY        /* .2989 R + .587 G + .114 B thrice; no factor */
} th_color_kind;

typedef struct th_color_step {
    th_color_kind kind;
    double factor;
} th_color_step;

/* One to four steps, one after the other, of x [B,3,H,W] float32; contrast at
 * most once, its mean that of each image. The backward pass keeps x only. */
th_tensor *th_color(th_scope *s, const th_tensor *x, const th_color_step *steps,
                    int n);

/* ---- separable maps ---------------------------------------------------- */

/* A banded matrix for one side of each of several pictures: output i of
 * picture r is the sum over k of weights[r,i,k] * input[first[r,i] + k], and
 * every first[r,i] + taps lies within the inputs. Borrowed host memory. */
typedef struct th_band {
    int64_t inputs;
    int64_t outputs;
    int64_t taps;
    const int32_t *first; /* [pictures,outputs] */
    const float *weights; /* [pictures,outputs,taps] */
} th_band;

/* Maps of rows and columns, and their transposes for the gradient. */
typedef struct th_bands {
    int64_t pictures;
    th_band rows;      /* H -> S */
    th_band cols;      /* W -> T */
    th_band rows_back; /* S -> H */
    th_band cols_back; /* T -> W */
} th_bands;

/* Resamples x [B,C,H,W] into `pictures` pictures [R,C,S,T], picture r from
 * x[r % B]: rows_r x cols_r^T. float32. Each number of the result and of the
 * gradient is one sum in a fixed order, the same on any number of threads. */
th_tensor *th_apply_bands(th_scope *s, const th_tensor *x,
                          const th_bands *bands);

#ifdef __cplusplus
}
#endif

#endif
