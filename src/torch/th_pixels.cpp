// The functions of pixels.hpp.
#include "torch/pixels.hpp"

#ifdef NJ_CUDA
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "cuda/pixels.h"

bool th::pixels_fit(const at::Tensor &t) noexcept
{
    const at::ScalarType type = t.scalar_type();

    return t.is_cuda() && t.dim() == 4 && t.numel() > 0 &&
           t.is_contiguous(at::MemoryFormat::ChannelsLast) &&
           (type == at::kFloat || type == at::kHalf || type == at::kBFloat16);
}

namespace
{

nj_pixels picture_of(const at::Tensor &t, int64_t share)
{
    return {t.size(0), t.size(2) / share, t.size(3) / share, t.size(1),
            th::dtype_of(t.scalar_type())};
}

void *stream_now()
{
    return c10::cuda::getCurrentCUDAStream().stream();
}

} // namespace

void th::add_bias_(const at::Tensor &y, const at::Tensor &bias,
                   const at::Tensor &more)
{
    const c10::cuda::CUDAGuard guard(y.device());
    const at::Tensor b = bias.to(y.scalar_type()).contiguous();
    const nj_pixels p = picture_of(y, 1);

    th::check_launch(
        nj_pixels_bias_cuda(&p, b.const_data_ptr(),
                            more.defined() ? more.const_data_ptr() : nullptr,
                            y.mutable_data_ptr(), stream_now()));
}

at::Tensor th::join_pixels(const at::Tensor &a, const at::Tensor &b)
{
    const c10::cuda::CUDAGuard guard(a.device());
    const at::Tensor y =
        at::empty({a.size(0), a.size(1) + b.size(1), a.size(2), a.size(3)},
                  a.options(), at::MemoryFormat::ChannelsLast);
    const nj_pixels p = picture_of(y, 1);
    const void *const parts[2] = {a.const_data_ptr(), b.const_data_ptr()};

    th::check_launch(nj_pixels_join_cuda(&p, a.size(1), parts,
                                         y.mutable_data_ptr(), stream_now()));
    return y;
}

std::array<at::Tensor, 2> th::part_pixels(const at::Tensor &y, int64_t channels)
{
    const c10::cuda::CUDAGuard guard(y.device());
    const nj_pixels p = picture_of(y, 1);
    const auto empty = [&](int64_t c) {
        return at::empty({y.size(0), c, y.size(2), y.size(3)}, y.options(),
                         at::MemoryFormat::ChannelsLast);
    };
    const std::array<at::Tensor, 2> out = {empty(channels),
                                           empty(y.size(1) - channels)};
    void *const parts[2] = {out[0].mutable_data_ptr(),
                            out[1].mutable_data_ptr()};

    th::check_launch(nj_pixels_part_cuda(&p, channels, y.const_data_ptr(),
                                         parts, stream_now()));
    return out;
}

at::Tensor th::spread_pixels(const at::Tensor &x, float factor)
{
    const c10::cuda::CUDAGuard guard(x.device());
    const nj_pixels p = picture_of(x, 1);
    at::Tensor y =
        at::empty({x.size(0), x.size(1), 2 * x.size(2), 2 * x.size(3)},
                  x.options(), at::MemoryFormat::ChannelsLast);

    th::check_launch(nj_pixels_spread_cuda(&p, x.const_data_ptr(), factor,
                                           y.mutable_data_ptr(), stream_now()));
    return y;
}

at::Tensor th::gather_pixels(const at::Tensor &x, float factor)
{
    const c10::cuda::CUDAGuard guard(x.device());
    const nj_pixels p = picture_of(x, 2);
    at::Tensor y = at::empty({p.images, p.channels, p.height, p.width},
                             x.options(), at::MemoryFormat::ChannelsLast);

    th::check_launch(nj_pixels_gather_cuda(&p, x.const_data_ptr(), factor,
                                           y.mutable_data_ptr(), stream_now()));
    return y;
}

#else

bool th::pixels_fit(const at::Tensor &) noexcept
{
    return false;
}

void th::add_bias_(const at::Tensor &, const at::Tensor &, const at::Tensor &)
{
    TORCH_CHECK(false, "built without CUDA");
}

at::Tensor th::join_pixels(const at::Tensor &, const at::Tensor &)
{
    TORCH_CHECK(false, "built without CUDA");
}

std::array<at::Tensor, 2> th::part_pixels(const at::Tensor &, int64_t)
{
    TORCH_CHECK(false, "built without CUDA");
}

at::Tensor th::spread_pixels(const at::Tensor &, float)
{
    TORCH_CHECK(false, "built without CUDA");
}

at::Tensor th::gather_pixels(const at::Tensor &, float)
{
    TORCH_CHECK(false, "built without CUDA");
}

#endif
