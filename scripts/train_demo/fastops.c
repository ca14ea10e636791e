/* Training kernels that torch runs slowly on a CPU: group norm with SiLU, and
 * nearest upsampling, on bfloat16 pictures stored [B, H*W, C] ("channels last").
 *
 * Group norm is z = A[n,c] * xhat + S[n,c], y = silu(z) or z, with xhat normalised
 * over the C/32 channels of a group and all pixels (Wu & He 2018). A and S already
 * hold weight, bias and the time step's scale and shift. Built by fastops.py.
 */
#include <stdint.h>
#include <string.h>

#define GROUPS 32
#define MAX_C 512

typedef uint16_t bf16;

static inline float load(bf16 h)
{
    uint32_t u = (uint32_t)h << 16;
    float f;
    memcpy(&f, &u, 4);
    return f;
}

static inline bf16 store(float f)
{
    uint32_t u;
    memcpy(&u, &f, 4);
    return (bf16)((u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
}

/* exp by 2^n * 2^f, |f| <= .5; relative error below 3e-6. */
static inline float fast_exp(float x)
{
    float t = __builtin_fminf(__builtin_fmaxf(x * 1.44269504f, -126.f), 126.f);
    float whole = __builtin_rintf(t), f = t - whole;
    int32_t n = (int32_t)whole;
    float p = 1.f + f * (.69314718f + f * (.24022651f + f * (.05550411f + f * (.00961813f + f * .00133336f))));
    uint32_t u = (uint32_t)(n + 127) << 23;
    float s;
    memcpy(&s, &u, 4);
    return p * s;
}

static inline float sigmoid(float z) { return 1.f / (1.f + fast_exp(-z)); }

#define SIMD _Pragma("omp simd")

static void group_stats(const bf16 *x, int hw, int c, float *mean, float *rstd)
{
    float s1[MAX_C] = {0}, s2[MAX_C] = {0};
    for (int p = 0; p < hw; p++)
        SIMD for (int k = 0; k < c; k++) {
            float v = load(x[(long)p * c + k]);
            s1[k] += v;
            s2[k] += v * v;
        }
    int per = c / GROUPS;
    for (int g = 0; g < GROUPS; g++) {
        double a = 0, b = 0, n = (double)hw * per;
        for (int k = g * per; k < (g + 1) * per; k++) {
            a += s1[k];
            b += s2[k];
        }
        double m = a / n, var = b / n - m * m;
        mean[g] = (float)m;
        rstd[g] = (float)(1. / __builtin_sqrt((var > 0 ? var : 0) + 1e-5));
    }
}

/* x, y bf16 [B,HW,C]; scale, shift f32 [B,C]; mean, rstd f32 [B,32], written. */
void norm_forward(const bf16 *x, const float *scale, const float *shift, bf16 *y, float *mean, float *rstd, int b,
                  int hw, int c, int silu)
{
    int per = c / GROUPS;
    for (int n = 0; n < b; n++) {
        const bf16 *xn = x + (long)n * hw * c;
        bf16 *yn = y + (long)n * hw * c;
        float p[MAX_C], q[MAX_C];
        group_stats(xn, hw, c, mean + n * GROUPS, rstd + n * GROUPS);
        for (int k = 0; k < c; k++) {
            int g = n * GROUPS + k / per;
            p[k] = scale[n * c + k] * rstd[g];
            q[k] = shift[n * c + k] - mean[g] * p[k];
        }
        for (int i = 0; i < hw; i++) {
            const bf16 *xi = xn + (long)i * c;
            bf16 *yi = yn + (long)i * c;
            if (silu)
                SIMD for (int k = 0; k < c; k++) {
                    float z = load(xi[k]) * p[k] + q[k];
                    yi[k] = store(z * sigmoid(z));
                }
            else
                SIMD for (int k = 0; k < c; k++) yi[k] = store(load(xi[k]) * p[k] + q[k]);
        }
    }
}

/* dz into dx; sums of dz and dz * xhat over the pixels into s1, s2 [C]. */
static void norm_backward_sums(const bf16 *x, const bf16 *dy, const float *scale, const float *shift, const float *m,
                               const float *r, bf16 *dx, float *s1, float *s2, int hw, int c, float silu)
{
    float linear = 1.f - silu;
    memset(s1, 0, sizeof(float) * c);
    memset(s2, 0, sizeof(float) * c);
    for (int i = 0; i < hw; i++) {
        const bf16 *xi = x + (long)i * c, *dyi = dy + (long)i * c;
        bf16 *dxi = dx + (long)i * c;
        SIMD for (int k = 0; k < c; k++) {
            float xhat = (load(xi[k]) - m[k]) * r[k];
            float z = scale[k] * xhat + shift[k], s = sigmoid(z);
            float dz = load(dyi[k]) * (linear + silu * s * (1.f + z * (1.f - s)));
            s1[k] += dz;
            s2[k] += dz * xhat;
            dxi[k] = store(dz);
        }
    }
}

/* dx bf16 like x; dshift = sum dz, dscale = sum dz * xhat, f32 [B,C]. */
void norm_backward(const bf16 *x, const bf16 *dy, const float *scale, const float *shift, const float *mean,
                   const float *rstd, bf16 *dx, float *dscale, float *dshift, int b, int hw, int c, int silu)
{
    int per = c / GROUPS;
    for (int n = 0; n < b; n++) {
        const bf16 *xn = x + (long)n * hw * c;
        bf16 *dn = dx + (long)n * hw * c;
        float m[MAX_C], r[MAX_C], u[MAX_C], v[MAX_C], w[MAX_C];
        float *s1 = dshift + n * c, *s2 = dscale + n * c;
        for (int k = 0; k < c; k++) {
            m[k] = mean[n * GROUPS + k / per];
            r[k] = rstd[n * GROUPS + k / per];
        }
        norm_backward_sums(xn, dy + (long)n * hw * c, scale + n * c, shift + n * c, m, r, dn, s1, s2, hw, c, (float)silu);
        for (int g = 0; g < GROUPS; g++) {
            float a = 0, t = 0, count = (float)hw * per;
            for (int k = g * per; k < (g + 1) * per; k++) {
                a += scale[n * c + k] * s1[k];
                t += scale[n * c + k] * s2[k];
            }
            for (int k = g * per; k < (g + 1) * per; k++) {
                u[k] = scale[n * c + k] * r[k];
                v[k] = -t / count * r[k] * r[k];
                w[k] = -a / count * r[k] - m[k] * v[k];
            }
        }
        for (int i = 0; i < hw; i++) {
            const bf16 *xi = xn + (long)i * c;
            bf16 *di = dn + (long)i * c;
            SIMD for (int k = 0; k < c; k++) di[k] = store(u[k] * load(di[k]) + v[k] * load(xi[k]) + w[k]);
        }
    }
}

/* x [B,H,W,C] -> y [B,2H,2W,C] */
void upsample_forward(const bf16 *x, bf16 *y, int b, int h, int w, int c)
{
    for (long row = 0; row < (long)b * h; row++)
        for (int i = 0; i < w; i++) {
            const bf16 *from = x + (row * w + i) * c;
            for (int k = 0; k < 4; k++)
                memcpy(y + ((2 * row + k / 2) * 2 * w + 2 * i + k % 2) * c, from, sizeof(bf16) * c);
        }
}

/* dy [B,2H,2W,C] -> dx [B,H,W,C] */
void upsample_backward(const bf16 *dy, bf16 *dx, int b, int h, int w, int c)
{
    for (long row = 0; row < (long)b * h; row++)
        for (int i = 0; i < w; i++) {
            const bf16 *p = dy + (2 * row * 2 * w + 2 * i) * c;
            const bf16 *q = p + 2L * w * c;
            SIMD for (int k = 0; k < c; k++)
                dx[(row * w + i) * c + k] = store(load(p[k]) + load(p[k + c]) + load(q[k]) + load(q[k + c]));
        }
}
