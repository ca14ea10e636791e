// What the parts of th share: the two handle types, and the guard through
// which every operation runs. The guard alone catches exceptions, so no
// function of th.h can throw into C; it also writes the sticky error, whose
// text is "<operation> <shapes of the inputs>: <libtorch's reason>".
#ifndef NJ_TORCH_TH_INTERNAL_HPP
#define NJ_TORCH_TH_INTERNAL_HPP

#include <exception>
#include <initializer_list>
#include <vector>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#ifdef _OPENMP
#include <omp.h>
#endif

#include "torch/th.h"

struct th_tensor {
    at::Tensor t;
    th_tensor *next; // the tensors of one scope form a list
};

struct th_scope {
    th_scope *root; // owns the error of the tree; itself without a parent
    th_tensor *tensors;
    nj_err err;
};

namespace th
{

// One input of an operation, for the guard: whether it may be NULL.
struct input {
    const th_tensor *h;
    bool required;

    input(const th_tensor *t) : h(t), required(true)
    {
    }
    input(const th_tensor *t, bool must) : h(t), required(must)
    {
    }
};

// An input that may be left out.
inline input opt(const th_tensor *t)
{
    return input(t, false);
}

using inputs = std::initializer_list<input>;

// False when the operation must do nothing: no scope, an earlier error, or
// (recorded as a new error) a required input that is missing.
bool ready(th_scope *s, const char *name, inputs in) noexcept;

// A handle on t owned by s.
th_tensor *own(th_scope *s, at::Tensor t);

// A scope's error on its way through libtorch.
class failure : public std::exception
{
  public:
    explicit failure(const nj_err &e) : err(e)
    {
    }
    const char *what() const noexcept override
    {
        return err.text;
    }
    const nj_err err;
};

// Records the exception being handled as the scope's error.
void record(th_scope *s, const char *name, inputs in) noexcept;

// Runs f, which returns at::Tensor, and wraps its result.
template <class F>
th_tensor *op(th_scope *s, const char *name, inputs in, F f) noexcept
{
    if (!ready(s, name, in))
        return nullptr;
    try {
        return own(s, f());
    } catch (...) {
        record(s, name, in);
        return nullptr;
    }
}

// Runs f, which returns nothing; true when it did not fail.
template <class F>
bool act(th_scope *s, const char *name, inputs in, F f) noexcept
{
    if (!ready(s, name, in))
        return false;
    try {
        f();
        return true;
    } catch (...) {
        record(s, name, in);
        return false;
    }
}

// The tensor of an input that may be NULL.
inline std::optional<at::Tensor> maybe(const th_tensor *h)
{
    return h ? std::optional<at::Tensor>(h->t) : std::nullopt;
}

inline at::IntArrayRef dims(int n, const int64_t *shape)
{
    TORCH_CHECK(n >= 0 && n <= NJ_DIMS_MAX, "number of dimensions is ", n);
    return at::IntArrayRef(shape, static_cast<size_t>(n));
}

// libtorch's names for ours. Both throw on a value that has no counterpart.
at::ScalarType scalar_type(nj_dtype dtype);
nj_dtype dtype_of(at::ScalarType type);
at::Device device(th_device d);

#ifdef NJ_CUDA
// Throws what is wrong with a launch; code: a cudaError_t.
void check_launch(int code);
#endif

// t on a device in a type; t itself where nothing changes. What goes from the
// host to CUDA does not make the host wait.
at::Tensor moved(const at::Tensor &t, at::Device to, at::ScalarType type);

// While it exists, this thread's operations use no others. libtorch cuts the
// sum of a large tensor into as many parts as there are threads, and so another
// number of them would give another sum.
class alone
{
  public:
#ifdef _OPENMP
    alone() : threads(omp_get_max_threads())
    {
        omp_set_num_threads(1);
    }
    ~alone()
    {
        omp_set_num_threads(threads);
    }
    alone(const alone &) = delete;
    alone &operator=(const alone &) = delete;

  private:
    int threads;
#else
    alone()
    {
    }
#endif
};

// Whether th_set_plain_autograd(true) is in force.
bool plain_autograd() noexcept;

// Makes libtorch silent and lets it use the engine that counts saved bytes;
// once, before the first operation.
void install();

} // namespace th

#endif
