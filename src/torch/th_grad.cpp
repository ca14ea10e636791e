// Gradients by libtorch's autograd engine.
#include <atomic>

#include <torch/csrc/autograd/autograd.h>

#include "torch/th_internal.hpp"

static std::atomic<bool> plain{false};

bool th::plain_autograd() noexcept
{
    return plain;
}

extern "C" void th_set_plain_autograd(bool value)
{
    plain = value;
}

extern "C" th_tensor *th_leaf(th_scope *s, const th_tensor *t, bool needs_grad)
{
    return th::op(s, "leaf", {t},
                  [&] { return t->t.detach().set_requires_grad(needs_grad); });
}

static th_tensor *grad(th_scope *s, const th_tensor *y, const th_tensor *grad_y,
                       const th_tensor *x, bool retain)
{
    return th::op(s, "grad", {y, th::opt(grad_y), x}, [&] {
        const at::Tensor dy = grad_y ? grad_y->t : at::ones_like(y->t);

        return torch::autograd::grad({y->t}, {x->t}, {dy}, retain)[0];
    });
}

extern "C" th_tensor *th_grad(th_scope *s, const th_tensor *y,
                              const th_tensor *grad_y, const th_tensor *x)
{
    return grad(s, y, grad_y, x, false);
}

extern "C" th_tensor *th_grad_retain(th_scope *s, const th_tensor *y,
                                     const th_tensor *grad_y,
                                     const th_tensor *x)
{
    return grad(s, y, grad_y, x, true);
}

extern "C" bool th_enable_grad(bool on)
{
    const bool old = c10::GradMode::is_enabled();

    c10::GradMode::set_enabled(on);
    return old;
}
