// What the loops of cpu_*.cpp share: sixteen numbers as one value of the
// compiler's vector types, and bfloat16.
//
// Each of those files is compiled several times with other instruction sets
// (scripts/cmake/kernels.cmake), hence everything here belongs to the file that
// includes it and is always inlined, and nothing comes from the C++ library:
// the linker could keep a copy that an older processor cannot run.
#ifndef NJ_TORCH_CPU_VECTORS_HPP
#define NJ_TORCH_CPU_VECTORS_HPP

#include <stdint.h>

#ifndef NJ_KERNELS
#define NJ_KERNELS baseline
#endif

// The name of a file's table of functions for these instructions.
#define JOIN_(a, b) a##b
#define JOIN(a, b)  JOIN_(a, b)
#define TABLE(name) JOIN(name, NJ_KERNELS)

#define INLINE static inline __attribute__((always_inline))

namespace
{

typedef float vfloat __attribute__((vector_size(64)));
typedef int32_t vint __attribute__((vector_size(64)));
typedef uint32_t vword __attribute__((vector_size(64)));
typedef uint16_t vhalf __attribute__((vector_size(32)));

struct bf16 {
    uint16_t bits;
};

constexpr int64_t lanes = 16;

INLINE vfloat from_bf16(vhalf h)
{
    return reinterpret_cast<vfloat>(__builtin_convertvector(h, vword) << 16);
}

// The upper halves hold bfloat16: to the nearest, ties to even; NaN stays NaN.
INLINE vword rounded(vfloat v)
{
    const vword bits = reinterpret_cast<vword>(v);
    const vint is_nan = v != v;
    const vword mask = reinterpret_cast<vword>(is_nan);

    return (mask & (bits | 0x400000)) |
           (~mask & (bits + 0x7fff + ((bits >> 16) & 1)));
}

INLINE vhalf to_bf16(vfloat v)
{
    return __builtin_convertvector(rounded(v) >> 16, vhalf);
}

} // namespace

#endif
