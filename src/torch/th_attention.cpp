// th_attention and th_packed_attention. Values come from libtorch's own
// kernels; where gradients must repeat bit for bit, their backward takes
// another way.
#include <optional>

#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/saved_variable.h>

#include "torch/few_tokens.hpp"
#include "torch/node.hpp"
#include "torch/repeatable.hpp"

namespace
{

namespace ag = torch::autograd;

struct attention_args {
    double scale;
    bool causal;
};

// Where a kernel of libtorch can be made to repeat, it does so only while
// operations that cannot are forbidden.
class strict
{
  public:
    explicit strict(bool wanted)
        : on(at::globalContext().deterministicAlgorithms()),
          warns(at::globalContext().deterministicAlgorithmsWarnOnly())
    {
        if (wanted)
            at::globalContext().setDeterministicAlgorithms(true, false);
    }
    ~strict()
    {
        at::globalContext().setDeterministicAlgorithms(on, warns);
    }
    strict(const strict &) = delete;
    strict &operator=(const strict &) = delete;

  private:
    bool on, warns;
};

at::Tensor attend(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v,
                  const attention_args &a)
{
    return at::scaled_dot_product_attention(q, k, v, {}, 0.0, a.causal,
                                            a.scale);
}

// What a flash kernel's backward needs besides q, k and v.
struct flash {
    at::Tensor y, sums;      // the result; logarithms of the rows' sums
    at::Tensor firsts[2];    // of q's and k's sequences; CUDA
    int64_t longest[2] = {}; // CUDA
    at::Tensor dropped[2];   // random state; CUDA
};

// Whether libtorch itself would take its flash kernel.
bool takes_flash(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v,
                 const attention_args &a)
{
    return q.size(-1) % 8 == 0 && v.size(-1) == q.size(-1) &&
           at::_fused_sdp_choice(q, k, v, {}, 0.0, a.causal, a.scale) ==
               static_cast<int64_t>(at::SDPBackend::flash_attention);
}

flash flash_forward(const at::Tensor &q, const at::Tensor &k,
                    const at::Tensor &v, const attention_args &a)
{
    flash f;

    if (q.is_cpu()) {
        std::tie(f.y, f.sums) = at::_scaled_dot_product_flash_attention_for_cpu(
            q, k, v, 0.0, a.causal, {}, a.scale);
        return f;
    }
    auto r = at::_scaled_dot_product_flash_attention(q, k, v, 0.0, a.causal,
                                                     false, a.scale);

    f.y = std::get<0>(r);
    f.sums = std::get<1>(r);
    f.firsts[0] = std::get<2>(r);
    f.firsts[1] = std::get<3>(r);
    f.longest[0] = std::get<4>(r).expect_int();
    f.longest[1] = std::get<5>(r).expect_int();
    f.dropped[0] = std::get<6>(r);
    f.dropped[1] = std::get<7>(r);
    return f;
}

// Whether the flash kernel repeats by itself. Its backward adds each gradient
// of q up from blocks of 128 keys, in whatever order they come: two blocks give
// the same sum in either order. Wider heads have smaller blocks on some GPUs.
bool adds_up_in_any_order(const at::Tensor &q, const at::Tensor &k)
{
    return q.size(-1) <= 64 && k.size(-2) <= 2 * 128;
}

ag::variable_list flash_backward(const at::Tensor &dy,
                                 const ag::variable_list &qkv, const flash &f,
                                 const attention_args &a)
{
    const at::Tensor &q = qkv[0], &k = qkv[1], &v = qkv[2];
    const strict repeats(!adds_up_in_any_order(q, k));
    const auto d =
        q.is_cpu() ? at::_scaled_dot_product_flash_attention_for_cpu_backward(
                         dy, q, k, v, f.y, f.sums, 0.0, a.causal, {}, a.scale)
                   : at::_scaled_dot_product_flash_attention_backward(
                         dy, q, k, v, f.y, f.sums, f.firsts[0], f.firsts[1],
                         f.longest[0], f.longest[1], 0.0, a.causal,
                         f.dropped[0], f.dropped[1], a.scale);

    return {std::get<0>(d), std::get<1>(d), std::get<2>(d)};
}

// Once more, with kernels that repeat.
ag::variable_list again(const at::Tensor &dy, const ag::variable_list &qkv,
                        const attention_args &a)
{
    const c10::AutoGradMode with_grad(true);
    ag::variable_list in;

    for (const at::Tensor &t : qkv)
        in.push_back(t.detach().set_requires_grad(true));
    const at::Tensor y = attend(in[0], in[1], in[2], a);
    const strict repeats(true);

    return ag::grad({y}, in, {dy});
}

struct attention_node : public ag::Node {
    ag::SavedVariable q, k, v;
    std::optional<flash> kept;
    attention_args args = {1, false};

    ag::variable_list apply(ag::variable_list &&grads) override
    {
        if (!grads[0].defined())
            return ag::variable_list(3);
        const ag::variable_list qkv = {q.unpack(), k.unpack(), v.unpack()};
        const c10::NoGradGuard no_grad;

        return kept ? flash_backward(grads[0], qkv, *kept, args)
                    : again(grads[0], qkv, args);
    }

    void release_variables() override
    {
        q.reset_data();
        k.reset_data();
        v.reset_data();
        kept.reset();
    }
};

at::Tensor repeatable(const at::Tensor &q, const at::Tensor &k,
                      const at::Tensor &v, const attention_args &a)
{
    const auto node = th::node_of<attention_node>(q, k, v);
    at::Tensor y;

    if (!node)
        return attend(q, k, v, a);
    node->q = ag::SavedVariable(q, false);
    node->k = ag::SavedVariable(k, false);
    node->v = ag::SavedVariable(v, false);
    node->args = a;
    {
        const c10::NoGradGuard no_grad;

        if (takes_flash(q, k, v, a)) {
            node->kept = flash_forward(q, k, v, a);
            y = node->kept->y;
            node->kept->y =
                y.detach(); // without a history, else it owns itself
        } else {
            y = attend(q, k, v, a);
        }
    }
    ag::set_history(y, node);
    return y;
}

// libtorch's fused kernels keep q, k, v, the result and one number a row; the
// plain chain of functions keeps the whole matrix of weights.
at::Tensor attention(const at::Tensor &q, const at::Tensor &k,
                     const at::Tensor &v, const attention_args &a)
{
    if (th::plain_autograd())
        return std::get<0>(at::_scaled_dot_product_attention_math(
            q, k, v, {}, 0.0, a.causal, {}, a.scale));
    return th::wants_repeatable(q) ? repeatable(q, k, v, a)
                                   : attend(q, k, v, a);
}

// [B,T,3,H,D] or [B,T,H,3,D] -> [B,T,H*D]
at::Tensor packed_attention(const at::Tensor &qkv, int dim,
                            const attention_args &a)
{
    if (th::few_tokens_fit(qkv) && !a.causal)
        return th::few_tokens(qkv, dim, a.scale);
    // Its backward puts three gradients together in one pass.
    const std::vector<at::Tensor> part = qkv.unbind(dim);

    return attention(part[0].transpose(1, 2), part[1].transpose(1, 2),
                     part[2].transpose(1, 2), a)
        .transpose(1, 2)
        .flatten(2);
}

} // namespace

extern "C" th_tensor *th_attention(th_scope *s, const th_tensor *q,
                                   const th_tensor *k, const th_tensor *v,
                                   double scale, bool causal)
{
    return th::op(s, "attention", {q, k, v}, [&] {
        return attention(q->t, k->t, v->t, {scale, causal});
    });
}

extern "C" th_tensor *th_packed_attention(th_scope *s, const th_tensor *qkv,
                                          int dim, double scale, bool causal)
{
    return th::op(s, "packed_attention", {qkv}, [&] {
        TORCH_CHECK(qkv->t.dim() == 5 && (dim == 2 || dim == 3) &&
                        qkv->t.size(dim) == 3,
                    "[B,T,3,H,D] or [B,T,H,3,D] is expected");
        return packed_attention(qkv->t, dim, {scale, causal});
    });
}
