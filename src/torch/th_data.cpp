// Tensors in and out of plain memory, and their properties.
//
// Data given by callers may be unaligned (it comes from mapped files), so it
// is never handed to a kernel as it stands: aligned pieces are copied out of
// it first, and only they are converted.
#include <algorithm>
#include <cstring>

#include "torch/th_internal.hpp"

namespace
{

constexpr int64_t piece = int64_t(1) << 15; // elements converted at a time

const struct {
    nj_dtype ours;
    at::ScalarType theirs;
} types[] = {
    {NJ_F32, at::kFloat},     {NJ_F64, at::kDouble}, {NJ_F16, at::kHalf},
    {NJ_BF16, at::kBFloat16}, {NJ_I64, at::kLong},   {NJ_I32, at::kInt},
    {NJ_I16, at::kShort},     {NJ_I8, at::kChar},    {NJ_U8, at::kByte},
    {NJ_BOOL, at::kBool},
};

struct strided {
    at::ScalarType type;
    at::IntArrayRef shape, stride;
    const unsigned char *data;

    size_t width() const
    {
        return c10::elementSize(type);
    }
    bool aligned() const
    {
        return reinterpret_cast<uintptr_t>(data) % width() == 0;
    }
    bool contiguous() const
    {
        int64_t expected = 1;

        for (size_t d = shape.size(); d-- > 0;) {
            if (shape[d] != 1 && stride[d] != expected)
                return false;
            expected *= shape[d];
        }
        return true;
    }
    // Elements from the first to behind the last that is used.
    int64_t span() const
    {
        int64_t last = 0;

        for (size_t d = 0; d < shape.size(); d++) {
            TORCH_CHECK(stride[d] >= 0, "negative stride ", stride[d]);
            last += (shape[d] - 1) * stride[d];
        }
        return last + 1;
    }
};

// Row-major source, piece by piece.
void convert_row_major(const strided &src, const at::Tensor &out)
{
    const at::Tensor flat = out.view({-1});
    const int64_t n = flat.numel();
    at::Tensor buffer;

    if (src.type == flat.scalar_type()) {
        memcpy(flat.mutable_data_ptr(), src.data,
               static_cast<size_t>(n) * src.width());
        return;
    }
    buffer = at::empty({std::min(n, piece)}, src.type);
    for (int64_t at = 0; at < n; at += piece) {
        const int64_t count = std::min(piece, n - at);

        memcpy(buffer.mutable_data_ptr(),
               src.data + static_cast<size_t>(at) * src.width(),
               static_cast<size_t>(count) * src.width());
        flat.narrow(0, at, count).copy_(buffer.narrow(0, 0, count));
    }
}

at::Tensor convert(const strided &src, at::ScalarType to)
{
    const at::Tensor out = at::empty(src.shape, to);

    if (out.numel() == 0)
        return out;
    if (src.contiguous()) {
        convert_row_major(src, out);
        return out;
    }
    if (src.aligned()) {
        out.copy_(at::from_blob(const_cast<unsigned char *>(src.data),
                                src.shape, src.stride, src.type));
        return out;
    }
    const int64_t span = src.span();
    const at::Tensor whole = at::empty({span}, src.type);

    memcpy(whole.mutable_data_ptr(), src.data,
           static_cast<size_t>(span) * src.width());
    out.copy_(whole.as_strided(src.shape, src.stride));
    return out;
}

// Numbers that a device gets in each step; weights are larger, and come once.
constexpr size_t pinned_most = size_t(64) << 20;

// A copy that the device may read while the host goes on; undefined where the
// system gives no such memory.
at::Tensor pinned(const at::Tensor &t)
{
    if (t.numel() == 0 || t.nbytes() > pinned_most)
        return at::Tensor();
    try {
        return t.pin_memory();
    } catch (const c10::Error &) {
        return at::Tensor();
    }
}

} // namespace

// A copy from ordinary memory waits until the device has done all that it was
// given before; one from pinned memory takes its turn like everything else, and
// its memory is not used again before.
at::Tensor th::moved(const at::Tensor &t, at::Device to, at::ScalarType type)
{
    const bool uploads = t.is_cpu() && to.is_cuda() && !t.requires_grad();
    const at::Tensor source = uploads ? pinned(t.to(type)) : at::Tensor();

    return source.defined() ? source.to(to, type, true) : t.to(to, type);
}

at::ScalarType th::scalar_type(nj_dtype dtype)
{
    for (const auto &type : types)
        if (type.ours == dtype)
            return type.theirs;
    TORCH_CHECK(false, "no element type has number ", static_cast<int>(dtype));
}

nj_dtype th::dtype_of(at::ScalarType type)
{
    for (const auto &t : types)
        if (t.theirs == type)
            return t.ours;
    TORCH_CHECK(false, "unexpected element type ", type);
}

at::Device th::device(th_device d)
{
    if (d.kind == TH_CUDA)
        return at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(d.index));
    return at::Device(at::kCPU);
}

extern "C" th_tensor *th_from_data(th_scope *s, nj_dtype dtype, int ndim,
                                   const int64_t *shape, const void *data)
{
    return th::op(s, "from_data", {}, [&] {
        const at::Tensor t =
            at::empty(th::dims(ndim, shape), th::scalar_type(dtype));

        if (t.numel())
            memcpy(t.mutable_data_ptr(), data, t.nbytes());
        return t;
    });
}

extern "C" th_tensor *th_from_strided(th_scope *s, const th_memory *m,
                                      nj_dtype to, th_device device)
{
    return th::op(s, "from_strided", {}, [&] {
        const strided src = {th::scalar_type(m->dtype),
                             th::dims(m->ndim, m->shape),
                             th::dims(m->ndim, m->stride),
                             static_cast<const unsigned char *>(m->data)};

        return convert(src, th::scalar_type(to)).to(th::device(device));
    });
}

extern "C" th_tensor *th_zeros(th_scope *s, nj_dtype dtype, th_device device,
                               int ndim, const int64_t *shape)
{
    return th::op(s, "zeros", {}, [&] {
        return at::zeros(th::dims(ndim, shape),
                         at::TensorOptions(th::scalar_type(dtype))
                             .device(th::device(device)));
    });
}

extern "C" th_tensor *th_full(th_scope *s, nj_dtype dtype, th_device device,
                              int ndim, const int64_t *shape, double value)
{
    return th::op(s, "full", {}, [&] {
        return at::full(th::dims(ndim, shape), value,
                        at::TensorOptions(th::scalar_type(dtype))
                            .device(th::device(device)));
    });
}

extern "C" th_tensor *th_to(th_scope *s, const th_tensor *t, nj_dtype dtype,
                            th_device device)
{
    return th::op(s, "to", {t}, [&] {
        return th::moved(t->t, th::device(device), th::scalar_type(dtype));
    });
}

extern "C" void th_read_f32(th_scope *s, const th_tensor *t, float *out,
                            size_t n)
{
    th::act(s, "read_f32", {t}, [&] {
        const c10::NoGradGuard no_grad;

        TORCH_CHECK(th_elements(t) == n, "has ", th_elements(t),
                    " elements, the caller's memory ", n);
        if (n)
            at::from_blob(out, t->t.sizes(), at::kFloat).copy_(t->t);
    });
}

extern "C" void th_copy_(th_scope *s, th_tensor *a, const th_tensor *src)
{
    th::act(s, "copy_", {a, src}, [&] {
        c10::NoGradGuard no_grad;

        TORCH_CHECK(a->t.sizes() == src->t.sizes(), "the shapes differ");
        a->t.copy_(src->t);
    });
}

extern "C" int th_ndim(const th_tensor *t)
{
    return t ? static_cast<int>(t->t.dim()) : 0;
}

extern "C" int64_t th_size(const th_tensor *t, int dim)
{
    const int ndim = th_ndim(t);
    const int d = dim < 0 ? dim + ndim : dim;

    return d >= 0 && d < ndim ? t->t.sizes()[static_cast<size_t>(d)] : 0;
}

extern "C" nj_dtype th_dtype(const th_tensor *t)
{
    if (t)
        for (const auto &type : types)
            if (type.theirs == t->t.scalar_type())
                return type.ours;
    return NJ_F32;
}

extern "C" th_device th_where(const th_tensor *t)
{
    if (!t || !t->t.is_cuda())
        return th_device{TH_CPU, 0};
    return th_device{TH_CUDA, t->t.get_device()};
}

extern "C" size_t th_elements(const th_tensor *t)
{
    return t ? static_cast<size_t>(t->t.numel()) : 0;
}
