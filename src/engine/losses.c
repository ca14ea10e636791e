/* Losses: each formula as it stands in the header, in tensor operations. */
#include "engine/losses.h"

static const int pixels[3] = {1, 2, 3}; /* C, H, W of [B,C,H,W] */

th_tensor *nj_blend(th_scope *s, const th_tensor *x0, const th_tensor *x,
                    double sigma)
{
    return th_add(s, th_mul_scalar(s, x0, sigma),
                  th_mul_scalar(s, x, 1 - sigma));
}

/* Sum over C,H,W of the squared steps along one side -> [B]. */
static th_tensor *squared_steps(th_scope *s, const th_tensor *x, int dim)
{
    const int64_t n = th_size(x, dim) - 1;
    const th_tensor *step =
        th_sub(s, th_narrow(s, x, dim, 1, n), th_narrow(s, x, dim, 0, n));

    return th_sum_dims(s, th_square(s, step), 3, pixels, false);
}

th_tensor *nj_tv_loss(th_scope *s, const th_tensor *x)
{
    const double n = (double)(th_size(x, 1) * th_size(x, 2) * th_size(x, 3));
    const th_tensor *sum =
        th_add(s, squared_steps(s, x, 2), squared_steps(s, x, 3));

    /* The repeated last row and column add no step but count in the mean. */
    return th_mul_scalar(s, sum, 1 / n);
}

static th_tensor *overshoot(th_scope *s, const th_tensor *x)
{
    return th_sub(s, x, th_clamp(s, x, -1, 1));
}

th_tensor *nj_range_loss(th_scope *s, const th_tensor *x)
{
    return th_mean_dims(s, th_square(s, overshoot(s, x)), 3, pixels, false);
}

th_tensor *nj_saturation_loss(th_scope *s, const th_tensor *x)
{
    return th_mean_dims(s, th_abs(s, overshoot(s, x)), 3, pixels, false);
}

static th_tensor *unit_vector(th_scope *s, const th_tensor *a)
{
    return th_div(s, a, th_clamp_min(s, th_norm(s, a, -1, true), 1e-12));
}

th_tensor *nj_spherical_distance(th_scope *s, const th_tensor *a,
                                 const th_tensor *b)
{
    const th_tensor *u = unit_vector(s, a);
    const th_tensor *v = unit_vector(s, b);
    /* Of unit vectors asin(|u - v| / 2) is half the angle between them, and so
     * is this: without asin's infinite slope at opposite vectors. */
    const th_tensor *half_angle =
        th_atan2(s, th_norm(s, th_sub(s, u, v), -1, false),
                 th_norm(s, th_add(s, u, v), -1, false));

    return th_mul_scalar(s, th_square(s, half_angle), 2);
}

th_tensor *nj_clip_distances(th_scope *s, const th_tensor *embeddings,
                             const th_tensor *targets)
{
    const int64_t width = th_size(targets, -1);
    const int64_t prompts = th_size(targets, -2);
    const int64_t images = th_ndim(targets) == 3 ? th_size(targets, 0) : 1;
    const int64_t split[4] = {-1, images, 1, width};
    const int64_t rows[2] = {-1, prompts};
    const th_tensor *e = th_reshape(s, embeddings, 4, split);  /* [N,B,1,D] */
    const th_tensor *d = nj_spherical_distance(s, e, targets); /* [N,B,P] */

    return th_reshape(s, d, 2, rows);
}

th_tensor *nj_clip_sums(th_scope *s, const th_tensor *distances,
                        const th_tensor *weights, size_t images)
{
    const int64_t split[3] = {-1, (int64_t)images, th_size(distances, 1)};
    const th_tensor *d = th_reshape(s, distances, 3, split); /* [N,B,P] */

    return th_sum_dims(s, th_mul(s, d, weights), 1, (const int[]){2}, false);
}

th_tensor *nj_clip_loss(th_scope *s, const th_tensor *distances,
                        const th_tensor *weights, size_t images)
{
    return th_mean_dims(s, nj_clip_sums(s, distances, weights, images), 1,
                        (const int[]){0}, false);
}

/* g * limit / max(r, limit), which is min(r, limit) / r without a quotient of
 * zeros; r is the root mean square over `dims`. */
static th_tensor *clamp_rms(th_scope *s, const th_tensor *g, double limit,
                            int n, const int *dims)
{
    const th_tensor *mean = th_mean_dims(s, th_square(s, g), n, dims, true);
    const th_tensor *r = th_clamp_min(s, th_sqrt(s, mean), limit);

    return th_div(s, th_mul_scalar(s, g, limit), r);
}

th_tensor *nj_rms_clamp(th_scope *s, const th_tensor *g, double limit)
{
    return clamp_rms(s, g, limit, 3, pixels);
}

th_tensor *nj_rms_clamp_batch(th_scope *s, const th_tensor *g, double limit)
{
    return clamp_rms(s, g, limit, 4, (const int[]){0, 1, 2, 3});
}

th_tensor *nj_fuzzy_targets(th_scope *s, const th_tensor *embedding,
                            const th_tensor *noise, double magnitude)
{
    const th_tensor *copies =
        th_add(s, embedding, th_mul_scalar(s, noise, magnitude));

    return th_clamp(s, copies, 0, 1);
}
