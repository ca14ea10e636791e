// Arithmetic and reductions: one ATen call each.
#include "torch/th_internal.hpp"

#define UNARY(name)                                                            \
    extern "C" th_tensor *th_##name(th_scope *s, const th_tensor *a)           \
    {                                                                          \
        return th::op(s, #name, {a}, [&] { return at::name(a->t); });          \
    }

#define BINARY(name)                                                           \
    extern "C" th_tensor *th_##name(th_scope *s, const th_tensor *a,           \
                                    const th_tensor *b)                        \
    {                                                                          \
        return th::op(s, #name, {a, b}, [&] { return at::name(a->t, b->t); }); \
    }

#define SCALAR(name, function)                                                 \
    extern "C" th_tensor *th_##name(th_scope *s, const th_tensor *a, double b) \
    {                                                                          \
        return th::op(s, #name, {a}, [&] { return at::function(a->t, b); });   \
    }

BINARY(add)
BINARY(sub)
BINARY(mul)
BINARY(div)
BINARY(atan2)
BINARY(matmul)

UNARY(neg)
UNARY(abs)
UNARY(square)
UNARY(sqrt)
UNARY(exp)
UNARY(sin)
UNARY(cos)

SCALAR(add_scalar, add)
SCALAR(mul_scalar, mul)
SCALAR(clamp_min, clamp_min)
SCALAR(eq_scalar, eq)

extern "C" th_tensor *th_clamp(th_scope *s, const th_tensor *a, double low,
                               double high)
{
    return th::op(s, "clamp", {a}, [&] {
        return at::clamp(a->t, at::Scalar(low), at::Scalar(high));
    });
}

extern "C" th_tensor *th_where_self(th_scope *s, const th_tensor *condition,
                                    const th_tensor *a, const th_tensor *b)
{
    return th::op(s, "where", {condition, a, b},
                  [&] { return at::where(condition->t, a->t, b->t); });
}

extern "C" bool th_all_finite(th_scope *s, const th_tensor *a)
{
    bool finite = false;

    th::act(s, "all_finite", {a}, [&] {
        c10::NoGradGuard no_grad;

        finite = at::isfinite(a->t).all().item<bool>();
    });
    return finite;
}

extern "C" th_tensor *th_finite(th_scope *s, const th_tensor *a)
{
    return th::op(s, "finite", {a}, [&] {
        const c10::NoGradGuard no_grad;

        return at::isfinite(a->t).flatten(1).all(1).to(at::kFloat);
    });
}

static std::vector<int64_t> list(int n, const int *dims)
{
    TORCH_CHECK(n > 0 && n <= NJ_DIMS_MAX, "number of dimensions is ", n);
    return std::vector<int64_t>(dims, dims + n);
}

extern "C" th_tensor *th_sum(th_scope *s, const th_tensor *a)
{
    return th::op(s, "sum", {a}, [&] {
        const th::alone guard;

        return at::sum(a->t);
    });
}

extern "C" th_tensor *th_sum_dims(th_scope *s, const th_tensor *a, int n,
                                  const int *dims, bool keep)
{
    return th::op(s, "sum_dims", {a}, [&] {
        const th::alone guard;

        return at::sum(a->t, list(n, dims), keep);
    });
}

extern "C" th_tensor *th_mean_dims(th_scope *s, const th_tensor *a, int n,
                                   const int *dims, bool keep)
{
    return th::op(s, "mean_dims", {a}, [&] {
        const th::alone guard;

        return at::mean(a->t, list(n, dims), keep);
    });
}

extern "C" th_tensor *th_norm(th_scope *s, const th_tensor *a, int dim,
                              bool keep)
{
    return th::op(s, "norm", {a}, [&] {
        const th::alone guard;

        return at::norm(a->t, at::Scalar(2), at::IntArrayRef({dim}), keep);
    });
}
