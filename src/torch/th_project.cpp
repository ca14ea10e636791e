// th_project and its place in autograd: cuda/project.h in loops on the CPU, as
// kernels on CUDA. The backward keeps the map and no picture.
#include <ATen/Parallel.h>
#ifdef NJ_CUDA
#include <c10/cuda/CUDAStream.h>
#endif

#include "cuda/project.h"
#include "torch/node.hpp"
#include "torch/th_internal.hpp"

namespace
{

namespace ag = torch::autograd;

#ifdef NJ_CUDA
void project_on_cuda(bool back, const nj_project &p, const at::Tensor &x,
                     const at::Tensor &y)
{
    const auto run = back ? nj_project_backward_cuda : nj_project_forward_cuda;
    const int code =
        run(&p, x.const_data_ptr<float>(), y.mutable_data_ptr<float>(),
            c10::cuda::getCurrentCUDAStream(x.device().index()).stream());

    th::check_launch(code);
}
#else
void project_on_cuda(bool, const nj_project &, const at::Tensor &,
                     const at::Tensor &)
{
    TORCH_CHECK(false, "this program was built without CUDA kernels");
}
#endif

void project_on_cpu(bool back, const nj_project &p, const float *from,
                    float *to)
{
    const auto pixel = back ? nj_project_backward_at : nj_project_forward_at;

    at::parallel_for(0, p.images * p.height, 8, [&](int64_t row, int64_t end) {
        for (; row < end; row++)
            for (int64_t j = 0; j < p.width; j++)
                pixel(&p, row / p.height, row % p.height, j, from, to);
    });
}

// x [B,C,H,W] -> y, or dy -> dx.
at::Tensor run_project(bool back, const nj_project &p, const at::Tensor &x)
{
    const c10::OptionalDeviceGuard guard(x.device());
    at::Tensor y = at::empty(x.sizes(), x.options());

    if (!x.is_cpu())
        project_on_cuda(back, p, x, y);
    else
        project_on_cpu(back, p, x.const_data_ptr<float>(),
                       y.mutable_data_ptr<float>());
    return y;
}

struct project_node : public ag::Node {
    nj_project p = {};

    ag::variable_list apply(ag::variable_list &&grads) override
    {
        if (!grads[0].defined())
            return ag::variable_list(1);
        return {run_project(true, p, grads[0].contiguous())};
    }
};

nj_project project_of(const at::Tensor &x, const th_projection &from)
{
    nj_project p = {};

    TORCH_CHECK(x.dim() == 4 && x.scalar_type() == at::kFloat,
                "x must be float32 with 4 dimensions");
    TORCH_CHECK(x.numel() > 0 && x.size(1) <= NJ_PROJECT_CHANNELS &&
                    std::max(x.size(2), x.size(3)) <= NJ_PROJECT_SIDE,
                "x must have 1 to ", NJ_PROJECT_CHANNELS,
                " channels and sides of 1 to ", NJ_PROJECT_SIDE);
    std::copy_n(from.m, 8, p.m);
    p.images = x.size(0);
    p.channels = x.size(1);
    p.height = x.size(2);
    p.width = x.size(3);
    p.nearest = from.nearest;
    p.filled = from.fill != nullptr;
    for (int64_t c = 0; p.filled && c < p.channels; c++)
        p.fill[c] = static_cast<float>(from.fill[c]);
    nj_project_invert(&p);
    return p;
}

at::Tensor project(const at::Tensor &x, const nj_project &p)
{
    const auto node = th::node_of<project_node>(x);
    at::Tensor y;

    if (node) {
        node->p = p;
    }
    {
        const c10::NoGradGuard no_grad;

        y = run_project(false, p, x.detach().contiguous());
    }
    if (node)
        ag::set_history(y, node);
    return y;
}

} // namespace

extern "C" th_tensor *th_project(th_scope *s, const th_tensor *x,
                                 const th_projection *projection)
{
    return th::op(s, "project", {x},
                  [&] { return project(x->t, project_of(x->t, *projection)); });
}
