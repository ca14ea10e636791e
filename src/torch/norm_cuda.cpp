// Norms on CUDA: tensors to the plain arguments of cuda/norm.h and
// cuda/layer_norm.h.
#ifdef NJ_CUDA

#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "cuda/layer_norm.h"
#include "cuda/norm.h"
#include "torch/norm.hpp"

namespace
{

// Keeps a converted copy of a parameter where the kernels cannot read it.
nj_norm_param norm_param(const at::Tensor &t, at::Tensor *kept)
{
    if (!t.defined())
        return {nullptr, NJ_F32, 0};
    *kept = t.scalar_type() == at::kFloat || t.scalar_type() == at::kHalf ||
                    t.scalar_type() == at::kBFloat16
                ? t.detach()
                : t.detach().to(at::kFloat);
    if (kept->stride(-1) != 1)
        *kept = kept->contiguous();
    return {kept->const_data_ptr(), th::dtype_of(kept->scalar_type()),
            kept->dim() == 2 ? kept->stride(0) : 0};
}

struct cuda_norm {
    at::Tensor kept[4], scratch;
    nj_norm n;

    cuda_norm(const at::Tensor &x, const th::norm_args &a)
    {
        n.images = x.size(0);
        n.pixels = x.size(2) * x.size(3);
        n.channels = static_cast<int>(x.size(1));
        n.groups = static_cast<int>(a.groups);
        n.dtype = th::dtype_of(x.scalar_type());
        n.eps = static_cast<float>(a.eps);
        n.silu = a.silu;
        n.gamma = norm_param(a.gamma, &kept[0]);
        n.beta = norm_param(a.beta, &kept[1]);
        n.scale = norm_param(a.scale, &kept[2]);
        n.shift = norm_param(a.shift, &kept[3]);
        scratch =
            at::empty({nj_norm_scratch(&n)}, x.options().dtype(at::kFloat));
    }
};

at::Tensor last(const at::Tensor &t)
{
    return t.contiguous(at::MemoryFormat::ChannelsLast);
}

} // namespace

th::norm_result th::norm_forward_cuda(const at::Tensor &x, const norm_args &a)
{
    const c10::cuda::CUDAGuard guard(x.device());
    const at::Tensor in = last(x);
    const cuda_norm c(in, a);
    const at::Tensor moments =
        at::empty({c.n.images, a.groups, 2}, x.options().dtype(at::kFloat),
                  at::MemoryFormat::Contiguous);
    const at::Tensor y =
        at::empty(in.sizes(), in.options(), at::MemoryFormat::ChannelsLast);

    th::check_launch(nj_norm_forward_cuda(
        &c.n, in.const_data_ptr(), y.mutable_data_ptr(),
        moments.data_ptr<float>(), c.scratch.data_ptr<float>(),
        c10::cuda::getCurrentCUDAStream().stream()));
    return {y, moments};
}

th::norm_gradient th::norm_backward_cuda(const norm_reads &reads,
                                         const norm_args &a, bool want_film)
{
    const at::Tensor &x = reads.x;
    const c10::cuda::CUDAGuard guard(x.device());
    const at::Tensor in = last(x), grad = last(reads.dy),
                     more =
                         reads.more.defined() ? last(reads.more) : reads.more;
    const cuda_norm c(in, a);
    const void *const from[NJ_NORM_READS] = {
        in.const_data_ptr(), grad.const_data_ptr(),
        more.defined() ? more.const_data_ptr() : nullptr};
    at::Tensor film;
    norm_gradient out;

    out.x = at::empty(in.sizes(), in.options(), at::MemoryFormat::ChannelsLast);
    if (want_film)
        film =
            at::empty({2, x.size(0), x.size(1)}, x.options().dtype(at::kFloat),
                      at::MemoryFormat::Contiguous);
    th::check_launch(nj_norm_backward_cuda(
        &c.n, from, reads.moments.const_data_ptr<float>(),
        out.x.mutable_data_ptr(), want_film ? film.data_ptr<float>() : nullptr,
        c.scratch.data_ptr<float>(),
        c10::cuda::getCurrentCUDAStream().stream()));
    if (want_film) {
        out.scale = film.select(0, 0).to(a.scale.scalar_type());
        out.shift = film.select(0, 1).to(a.shift.scalar_type());
    }
    return out;
}

namespace
{

// Keeps parameters that are not of one type which the kernels read, converted.
struct row_norm {
    at::Tensor gamma, beta;
    nj_layer_norm n;

    row_norm(const at::Tensor &x, const th::layer_norm_args &a)
    {
        const auto as = [](const at::Tensor &t, at::ScalarType type) {
            return t.defined() ? t.detach().to(type).contiguous() : t;
        };
        const at::ScalarType own = x.scalar_type();
        const auto other = [&](const at::Tensor &t) {
            return t.defined() && t.scalar_type() != own;
        };
        const at::ScalarType type =
            other(a.gamma) || other(a.beta) ? at::kFloat : own;

        gamma = as(a.gamma, type);
        beta = as(a.beta, type);
        n.rows = x.numel() / x.size(-1);
        n.width = static_cast<int>(x.size(-1));
        n.dtype = th::dtype_of(own);
        n.params = th::dtype_of(type);
        n.gamma = gamma.defined() ? gamma.const_data_ptr() : nullptr;
        n.beta = beta.defined() ? beta.const_data_ptr() : nullptr;
        n.eps = static_cast<float>(a.eps);
    }
};

} // namespace

th::norm_result th::layer_norm_cuda(const at::Tensor &x,
                                    const layer_norm_args &a)
{
    const c10::cuda::CUDAGuard guard(x.device());
    const row_norm r(x, a);
    const at::Tensor y = at::empty(x.sizes(), x.options());
    const at::Tensor moments =
        at::empty({r.n.rows, 2}, x.options().dtype(at::kFloat));

    th::check_launch(nj_layer_norm_cuda(
        &r.n, x.const_data_ptr(), y.mutable_data_ptr(),
        moments.data_ptr<float>(), c10::cuda::getCurrentCUDAStream().stream()));
    return {y, moments};
}

at::Tensor th::layer_norm_backward_cuda(const at::Tensor &dy,
                                        const at::Tensor &x,
                                        const at::Tensor &moments,
                                        const layer_norm_args &a)
{
    const c10::cuda::CUDAGuard guard(x.device());
    const at::Tensor grad = dy.contiguous();
    const row_norm r(x, a);
    const void *const x_dy[2] = {x.const_data_ptr(), grad.const_data_ptr()};
    const at::Tensor dx = at::empty(x.sizes(), x.options());

    th::check_launch(nj_layer_norm_backward_cuda(
        &r.n, x_dy, moments.const_data_ptr<float>(), dx.mutable_data_ptr(),
        c10::cuda::getCurrentCUDAStream().stream()));
    return dx;
}

#endif
