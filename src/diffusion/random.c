/* Randomness: see random.h. Everything is double until a normal is stored, so
 * that every platform's libm gives the same floats. */
#include "diffusion/random.h"

#include <math.h>
#include <string.h>

static const double two_pi = 6.283185307179586476925286766559;

void nj_philox(const uint32_t counter[4], const uint32_t key[2],
               uint32_t out[4])
{
    uint32_t c[4] = {counter[0], counter[1], counter[2], counter[3]};
    uint32_t k0 = key[0];
    uint32_t k1 = key[1];

    for (int round = 0; round < 10; round++) {
        uint64_t p = (uint64_t)0xD2511F53U * c[0];
        uint64_t q = (uint64_t)0xCD9E8D57U * c[2];

        c[0] = (uint32_t)(q >> 32) ^ c[1] ^ k0;
        c[1] = (uint32_t)q;
        c[2] = (uint32_t)(p >> 32) ^ c[3] ^ k1;
        c[3] = (uint32_t)p;
        k0 += 0x9E3779B9U;
        k1 += 0xBB67AE85U;
    }
    memcpy(out, c, sizeof(c));
}

void nj_random_words(const nj_source *from, uint32_t block, uint32_t out[4])
{
    const uint32_t counter[4] = {block, from->iteration, from->stream,
                                 from->draw};
    const uint32_t key[2] = {(uint32_t)from->seed,
                             (uint32_t)(from->seed >> 32)};

    nj_philox(counter, key, out);
}

void nj_random_uniforms(const nj_source *from, uint32_t block, double out[4])
{
    uint32_t words[4];

    nj_random_words(from, block, words);
    for (int i = 0; i < 4; i++)
        out[i] = ((double)words[i] + 0.5) / 4294967296.0;
}

static void normal_pair(double u0, double u1, double out[2])
{
    double r = sqrt(-2 * log(u0));

    out[0] = r * cos(two_pi * u1);
    out[1] = r * sin(two_pi * u1);
}

double nj_random_normal(double u0, double u1)
{
    double pair[2];

    normal_pair(u0, u1, pair);
    return pair[0];
}

void nj_random_normals(const nj_source *from, uint32_t block, double out[4])
{
    double u[4];

    nj_random_uniforms(from, block, u);
    normal_pair(u[0], u[1], out);
    normal_pair(u[2], u[3], out + 2);
}

void nj_random_field(const nj_source *from, uint32_t first, size_t n,
                     float *out)
{
    double normals[4];

    for (size_t i = 0; i < n; i++) {
        if (i % 4 == 0)
            nj_random_normals(from, first + (uint32_t)(i / 4), normals);
        out[i] = (float)normals[i % 4];
    }
}

int64_t nj_random_integer(double u, int64_t n)
{
    return (int64_t)floor(u * (double)n);
}
