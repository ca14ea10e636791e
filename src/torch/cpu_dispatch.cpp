// Which compilation of the own loops this processor runs.
#include "torch/cpu_attention.hpp"
#include "torch/cpu_kernels.hpp"
#include "torch/cpu_product.hpp"
#include "torch/cpu_winograd.hpp"

extern const th::cpu_kernels th_cpu_kernels_baseline;
#ifdef NJ_X86_KERNELS
extern const th::cpu_kernels th_cpu_kernels_avx2, th_cpu_kernels_avx512;
extern const th::winograd_kernels th_winograd_avx2, th_winograd_avx512;
extern const th::product_kernels th_product_avx2, th_product_avx512;
extern const th::product_kernels th_product_avx512bf16;
extern const th::attention_kernels th_attention_avx2, th_attention_avx512;
#endif

namespace
{

struct choice {
    const th::cpu_kernels *kernels;
    const th::winograd_kernels *winograd;
    const th::product_kernels *product;
    const th::attention_kernels *attention;
};

choice choose()
{
#ifdef NJ_X86_KERNELS
    if (__builtin_cpu_supports("avx512f") &&
        __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl"))
        return {&th_cpu_kernels_avx512, &th_winograd_avx512,
                __builtin_cpu_supports("avx512bf16") ? &th_product_avx512bf16
                                                     : &th_product_avx512,
                &th_attention_avx512};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return {&th_cpu_kernels_avx2, &th_winograd_avx2, &th_product_avx2,
                &th_attention_avx2};
#endif
    return {&th_cpu_kernels_baseline, nullptr, nullptr, nullptr};
}

const choice &best()
{
    static const choice c = choose();

    return c;
}

} // namespace

const th::cpu_kernels &th::kernels()
{
    return *best().kernels;
}

const th::winograd_kernels *th::winograd()
{
    return best().winograd;
}

const th::product_kernels *th::product()
{
    return best().product;
}

const th::attention_kernels *th::attention()
{
    return best().attention;
}
