// The functions of few_tokens.hpp: the driver of cpu_attention.hpp, and its
// place in autograd.
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/saved_variable.h>

#include "torch/cpu_attention.hpp"
#include "torch/few_tokens.hpp"
#include "torch/node.hpp"
#include "torch/scratch.hpp"

namespace
{

namespace ag = torch::autograd;

struct few_args {
    int dim;
    float scale;
};

// Where the heads of a batch lie, in numbers.
struct batch_of_heads {
    th::attention_head head;
    int64_t images, heads;
    int64_t apart; // from a head to the next in qkv

    batch_of_heads(const at::Tensor &qkv, const few_args &a)
        : head{}, images(qkv.size(0)), heads(qkv.size(5 - a.dim)),
          apart(a.dim == 2 ? qkv.size(4) : 3 * qkv.size(4))
    {
        head.tokens = qkv.size(1);
        head.width = qkv.size(4);
        head.token = 3 * heads * head.width;
        head.part = a.dim == 2 ? heads * head.width : head.width;
        head.pitch = heads * head.width;
        head.scale = a.scale;
        head.bf16 = qkv.scalar_type() == at::kBFloat16;
    }

    // f(first number of a head in qkv, and in y, scratch) on all threads
    template <class F> void each(F f) const
    {
        at::parallel_for(
            0, images * heads, 1, [&](int64_t first, int64_t last) {
                const th::scratch memory(head.scratch());

                for (int64_t i = first; i < last; i++) {
                    const int64_t image = i / heads, h = i % heads;

                    f(image * head.tokens * head.token + h * apart,
                      image * head.tokens * head.pitch + h * head.width,
                      memory.data());
                }
            });
    }
};

const char *number(const at::Tensor &t, int64_t i)
{
    return static_cast<const char *>(t.const_data_ptr()) + i * t.element_size();
}

char *number_of(const at::Tensor &t, int64_t i)
{
    return static_cast<char *>(t.mutable_data_ptr()) + i * t.element_size();
}

at::Tensor forward(const at::Tensor &qkv, const few_args &a)
{
    const batch_of_heads all(qkv, a);
    at::Tensor y =
        at::empty({all.images, all.head.tokens, all.head.pitch}, qkv.options());

    all.each([&](int64_t from, int64_t to, float *scratch) {
        th::attention()->forward(&all.head, number(qkv, from), scratch,
                                 number_of(y, to));
    });
    return y;
}

at::Tensor backward(const at::Tensor &qkv, const at::Tensor &dy,
                    const few_args &a)
{
    const batch_of_heads all(qkv, a);
    const at::Tensor grad = dy.contiguous();
    at::Tensor dx = at::empty_like(qkv);

    all.each([&](int64_t from, int64_t to, float *scratch) {
        th::attention()->backward(&all.head, number(qkv, from),
                                  number(grad, to), scratch,
                                  number_of(dx, from));
    });
    return dx;
}

struct few_node : public ag::Node {
    ag::SavedVariable qkv;
    few_args args = {2, 1};

    ag::variable_list apply(ag::variable_list &&grads) override
    {
        if (!grads[0].defined())
            return {at::Tensor()};
        const c10::NoGradGuard no_grad;

        return {backward(qkv.unpack(), grads[0], args)};
    }

    void release_variables() override
    {
        qkv.reset_data();
    }
};

} // namespace

bool th::few_tokens_fit(const at::Tensor &qkv)
{
    const at::ScalarType type = qkv.scalar_type();

    return attention() && qkv.is_cpu() && !plain_autograd() &&
           (type == at::kFloat || type == at::kBFloat16) &&
           qkv.is_contiguous() && qkv.numel() > 0 &&
           qkv.size(1) <= attention_tokens && qkv.size(4) % 16 == 0;
}

at::Tensor th::few_tokens(const at::Tensor &qkv, int dim, double scale)
{
    const few_args a = {dim, static_cast<float>(scale)};
    at::Tensor y;

    {
        const c10::NoGradGuard no_grad;

        y = forward(qkv, a);
    }
    if (const auto node = th::node_of<few_node>(qkv)) {
        node->qkv = ag::SavedVariable(qkv, false);
        node->args = a;
        ag::set_history(y, node);
    }
    return y;
}
