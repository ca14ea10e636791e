/* Randomness: see random.h. */
#include "diffusion/random.h"

void nj_random_words(const nj_source *from, uint32_t block, uint32_t out[4])
{
    nj_philox_words(from, block, out);
}

void nj_random_uniforms(const nj_source *from, uint32_t block, double out[4])
{
    uint32_t words[4];

    nj_philox_words(from, block, words);
    for (int i = 0; i < 4; i++)
        out[i] = nj_philox_uniform(words[i]);
}

double nj_random_normal(double u0, double u1)
{
    double pair[2];

    nj_philox_pair(u0, u1, pair);
    return pair[0];
}

void nj_random_field(const nj_source *from, uint32_t first, size_t n,
                     float *out)
{
    for (int64_t block = 0; 4 * block < (int64_t)n; block++)
        nj_philox_store(from, first, block, (int64_t)n, out);
}

int64_t nj_random_integer(double u, int64_t n)
{
    return (int64_t)floor(u * (double)n);
}
