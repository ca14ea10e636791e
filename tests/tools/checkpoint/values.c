/* See values.h. A value is the sum of four 16-bit uniforms of one 64-bit word
 * (Irwin and Hall), scaled to deviation 1: Box-Muller would take ten times as
 * long for half a billion values and nothing here needs the tails. Words are
 * those of splitmix64 (Steele, Lea, Flood 2014), by index. */
#include "values.h"

#include <math.h>
#include <string.h>

static uint64_t word_at(uint64_t seed, uint64_t index)
{
    uint64_t z = seed + (index + 1) * UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static float normal_at(uint64_t seed, uint64_t index, float scale)
{
    uint64_t w = word_at(seed, index);
    uint32_t sum = (uint32_t)(w & 0xffff) + (uint32_t)(w >> 16 & 0xffff) +
                   (uint32_t)(w >> 32 & 0xffff) + (uint32_t)(w >> 48);

    return ((float)sum - 131070.0F) * scale;
}

/* Round to nearest, ties to even; values here are far below 65504. */
static uint16_t to_half(float f)
{
    uint32_t bits;
    uint32_t magnitude;
    uint16_t sign;

    memcpy(&bits, &f, sizeof(bits));
    sign = (uint16_t)(bits >> 16 & 0x8000);
    magnitude = bits & 0x7fffffff;
    if (magnitude < 0x38800000)
        return (uint16_t)(sign | (uint16_t)lrintf(fabsf(f) * 0x1p24F));
    magnitude += 0xfff + (magnitude >> 13 & 1);
    return (uint16_t)(sign | (uint16_t)((magnitude - 0x38000000) >> 13));
}

static void fill_floats(float *out, size_t n, uint64_t seed, float scale)
{
    for (size_t i = 0; i < n; i++)
        out[i] = normal_at(seed, i, scale);
}

static void fill_halves(uint16_t *out, size_t n, uint64_t seed, float scale)
{
    for (size_t i = 0; i < n; i++)
        out[i] = to_half(normal_at(seed, i, scale));
}

static void fill_constant(const spec_tensor *t, size_t n, void *out)
{
    float *floats = out;
    uint16_t *halves = out;
    int64_t *integers = out;

    for (size_t i = 0; i < n; i++) {
        if (t->dtype == NJ_F32)
            floats[i] = (float)t->scale;
        else if (t->dtype == NJ_F16)
            halves[i] = to_half((float)t->scale);
        else
            integers[i] = (int64_t)t->scale;
    }
}

void make_values(const spec_tensor *t, size_t n, uint64_t seed, void *out)
{
    /* Deviation of the sum: sqrt(4 * (2^32 - 1) / 12). */
    float scale = (float)(t->scale / sqrt(4 * 4294967295.0 / 12));

    if (t->values == SPEC_CONSTANT)
        fill_constant(t, n, out);
    else if (t->dtype == NJ_F16)
        fill_halves(out, n, seed, scale);
    else
        fill_floats(out, n, seed, scale);
}
