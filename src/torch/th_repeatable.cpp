// The functions of repeatable.hpp. Values come from libtorch's own kernels;
// only the gradients take another way.
#include <atomic>

#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/saved_variable.h>

#include "torch/repeatable.hpp"

namespace
{

namespace ag = torch::autograd;

std::atomic<bool> everywhere{false};

// Where a kernel of libtorch can be made to repeat, it does so only while
// operations that cannot are forbidden.
class strict
{
  public:
    strict()
        : on(at::globalContext().deterministicAlgorithms()),
          warns(at::globalContext().deterministicAlgorithmsWarnOnly())
    {
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

// A node of type N in front of x, or none where nothing is derived by x.
template <class N> std::shared_ptr<N> node_of(const at::Tensor &x)
{
    std::shared_ptr<N> node;

    if (ag::compute_requires_grad(x)) {
        node = std::shared_ptr<N>(new N, ag::deleteNode);
        node->set_next_edges(ag::collect_next_edges(x));
    }
    return node;
}

// ---- attention -------------------------------------------------------------

at::Tensor attend(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v,
                  double scale, bool causal)
{
    return at::scaled_dot_product_attention(q, k, v, {}, 0.0, causal, scale);
}

struct attention_node : public ag::Node {
    ag::SavedVariable q, k, v;
    double scale = 1;
    bool causal = false;

    ag::variable_list apply(ag::variable_list &&grads) override
    {
        if (!grads[0].defined())
            return ag::variable_list(3);
        const c10::AutoGradMode with_grad(true);
        const auto leaf = [](const ag::SavedVariable &saved) {
            return saved.unpack().detach().set_requires_grad(true);
        };
        const ag::variable_list in = {leaf(q), leaf(k), leaf(v)};
        const at::Tensor y = attend(in[0], in[1], in[2], scale, causal);
        const strict repeats;

        return ag::grad({y}, in, {grads[0]});
    }

    void release_variables() override
    {
        q.reset_data();
        k.reset_data();
        v.reset_data();
    }
};

// ---- sampling at a grid ----------------------------------------------------

// One of the pixels that every position of a grid reads: [h*w] each.
struct tap {
    at::Tensor index, weight;
};

// Pixel (x,y), if it is one: those outside weigh nothing.
tap tap_at(const at::Tensor &x, const at::Tensor &y, const at::Tensor &weight,
           int64_t height, int64_t width)
{
    const at::Tensor inside =
        (x >= 0).logical_and(x < width).logical_and(y >= 0).logical_and(y <
                                                                        height);
    const at::Tensor index =
        y.clamp(0, height - 1) * width + x.clamp(0, width - 1);

    return {index.to(at::kLong).flatten(),
            at::where(inside, weight, at::zeros_like(weight)).flatten()};
}

// Positions in pixels of a grid's coordinates [h,w]; all that lie two pixels
// outside read nothing, however far they are.
at::Tensor pixels_of(const at::Tensor &coordinate, int64_t size)
{
    return (((coordinate + 1) * size - 1) / 2)
        .clamp(-2, static_cast<double>(size) + 1);
}

// grid [h,w,2]
std::vector<tap> taps_of(const at::Tensor &grid, int64_t height, int64_t width,
                         bool nearest)
{
    const at::Tensor x = pixels_of(grid.select(2, 0), width),
                     y = pixels_of(grid.select(2, 1), height);
    const at::Tensor left = x.floor(), top = y.floor();
    std::vector<tap> taps;

    if (nearest)
        return {tap_at(x.round(), y.round(), at::ones_like(x), height, width)};
    for (int i = 0; i < 4; i++) {
        const at::Tensor across = i % 2 ? x - left : 1 - (x - left);
        const at::Tensor down = i / 2 ? y - top : 1 - (y - top);

        taps.push_back(
            tap_at(left + i % 2, top + i / 2, across * down, height, width));
    }
    return taps;
}

// Every output's gradient goes to the pixels it read. Additions to one pixel
// are sorted first, which is what index_put does with `accumulate`.
at::Tensor scattered(const at::Tensor &dy, const at::Tensor &grid,
                     at::IntArrayRef sizes, bool nearest)
{
    const int64_t height = sizes[2], width = sizes[3];
    const int64_t planes = dy.size(0) * dy.size(1);
    const at::Tensor rows =
        dy.permute({2, 3, 0, 1}).reshape({-1, planes}); /* [h*w,B*C] */
    std::vector<at::Tensor> indices, values;
    at::Tensor dx = at::zeros({height * width, planes}, dy.options());

    for (const tap &t : taps_of(grid, height, width, nearest)) {
        indices.push_back(t.index);
        values.push_back(rows * t.weight.to(dy.scalar_type()).unsqueeze(1));
    }
    const c10::List<std::optional<at::Tensor>> where(
        {std::optional<at::Tensor>(at::cat(indices))});

    dx.index_put_(where, at::cat(values), true);
    return dx.view({height, width, dy.size(0), dy.size(1)})
        .permute({2, 3, 0, 1})
        .contiguous();
}

struct grid_node : public ag::Node {
    at::Tensor grid; // [B,h,w,2]
    std::vector<int64_t> sizes;
    bool nearest = false;

    ag::variable_list apply(ag::variable_list &&grads) override
    {
        const at::Tensor &dy = grads[0];
        std::vector<at::Tensor> parts;

        if (!dy.defined())
            return {at::Tensor()};
        if (grid.size(0) == 1 || grid.stride(0) == 0)
            return {scattered(dy, grid[0], sizes, nearest)};
        for (int64_t b = 0; b < dy.size(0); b++)
            parts.push_back(
                scattered(dy.narrow(0, b, 1), grid[b], sizes, nearest));
        return {at::cat(parts)};
    }
};

// ---- bilinear resizing -----------------------------------------------------

// What each of `from` pixels of a side contributes to each of `to`: [from,to].
at::Tensor shares(int64_t from, int64_t to, bool align_corners,
                  const at::TensorOptions &options)
{
    return at::upsample_linear1d(at::eye(from, options).unsqueeze(0), {to},
                                 align_corners)[0];
}

struct bilinear_node : public ag::Node {
    int64_t height = 0, width = 0;
    bool align_corners = false;

    ag::variable_list apply(ag::variable_list &&grads) override
    {
        const at::Tensor &dy = grads[0];

        if (!dy.defined())
            return {at::Tensor()};
        const at::Tensor rows =
            shares(height, dy.size(2), align_corners, dy.options());
        const at::Tensor cols =
            shares(width, dy.size(3), align_corners, dy.options());

        return {at::matmul(at::matmul(rows, dy), cols.t())};
    }
};

} // namespace

extern "C" void th_set_repeatable_everywhere(bool on)
{
    everywhere = on;
}

bool th::wants_repeatable(const at::Tensor &x) noexcept
{
    return everywhere ||
           (x.is_cuda() && at::globalContext().deterministicAlgorithms());
}

at::Tensor th::attention_repeatable(const at::Tensor &q, const at::Tensor &k,
                                    const at::Tensor &v, double scale,
                                    bool causal)
{
    std::shared_ptr<attention_node> node;
    at::Tensor y;

    if (ag::compute_requires_grad(q, k, v)) {
        node =
            std::shared_ptr<attention_node>(new attention_node, ag::deleteNode);
        node->set_next_edges(ag::collect_next_edges(q, k, v));
        node->q = ag::SavedVariable(q, false);
        node->k = ag::SavedVariable(k, false);
        node->v = ag::SavedVariable(v, false);
        node->scale = scale;
        node->causal = causal;
    }
    {
        const c10::NoGradGuard no_grad;

        y = attend(q, k, v, scale, causal);
    }
    if (node)
        ag::set_history(y, node);
    return y;
}

at::Tensor th::grid_sample_repeatable(const at::Tensor &x,
                                      const at::Tensor &grid, bool nearest)
{
    const std::shared_ptr<grid_node> node = node_of<grid_node>(x);
    at::Tensor y;

    TORCH_CHECK(!grid.requires_grad(), "no gradient is made for the grid");
    {
        const c10::NoGradGuard no_grad;

        y = at::grid_sampler(x, grid, nearest ? 1 : 0, 0, false);
    }
    if (node) {
        node->grid = grid;
        node->sizes = x.sizes().vec();
        node->nearest = nearest;
        ag::set_history(y, node);
    }
    return y;
}

at::Tensor th::bilinear_repeatable(const at::Tensor &x, int64_t h, int64_t w,
                                   bool align_corners)
{
    const std::shared_ptr<bilinear_node> node = node_of<bilinear_node>(x);
    at::Tensor y;

    {
        const c10::NoGradGuard no_grad;

        y = at::upsample_bilinear2d(x, {h, w}, align_corners);
    }
    if (node) {
        node->height = x.size(2);
        node->width = x.size(3);
        node->align_corners = align_corners;
        ag::set_history(y, node);
    }
    return y;
}
