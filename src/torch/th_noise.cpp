// th_philox_normals: base/philox.h in a loop on the CPU, as a kernel on CUDA.
#include <ATen/Parallel.h>
#ifdef NJ_CUDA
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "cuda/noise.h"
#endif

#include "base/philox.h"
#include "torch/th_internal.hpp"

namespace
{

// One image's numbers, `out` in the memory of its device.
struct field {
    nj_source from;
    uint32_t first;
    int64_t n;
    float *out;
};

void fill_on_cpu(const field &f)
{
    at::parallel_for(0, (f.n + 3) / 4, 4096, [&](int64_t block, int64_t end) {
        for (; block < end; block++)
            nj_philox_store(&f.from, f.first, block, f.n, f.out);
    });
}

#ifdef NJ_CUDA
void fill_on_cuda(const field &f)
{
    const int code = nj_noise_cuda(&f.from, f.first, f.n, f.out,
                                   c10::cuda::getCurrentCUDAStream().stream());

    TORCH_CHECK(code == 0, "CUDA error ", code);
}
#endif

at::Tensor normals(const th_normals &from, at::Device device,
                   at::IntArrayRef shape)
{
    const c10::OptionalDeviceGuard guard(device);
    const at::Tensor t =
        at::empty(shape, at::TensorOptions(at::kFloat).device(device));
    const int64_t images = shape.empty() ? 0 : shape[0];
    const int64_t n = images > 0 ? t.numel() / images : 0;

    for (int64_t b = 0; b < images && n > 0; b++) {
        const field f = {
            {from.seeds[b], from.iteration, from.stream, from.draw},
            from.first,
            n,
            t.mutable_data_ptr<float>() + b * n};

#ifdef NJ_CUDA
        if (t.is_cuda()) {
            fill_on_cuda(f);
            continue;
        }
#endif
        fill_on_cpu(f);
    }
    return t;
}

} // namespace

extern "C" th_tensor *th_philox_normals(th_scope *s, const th_normals *from,
                                        th_device device, int ndim,
                                        const int64_t *shape)
{
    return th::op(s, "philox_normals", {}, [&] {
        return normals(*from, th::device(device), th::dims(ndim, shape));
    });
}
