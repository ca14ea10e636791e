// th_philox_normals and th_add_normals: base/philox.h in a loop on the CPU, as
// a kernel on CUDA.
#include <ATen/Parallel.h>
#ifdef NJ_CUDA
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#endif

#include "cuda/noise.h"
#include "torch/node.hpp"
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

    th::check_launch(code);
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

// ---- added ----------------------------------------------------------------

void add_on_cpu(const nj_noise_sum &sum, const float *x, float *y)
{
    const int64_t blocks = (sum.n + 3) / 4;

    at::parallel_for(0, sum.count * blocks, 1024, [&](int64_t k, int64_t end) {
        for (; k < end; k++)
            nj_noise_add_at(&sum, static_cast<int>(k / blocks), k % blocks, x,
                            y);
    });
}

void add_here(const nj_noise_sum &sum, const at::Tensor &x, const float *from,
              float *to)
{
#ifdef NJ_CUDA
    if (x.is_cuda()) {
        const int code = nj_noise_add_cuda(
            &sum, from, to, c10::cuda::getCurrentCUDAStream().stream());

        th::check_launch(code);
        return;
    }
#endif
    TORCH_CHECK(x.is_cpu(), "this program was built without CUDA kernels");
    add_on_cpu(sum, from, to);
}

// x [B,...] row-major, in parts of as many pictures as a launch takes.
at::Tensor noisy(const at::Tensor &x, double scale, const th_normals *each)
{
    const c10::OptionalDeviceGuard guard(x.device());
    const at::Tensor y = at::empty(x.sizes(), x.options());
    const int64_t images = x.size(0), n = x.numel() / images;
    nj_noise_sum sum = {};

    sum.n = n;
    sum.scale = static_cast<float>(scale);
    for (int64_t done = 0; done < images; done += sum.count) {
        sum.count =
            static_cast<int>(std::min<int64_t>(images - done, NJ_NOISE_FIELDS));
        for (int k = 0; k < sum.count; k++) {
            const th_normals &from = each[done + k];

            sum.from[k] = {from.seeds[0], from.iteration, from.stream,
                           from.draw};
            sum.first[k] = from.first;
        }
        add_here(sum, x, x.const_data_ptr<float>() + done * n,
                 y.mutable_data_ptr<float>() + done * n);
    }
    return y;
}

// A sum with what is not derived by: gradients go through.
struct through_node : public torch::autograd::Node {
    torch::autograd::variable_list
    apply(torch::autograd::variable_list &&grads) override
    {
        return std::move(grads);
    }
};

at::Tensor add_normals(const at::Tensor &x, double scale,
                       const th_normals *each)
{
    namespace ag = torch::autograd;
    const auto node = th::node_of<through_node>(x);
    at::Tensor y;

    TORCH_CHECK(x.dim() > 0 && x.numel() > 0 && x.scalar_type() == at::kFloat,
                "x must be float32 and have numbers");
    {
        const c10::NoGradGuard no_grad;

        y = noisy(x.detach().contiguous(), scale, each);
    }
    if (node)
        ag::set_history(y, node);
    return y;
}

} // namespace

extern "C" th_tensor *th_add_normals(th_scope *s, const th_tensor *x,
                                     double scale, const th_normals *each)
{
    return th::op(s, "add_normals", {x},
                  [&] { return add_normals(x->t, scale, each); });
}

extern "C" th_tensor *th_philox_normals(th_scope *s, const th_normals *from,
                                        th_device device, int ndim,
                                        const int64_t *shape)
{
    return th::op(s, "philox_normals", {}, [&] {
        return normals(*from, th::device(device), th::dims(ndim, shape));
    });
}
