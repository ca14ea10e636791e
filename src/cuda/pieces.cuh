// Pieces: neighbouring elements read and written as one word, and element types
// to float and back; sums and sigmoids. Shared by the kernels, each of which
// reads its tensors in 16-byte pieces.
#ifndef NJ_CUDA_PIECES_CUH
#define NJ_CUDA_PIECES_CUH

#include <cstdint>
#include <initializer_list>
#include <type_traits>

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include "base/dtype.h"

namespace nj_pieces
{

__device__ inline float wide(float v)
{
    return v;
}
__device__ inline float wide(__half v)
{
    return __half2float(v);
}
__device__ inline float wide(__nv_bfloat16 v)
{
    return __bfloat162float(v);
}

// V neighbouring channels of one pixel, as the words they are read in: what
// waits to be used stays packed.
template <class T, int V> struct piece {
    using word =
        std::conditional_t<sizeof(T) * V == 2, unsigned short, unsigned>;
    static constexpr int bytes = sizeof(T) * V;
    static constexpr int words = bytes / sizeof(word);

    alignas(bytes < 16 ? bytes : 16) word w[words];
};

// The numbers of one word.
__device__ inline void unpack(unsigned w, const float *, float *to)
{
    to[0] = __uint_as_float(w);
}
__device__ inline void unpack(unsigned w, const __half *, float *to)
{
    to[0] = wide(__ushort_as_half(static_cast<unsigned short>(w)));
    to[1] = wide(__ushort_as_half(static_cast<unsigned short>(w >> 16)));
}
__device__ inline void unpack(unsigned w, const __nv_bfloat16 *, float *to)
{
    to[0] = __uint_as_float(w << 16);
    to[1] = __uint_as_float(w & 0xffff0000u);
}
template <class T>
__device__ void unpack(unsigned short w, const T *, float *to)
{
    float pair[2];

    unpack(static_cast<unsigned>(w), static_cast<const T *>(nullptr), pair);
    to[0] = pair[0];
}

__device__ inline void pack(const float *from, const float *, unsigned *w)
{
    *w = __float_as_uint(from[0]);
}
__device__ inline void pack(const float *from, const __half *, unsigned *w)
{
    const __half2 pair = __floats2half2_rn(from[0], from[1]);

    *w = *reinterpret_cast<const unsigned *>(&pair);
}
__device__ inline void pack(const float *from, const __nv_bfloat16 *,
                            unsigned *w)
{
    const __nv_bfloat162 pair = __floats2bfloat162_rn(from[0], from[1]);

    *w = *reinterpret_cast<const unsigned *>(&pair);
}
template <class T>
__device__ void pack(const float *from, const T *, unsigned short *w)
{
    const float pair[2] = {from[0], 0};
    unsigned both;

    pack(pair, static_cast<const T *>(nullptr), &both);
    *w = static_cast<unsigned short>(both);
}

template <class T, int V>
__device__ void unpack(const piece<T, V> &p, float (&to)[V])
{
    constexpr int each = V / piece<T, V>::words;

#pragma unroll
    for (int i = 0; i < piece<T, V>::words; i++)
        unpack(p.w[i], static_cast<const T *>(nullptr), to + i * each);
}

// By a copy of the piece: where it lies its words would be read one by one.
template <class T, int V> __device__ void load(const T *from, float (&to)[V])
{
    const piece<T, V> p = *reinterpret_cast<const piece<T, V> *>(from);

    unpack(p, to);
}

template <class T, int V> __device__ void store(T *to, const float (&from)[V])
{
    constexpr int each = V / piece<T, V>::words;
    piece<T, V> p;

#pragma unroll
    for (int i = 0; i < piece<T, V>::words; i++)
        pack(from + i * each, static_cast<const T *>(nullptr), &p.w[i]);
    *reinterpret_cast<piece<T, V> *>(to) = p;
}

template <class T, int V> __device__ void copy(const T *from, T *to)
{
    *reinterpret_cast<piece<T, V> *>(to) =
        *reinterpret_cast<const piece<T, V> *>(from);
}

// Up to U pieces, `step` elements apart: all reads are on their way before the
// first one is used. The rest of `to` stays as it is.
template <class T, int V, int U>
__device__ void fetch(const T *from, int64_t step, int count,
                      piece<T, V> (&to)[U])
{
#pragma unroll
    for (int i = 0; i < U; i++)
        if (i < count)
            to[i] = *reinterpret_cast<const piece<T, V> *>(from + i * step);
}

// The sum over a warp, in every lane.
__device__ inline float warp_sum(float v)
{
    for (int distance = 16; distance > 0; distance /= 2)
        v += __shfl_xor_sync(0xffffffffu, v, distance);
    return v;
}

// 1 / (1 + exp(-u)), to 2e-7 for small u; the plain division and the plain
// exponential would cost more than everything else in these kernels.
__device__ inline float sigmoid(float u)
{
    float e, s;

    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(e) : "f"(u * -1.44269504f));
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(s) : "f"(1 + e));
    return s;
}

// Whether 16-byte words may begin at all of the addresses; NULL may be one.
inline bool are_aligned(std::initializer_list<const void *> all)
{
    for (const void *p : all)
        if (reinterpret_cast<uintptr_t>(p) % 16 != 0)
            return false;
    return true;
}

template <class T, class F>
void run_by_width(int64_t row, bool aligned, const F &f)
{
    constexpr int most = 16 / sizeof(T);

    if (aligned && row % most == 0)
        f.template run<T, most>();
    else
        f.template run<T, 1>();
}

// Calls f.run<T, V>(), which launches, for the element type; V elements are 16
// bytes where rows of `row` elements are cut into such words, else one. Returns
// a cudaError_t.
template <class F>
int run_by_type(nj_dtype dtype, int64_t row, bool aligned, const F &f)
{
    switch (dtype) {
    case NJ_F32:
        run_by_width<float>(row, aligned, f);
        break;
    case NJ_F16:
        run_by_width<__half>(row, aligned, f);
        break;
    case NJ_BF16:
        run_by_width<__nv_bfloat16>(row, aligned, f);
        break;
    default:
        return cudaErrorInvalidValue;
    }
    return cudaGetLastError();
}

} // namespace nj_pieces

#endif
