// The exponential of sixteen numbers, for the files that cpu_vectors.hpp is
// for.
//
// It follows Cephes' expf: e^v = 2^n e^r, |r| <= ln(2)/2, and a polynomial of
// degree 6 for e^r; error below 2 units in the last place. v is kept within
// -87 and 88.
#ifndef NJ_TORCH_CPU_EXPONENTIAL_HPP
#define NJ_TORCH_CPU_EXPONENTIAL_HPP

#include "torch/cpu_vectors.hpp"

namespace
{

INLINE vfloat exponential(vfloat v)
{
    const float magic = 12582912.0f; // adding it rounds to an integer
    vfloat n, r, p;

    v = v < -87.0f ? vfloat{} - 87.0f : v;
    v = v > 88.0f ? vfloat{} + 88.0f : v;
    n = v * 1.44269504088896341f + magic;
    const vint power =
        (reinterpret_cast<vint>(n) - reinterpret_cast<vint>(vfloat{} + magic))
        << 23;
    n = n - magic;
    r = v - n * 0.693359375f + n * 2.12194440e-4f;
    p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    return reinterpret_cast<vfloat>(reinterpret_cast<vint>(p) + power);
}

} // namespace

#endif
