// Process-wide settings and devices.
#include <algorithm>

#include <ATen/Context.h>
#include <ATen/Parallel.h>

#include "torch/th_internal.hpp"

#ifdef NJ_CUDA
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>

#include "cuda/norm.h"
#endif

extern "C" void th_set_threads(int threads)
{
    at::set_num_threads(std::max(threads, 1));
}

extern "C" int th_threads(void)
{
    return at::get_num_threads();
}

extern "C" void th_set_fast(bool fast)
{
    at::Context &context = at::globalContext();

    context.setBenchmarkCuDNN(fast);
    context.setDeterministicCuDNN(!fast);
    // Where libtorch has no deterministic kernel it warns and goes on.
    context.setDeterministicAlgorithms(!fast, true);
    context.setDeterministicFillUninitializedMemory(false);
    // Which attention is taken must not depend on what cuDNN offers.
    context.setSDPUseCuDNN(false);
}

extern "C" void th_set_tf32(bool allow)
{
    at::globalContext().setAllowTF32CuDNN(allow);
    at::globalContext().setAllowTF32CuBLAS(allow);
}

#ifdef NJ_CUDA

void th::check_launch(int code)
{
    TORCH_CHECK(code == 0, "CUDA error: ", nj_norm_cuda_error(code));
}

extern "C" int th_cuda_count(void)
{
    return c10::cuda::device_count();
}

extern "C" void th_wait(th_device device)
{
    try {
        if (device.kind == TH_CUDA) {
            const c10::cuda::CUDAGuard guard(th::device(device));

            c10::cuda::device_synchronize();
        }
    } catch (...) {
        // The next operation fails in the same way, and says so.
    }
}

static bool has_device(int index)
{
    return index >= 0 && index < th_cuda_count();
}

static auto held(int index)
{
    const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(
        static_cast<c10::DeviceIndex>(index));

    return stats.reserved_bytes[static_cast<size_t>(
        c10::CachingAllocator::StatType::AGGREGATE)];
}

extern "C" int64_t th_cuda_held(int index)
{
    try {
        return has_device(index) ? held(index).current : 0;
    } catch (...) {
        return 0;
    }
}

extern "C" int64_t th_cuda_held_peak(int index)
{
    try {
        return has_device(index) ? held(index).peak : 0;
    } catch (...) {
        return 0;
    }
}

extern "C" int64_t th_cuda_free(int index)
{
    try {
        if (!has_device(index))
            return 0;
        return static_cast<int64_t>(
            c10::cuda::CUDACachingAllocator::get()
                ->getMemoryInfo(static_cast<c10::DeviceIndex>(index))
                .first);
    } catch (...) {
        return 0;
    }
}

#else

extern "C" int th_cuda_count(void)
{
    return 0;
}

extern "C" int64_t th_cuda_held(int)
{
    return 0;
}

extern "C" int64_t th_cuda_held_peak(int)
{
    return 0;
}

extern "C" int64_t th_cuda_free(int)
{
    return 0;
}

extern "C" void th_wait(th_device)
{
}

#endif
