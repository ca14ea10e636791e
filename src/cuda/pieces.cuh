// Pieces: neighbouring elements read and written as one word, and element types
// to float and back. Shared by the kernels, each of which reads channels-last
// tensors in 16-byte pieces.
#ifndef NJ_CUDA_PIECES_CUH
#define NJ_CUDA_PIECES_CUH

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

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
__device__ inline void narrow(float v, float *out)
{
    *out = v;
}
__device__ inline void narrow(float v, __half *out)
{
    *out = __float2half_rn(v);
}
__device__ inline void narrow(float v, __nv_bfloat16 *out)
{
    *out = __float2bfloat16_rn(v);
}

// V neighbouring channels of one pixel.
template <class T, int V> struct alignas(sizeof(T) * V) piece {
    T v[V];
};

template <class T, int V> __device__ void load(const T *from, float (&to)[V])
{
    const piece<T, V> p = *reinterpret_cast<const piece<T, V> *>(from);

#pragma unroll
    for (int i = 0; i < V; i++)
        to[i] = wide(p.v[i]);
}

template <class T, int V> __device__ void store(T *to, const float (&from)[V])
{
    piece<T, V> p;

#pragma unroll
    for (int i = 0; i < V; i++)
        narrow(from[i], &p.v[i]);
    *reinterpret_cast<piece<T, V> *>(to) = p;
}

} // namespace nj_pieces

#endif
