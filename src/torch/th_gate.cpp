// th_silu and th_quick_gelu: x sigmoid(k x) as one pass, keeping x only.
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/saved_variable.h>

#ifdef NJ_CUDA
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "cuda/gate.h"
#endif
#include "torch/cpu_kernels.hpp"
#include "torch/node.hpp"
#include "torch/th_internal.hpp"

namespace
{

constexpr int64_t gate_part = 32768; // numbers a thread takes at a time

// x and dy in one memory order, so that both can be read as a row.
at::Tensor like(const at::Tensor &t, const at::Tensor &pattern)
{
    return t.contiguous(pattern.suggest_memory_format());
}

// f(first, count) for parts of n numbers, on all threads.
template <class F> void each_row(int64_t n, F f)
{
    const int64_t parts = (n + gate_part - 1) / gate_part;

    at::parallel_for(0, parts, 1, [&](int64_t from, int64_t to) {
        const int64_t first = from * gate_part;

        f(first, std::min(to * gate_part, n) - first);
    });
}

const char *bytes(const at::Tensor &t, int64_t element)
{
    return static_cast<const char *>(t.const_data_ptr()) +
           element * t.element_size();
}

char *bytes_of(const at::Tensor &t, int64_t element)
{
    return static_cast<char *>(t.mutable_data_ptr()) +
           element * t.element_size();
}

// in and, for the backward, grad lie like a row.
void cpu_gate(const at::Tensor &in, const at::Tensor &grad, float k,
              const at::Tensor &out)
{
    const bool bf16 = in.scalar_type() == at::kBFloat16;

    each_row(in.numel(), [&](int64_t first, int64_t n) {
        if (grad.defined())
            th::kernels().sigmoid_gate_backward(n, bf16, k, bytes(in, first),
                                                bytes(grad, first),
                                                bytes_of(out, first));
        else
            th::kernels().sigmoid_gate(n, bf16, k, bytes(in, first),
                                       bytes_of(out, first));
    });
}

#ifdef NJ_CUDA
void cuda_gate(const at::Tensor &in, const at::Tensor &grad, float k,
               const at::Tensor &out)
{
    const c10::cuda::CUDAGuard guard(in.device());
    const nj_gate g = {in.numel(), k, th::dtype_of(in.scalar_type())};
    void *const stream = c10::cuda::getCurrentCUDAStream().stream();

    th::check_launch(grad.defined()
                         ? nj_gate_backward_cuda(&g, in.const_data_ptr(),
                                                 grad.const_data_ptr(),
                                                 out.mutable_data_ptr(), stream)
                         : nj_gate_cuda(&g, in.const_data_ptr(),
                                        out.mutable_data_ptr(), stream));
}
#endif

// The gate of x, or with its gradient dy that of x.
at::Tensor gate_of(const at::Tensor &x, const at::Tensor &dy, float k)
{
    const at::Tensor in = like(x, x), grad = dy.defined() ? like(dy, x) : dy;
    at::Tensor out = at::empty_like(in);

#ifdef NJ_CUDA
    if (x.is_cuda()) {
        cuda_gate(in, grad, k, out);
        return out;
    }
#endif
    cpu_gate(in, grad, k, out);
    return out;
}

struct gate_node : public torch::autograd::Node {
    torch::autograd::SavedVariable x;
    float k = 1;

    torch::autograd::variable_list
    apply(torch::autograd::variable_list &&grads) override
    {
        if (!grads[0].defined())
            return {at::Tensor()};
        return {gate_of(x.unpack(), grads[0], k)};
    }

    void release_variables() override
    {
        x.reset_data();
    }
};

at::Tensor own_gate(const at::Tensor &x, float k)
{
    at::Tensor y;

    {
        const c10::NoGradGuard no_grad;

        y = gate_of(x, at::Tensor(), k);
    }
    if (const auto node = th::node_of<gate_node>(x)) {
        node->x = torch::autograd::SavedVariable(x, false);
        node->k = k;
        torch::autograd::set_history(y, node);
    }
    return y;
}

bool own_gate_fits(const at::Tensor &x)
{
    const at::ScalarType type = x.scalar_type();
    const bool known = type == at::kFloat || type == at::kBFloat16;

    if (th::plain_autograd())
        return false;
#ifdef NJ_CUDA
    if (x.is_cuda())
        return x.numel() > 0 && (known || type == at::kHalf);
#endif
    return x.is_cpu() && known;
}

} // namespace

extern "C" th_tensor *th_silu(th_scope *s, const th_tensor *x)
{
    return th::op(s, "silu", {x}, [&] {
        return own_gate_fits(x->t) ? own_gate(x->t, 1) : at::silu(x->t);
    });
}

extern "C" th_tensor *th_quick_gelu(th_scope *s, const th_tensor *x)
{
    return th::op(s, "quick_gelu", {x}, [&] {
        return own_gate_fits(x->t) ? own_gate(x->t, 1.702f)
                                   : x->t * at::sigmoid(1.702 * x->t);
    });
}
