"""Autograd wrappers of fastops.c, and the same in plain torch for other types.

The C file is compiled once with `cc`; without a compiler (or for float32, as in
sampling) the torch forms serve, only slower.
"""

import ctypes
import os
import subprocess
import tempfile

import torch
import torch.nn.functional as F

GROUPS = 32


def build():
    """The compiled kernels, or None where there is no compiler."""
    here = os.path.dirname(os.path.abspath(__file__))
    folder = tempfile.mkdtemp(prefix="nightjar_train_")
    library = os.path.join(folder, "fastops.so")
    command = ["cc", "-O3", "-march=native", "-ffast-math", "-fopenmp-simd", "-mprefer-vector-width=512", "-shared", "-fPIC", os.path.join(here, "fastops.c"),
               "-o", library]
    try:
        subprocess.run(command, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return ctypes.CDLL(library)


LIBRARY = build()


def pointer(t):
    return ctypes.c_void_p(t.data_ptr())


def channels_last(x):
    return x.contiguous(memory_format=torch.channels_last)


class Norm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, scale, shift, silu):
        b, c, h, w = x.shape
        x, scale, shift = channels_last(x), scale.contiguous(), shift.contiguous()
        y = torch.empty_like(x)
        mean, rstd = torch.empty(b, GROUPS), torch.empty(b, GROUPS)
        LIBRARY.norm_forward(pointer(x), pointer(scale), pointer(shift), pointer(y), pointer(mean), pointer(rstd),
                             b, h * w, c, int(silu))
        ctx.save_for_backward(x, scale, shift, mean, rstd)
        ctx.silu = silu
        return y

    @staticmethod
    def backward(ctx, dy):
        x, scale, shift, mean, rstd = ctx.saved_tensors
        b, c, h, w = x.shape
        dy = channels_last(dy)
        dx, dscale, dshift = torch.empty_like(x), torch.empty_like(scale), torch.empty_like(shift)
        LIBRARY.norm_backward(pointer(x), pointer(dy), pointer(scale), pointer(shift), pointer(mean), pointer(rstd),
                              pointer(dx), pointer(dscale), pointer(dshift), b, h * w, c, int(ctx.silu))
        return dx, dscale, dshift, None


class Upsample(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        x = channels_last(x)
        b, c, h, w = x.shape
        y = torch.empty(b, c, 2 * h, 2 * w, dtype=x.dtype, memory_format=torch.channels_last)
        LIBRARY.upsample_forward(pointer(x), pointer(y), b, h, w, c)
        return y

    @staticmethod
    def backward(ctx, dy):
        dy = channels_last(dy)
        b, c, h, w = dy.shape
        dx = torch.empty(b, c, h // 2, w // 2, dtype=dy.dtype, memory_format=torch.channels_last)
        LIBRARY.upsample_backward(pointer(dy), pointer(dx), b, h // 2, w // 2, c)
        return dx


def norm(x, scale, shift, silu):
    """Group norm of x [B,C,H,W], then * scale + shift (f32 [B,C]), then SiLU if asked."""
    if x.dtype == torch.bfloat16 and LIBRARY:
        return Norm.apply(x, scale, shift, silu)
    z = F.group_norm(x.float(), GROUPS, eps=1e-5) * scale[:, :, None, None] + shift[:, :, None, None]
    return (F.silu(z) if silu else z).to(x.dtype)


def upsample(x):
    """Nearest neighbour, twice the size."""
    if x.dtype == torch.bfloat16 and LIBRARY:
        return Upsample.apply(x)
    return F.interpolate(x, scale_factor=2, mode="nearest")
