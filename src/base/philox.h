/* Philox: the random numbers of docs/randomness.md, as inline functions that
 * C, C++ and CUDA share (Salmon et al. 2011; Box & Muller 1958).
 *
 * Behind the integers everything is +, -, *, / and sqrt of doubles, which
 * IEEE 754 lets a machine round in one way only. Nothing of a mathematical
 * library is called, so every processor and every GPU gets the same bits,
 * provided that no multiplication is fused with an addition: the build says
 * -ffp-contract=off and, for CUDA, -fmad=false.
 *
 *     const nj_source from = {seed, iteration, stream, draw};
 *     for (int64_t block = 0; 4 * block < n; block++)
 *         nj_philox_store(&from, first, block, n, out);
 *
 * Not for: secrets. */
#ifndef NJ_BASE_PHILOX_H
#define NJ_BASE_PHILOX_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/everywhere.h"

/* Where numbers come from: all but the block. */
typedef struct nj_source {
    uint64_t seed;
    uint32_t iteration;
    uint32_t stream;
    uint32_t draw;
} nj_source;

NJ_EVERYWHERE void nj_philox(const uint32_t counter[4], const uint32_t key[2],
                             uint32_t out[4])
{
    uint32_t c[4] = {counter[0], counter[1], counter[2], counter[3]};
    uint32_t k0 = key[0];
    uint32_t k1 = key[1];

    for (int round = 0; round < 10; round++) {
        const uint64_t p = (uint64_t)0xD2511F53U * c[0];
        const uint64_t q = (uint64_t)0xCD9E8D57U * c[2];

        c[0] = (uint32_t)(q >> 32) ^ c[1] ^ k0;
        c[1] = (uint32_t)q;
        c[2] = (uint32_t)(p >> 32) ^ c[3] ^ k1;
        c[3] = (uint32_t)p;
        k0 += 0x9E3779B9U;
        k1 += 0xBB67AE85U;
    }
    for (int i = 0; i < 4; i++)
        out[i] = c[i];
}

NJ_EVERYWHERE void nj_philox_words(const nj_source *from, uint32_t block,
                                   uint32_t out[4])
{
    const uint32_t counter[4] = {block, from->iteration, from->stream,
                                 from->draw};
    const uint32_t key[2] = {(uint32_t)from->seed,
                             (uint32_t)(from->seed >> 32)};

    nj_philox(counter, key, out);
}

/* (word + 1/2) / 2^32: exact. */
NJ_EVERYWHERE double nj_philox_uniform(uint32_t word)
{
    return ((double)word + 0.5) / 4294967296.0;
}

/* c[0] + z c[1] + ... + z^(n-1) c[n-1] */
NJ_EVERYWHERE double nj_horner(const double *c, int n, double z)
{
    double sum = c[n - 1];

    for (int i = n - 2; i >= 0; i--)
        sum = c[i] + z * sum;
    return sum;
}

/* ln u, 0 < u < 1, as ln 2^e + ln(1 + f) with 1 + f between sqrt(1/2) and
 * sqrt(2). With s = f / (2 + f), ln(1 + f) = 2 artanh s; taking f - f^2/2 out
 * of the series leaves little to be rounded. Error below one unit of the last
 * place. */
NJ_EVERYWHERE double nj_philox_log(double u)
{
    const double terms[10] = {2. / 3,  2. / 5,  2. / 7,  2. / 9,  2. / 11,
                              2. / 13, 2. / 15, 2. / 17, 2. / 19, 2. / 21};
    /* The first part times a small integer is exact. */
    const double ln2[2] = {0x1.62e42feep-1, 0x1.a39ef35793c76p-33};
    uint64_t bits;
    double m, e, f, s, z, h;

    memcpy(&bits, &u, sizeof(bits));
    e = (double)((int)(bits >> 52) - 1023);
    bits = (bits & 0xFFFFFFFFFFFFFU) | (uint64_t)1023 << 52;
    memcpy(&m, &bits, sizeof(m));
    if (m > 1.4142135623730951) {
        m *= .5;
        e += 1;
    }
    f = m - 1;
    s = f / (2 + f);
    z = s * s;
    h = .5 * f * f;
    return e * ln2[0] -
           ((h - (s * (h + z * nj_horner(terms, 10, z)) + e * ln2[1])) - f);
}

/* cos a and sin a, 0 <= a < 7. The angle is taken to a multiple of pi/2 and a
 * rest r + t, |r| < 0.79, whose tail t keeps what r cannot hold; then Taylor's
 * series. Errors below one unit of the last place. */
NJ_EVERYWHERE void nj_philox_turn(double a, double *cosine, double *sine)
{
    const double half_pi[2] = {0x1.921fb544p+0, 0x1.0b4611a626331p-34};
    const double odd[9] = {-1. / 6,
                           1. / 120,
                           -1. / 5040,
                           1. / 362880,
                           -1. / 39916800,
                           1. / 6227020800,
                           -1. / 1307674368000,
                           1. / 355687428096000,
                           -1. / 121645100408832000};
    const double even[8] = {1. / 24,
                            -1. / 720,
                            1. / 40320,
                            -1. / 3628800,
                            1. / 479001600,
                            -1. / 87178291200,
                            1. / 20922789888000,
                            -1. / 6402373705728000};
    const int quarter = (int)(a * 0.63661977236758138 + .5);
    const double near = a - quarter * half_pi[0]; /* exact */
    const double more = quarter * half_pi[1];
    const double r = near - more;
    const double t = (near - r) - more;
    const double z = r * r;
    const double w = 1 - .5 * z;
    const double c =
        w + (((1 - w) - .5 * z) + (z * (z * nj_horner(even, 8, z)) - r * t));
    const double s =
        r - ((z * (.5 * t - z * r * nj_horner(odd + 1, 8, z)) - t) -
             z * r * odd[0]);

    *cosine = quarter % 2 ? s : c;
    *sine = quarter % 2 ? c : s;
    if (quarter == 1 || quarter == 2)
        *cosine = -*cosine;
    if (quarter == 2 || quarter == 3)
        *sine = -*sine;
}

/* Two normals of two uniforms, unrounded. */
NJ_EVERYWHERE void nj_philox_pair(double u0, double u1, double out[2])
{
    const double r = sqrt(-2 * nj_philox_log(u0));
    double c, s;

    nj_philox_turn(6.283185307179586476925286766559 * u1, &c, &s);
    out[0] = r * c;
    out[1] = r * s;
}

/* The four normals of a block, unrounded. */
NJ_EVERYWHERE void nj_philox_normals(const nj_source *from, uint32_t block,
                                     double out[4])
{
    uint32_t words[4];

    nj_philox_words(from, block, words);
    for (int i = 0; i < 4; i += 2)
        nj_philox_pair(nj_philox_uniform(words[i]),
                       nj_philox_uniform(words[i + 1]), out + i);
}

/* Part `block` of a field of n normals that begins with block `first` of the
 * stream: out[4 block] to out[4 block + 3], as far as they are below n. */
NJ_EVERYWHERE void nj_philox_store(const nj_source *from, uint32_t first,
                                   int64_t block, int64_t n, float *out)
{
    double normals[4];

    nj_philox_normals(from, first + (uint32_t)block, normals);
    for (int64_t i = 0; i < 4 && 4 * block + i < n; i++)
        out[4 * block + i] = (float)normals[i];
}

#endif
