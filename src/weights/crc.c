/* CRC-32: zlib's, and on x86-64 processors with carry-less multiplication
 * four 128-bit lanes that fold 64 bytes a step (Gopal et al., "Fast CRC
 * computation for generic polynomials using PCLMULQDQ instruction", Intel
 * 2009; the constants are x^n mod P for the reflected polynomial 0xedb88320).
 * zlib finishes the last 16 folded bytes, so that no reduction is written
 * here. */
#include "weights/crc.h"

#include <zlib.h>

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#define STEP 64

__attribute__((target("pclmul"))) static __m128i fold(__m128i x, __m128i k,
                                                      __m128i next)
{
    __m128i low = _mm_clmulepi64_si128(x, k, 0x00);
    __m128i high = _mm_clmulepi64_si128(x, k, 0x11);

    return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

static __m128i load(const unsigned char *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

/* n is a multiple of 64 and not 0. */
__attribute__((target("pclmul"))) static uint32_t
crc_of_steps(uint32_t crc, const unsigned char *p, size_t n)
{
    const __m128i by_64 = _mm_set_epi64x(0x1c6e41596, 0x154442bd4);
    const __m128i by_16 = _mm_set_epi64x(0x0ccaa009e, 0x1751997d0);
    unsigned char last[16];
    __m128i x[4];

    for (int i = 0; i < 4; i++)
        x[i] = load(p + 16 * i);
    x[0] = _mm_xor_si128(x[0], _mm_cvtsi32_si128((int)~crc));
    for (size_t at = STEP; at < n; at += STEP) {
        for (int i = 0; i < 4; i++)
            x[i] = fold(x[i], by_64, load(p + at + 16 * (size_t)i));
    }
    for (int i = 0; i < 3; i++)
        x[i + 1] = fold(x[i], by_16, x[i + 1]);
    _mm_storeu_si128((__m128i *)(void *)last, x[3]);
    return (uint32_t)crc32_z(UINT32_MAX, last, sizeof(last));
}

uint32_t nj_crc32(uint32_t crc, const unsigned char *bytes, size_t n)
{
    size_t steps = n - n % STEP;

    if (!__builtin_cpu_supports("pclmul"))
        return (uint32_t)crc32_z(crc, bytes, n);
    if (steps)
        crc = crc_of_steps(crc, bytes, steps);
    return (uint32_t)crc32_z(crc, bytes + steps, n - steps);
}
#else
uint32_t nj_crc32(uint32_t crc, const unsigned char *bytes, size_t n)
{
    return (uint32_t)crc32_z(crc, bytes, n);
}
#endif
