// th_sampler_update: cuda/update.h in a loop on the CPU, as a kernel on CUDA.
#include <ATen/Parallel.h>
#ifdef NJ_CUDA
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#endif

#include "cuda/update.h"
#include "torch/th_internal.hpp"

namespace
{

nj_update_input input_of(const at::Tensor &x, const th_tensor *h)
{
    nj_update_input in = {};

    if (!h)
        return in;
    TORCH_CHECK(h->t.sizes() == x.sizes() && h->t.device() == x.device() &&
                    h->t.scalar_type() == at::kFloat,
                "the tensors differ in shape, device or type");
    in.data = h->t.const_data_ptr<float>();
    for (int d = 0; d < 4; d++)
        in.stride[d] = h->t.stride(d);
    return in;
}

nj_update_kind kind_of(th_update_kind kind)
{
    switch (kind) {
    case TH_UPDATE_LEARNED:
        return NJ_UPDATE_LEARNED;
    case TH_UPDATE_FIXED:
        return NJ_UPDATE_FIXED;
    case TH_UPDATE_DDIM:
        break;
    }
    return NJ_UPDATE_DDIM;
}

void set_figures(nj_update &out, const th_update &u)
{
    const auto f = [](double v) { return static_cast<float>(v); };

    out.mean_x0 = f(u.mean_x0);
    out.mean_x = f(u.mean_x);
    out.variance = f(u.variance);
    out.deviation = f(u.deviation);
    out.middle = f(u.middle);
    out.reach = f(u.reach);
    out.recip = f(u.recip);
    out.recipm1 = f(u.recipm1);
    out.sigma = f(u.sigma);
    out.ddim_x0 = f(u.ddim_x0);
    out.ddim_eps = f(u.ddim_eps);
    out.ddim_z = f(u.ddim_z);
}

nj_update update_of(const th_update &u)
{
    const at::Tensor &x = u.x->t;
    nj_update out = {};

    TORCH_CHECK(x.dim() == 4, "x must have 4 dimensions");
    out.kind = kind_of(u.kind);
    for (int d = 0; d < 4; d++)
        out.size[d] = x.size(d);
    out.x = input_of(x, u.x);
    out.x0 = input_of(x, u.x0);
    out.eps = input_of(x, out.kind == NJ_UPDATE_DDIM ? u.eps : nullptr);
    out.v = input_of(x, out.kind == NJ_UPDATE_LEARNED ? u.v : nullptr);
    out.g = input_of(x, u.g);
    out.z = input_of(x, u.z);
    TORCH_CHECK((out.kind != NJ_UPDATE_DDIM || out.eps.data) &&
                    (out.kind != NJ_UPDATE_LEARNED || out.v.data),
                "eps or v is missing");
    set_figures(out, u);
    return out;
}

#ifdef NJ_CUDA
void run_on_cuda(const nj_update &u, const at::Tensor &y)
{
    const int code = nj_update_cuda(
        &u, y.numel(), y.mutable_data_ptr<float>(),
        c10::cuda::getCurrentCUDAStream(y.device().index()).stream());

    th::check_launch(code);
}
#endif

void run_on_cpu(const nj_update &u, const at::Tensor &y)
{
    float *const out = y.mutable_data_ptr<float>();

    at::parallel_for(0, y.numel(), 8192, [&](int64_t i, int64_t end) {
        for (; i < end; i++)
            nj_update_store(&u, i, out);
    });
}

at::Tensor updated(const th_update &u)
{
    const c10::NoGradGuard no_grad;
    const c10::OptionalDeviceGuard guard(u.x->t.device());
    const nj_update arguments = update_of(u);
    const at::Tensor y = at::empty(u.x->t.sizes(), u.x->t.options());

    if (y.numel() == 0)
        return y;
#ifdef NJ_CUDA
    if (y.is_cuda()) {
        run_on_cuda(arguments, y);
        return y;
    }
#endif
    TORCH_CHECK(y.is_cpu(), "this program was built without CUDA kernels");
    run_on_cpu(arguments, y);
    return y;
}

} // namespace

extern "C" th_tensor *th_sampler_update(th_scope *s, const th_update *u)
{
    return th::op(s, "sampler_update",
                  {u->x, u->x0, th::opt(u->eps), th::opt(u->v), th::opt(u->g),
                   th::opt(u->z)},
                  [&] { return updated(*u); });
}
