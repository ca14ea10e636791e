"""guided-diffusion's UNet (Dhariwal & Nichol 2021) as functions over a dictionary of weights.

Weights have the names of the public checkpoints, so that the exported file loads
wherever those do. The same code runs the training (bfloat16) and sampling
(float32). Only what the demo's configuration needs is here: scale-shift norm,
strided convolutions for resampling, attention in the legacy order.
"""

import math

import torch
import torch.nn.functional as F

from fastops import norm, upsample

CONFIG = {
    "image_size": 64, "num_channels": 32, "channel_mult": "2,2,3,5", "num_res_blocks": 1,
    "attention_resolutions": "8", "num_heads": 4, "num_heads_upsample": -1, "num_head_channels": 32,
    "learn_sigma": True, "use_scale_shift_norm": True, "resblock_updown": False,
    "use_new_attention_order": False, "class_cond": False, "dropout": 0.0, "noise_schedule": "linear",
    "diffusion_steps": 1000, "rescale_timesteps": True, "use_fp16": False,
}
BASE = CONFIG["num_channels"]
WIDTHS = [BASE * int(m) for m in CONFIG["channel_mult"].split(",")]
DEEPEST = len(WIDTHS) - 1
HEAD = CONFIG["num_head_channels"]


# --- layout: which module sits where ----------------------------------------

def layout():
    """[(prefix, kind, channels in, channels out)] of encoder, middle and decoder, and the skips' widths."""
    encoder, width, skips = [("input_blocks.0", "stem", 3, WIDTHS[0])], WIDTHS[0], [WIDTHS[0]]
    for level, out in enumerate(WIDTHS):
        encoder.append((f"input_blocks.{len(encoder)}", "deep" if level == DEEPEST else "res", width, out))
        width = out
        skips.append(width)
        if level < DEEPEST:
            encoder.append((f"input_blocks.{len(encoder)}", "down", width, width))
            skips.append(width)
    decoder = []
    for level in range(DEEPEST, -1, -1):
        for last in (False, True):
            kind = ("deep" if level == DEEPEST else "res") + ("up" if last and level else "")
            decoder.append((f"output_blocks.{len(decoder)}", kind, width + skips.pop(), WIDTHS[level]))
            width = WIDTHS[level]
    return encoder, decoder


ENCODER, DECODER = layout()


def conv_weights(w, name, cin, cout, side):
    bound = 1 / math.sqrt(cin * side * side)
    w[name + ".weight"] = torch.empty(cout, cin, side, side).uniform_(-bound, bound)
    w[name + ".bias"] = torch.empty(cout).uniform_(-bound, bound)


def linear_weights(w, name, cin, cout):
    bound = 1 / math.sqrt(cin)
    w[name + ".weight"] = torch.empty(cout, cin).uniform_(-bound, bound)
    w[name + ".bias"] = torch.empty(cout).uniform_(-bound, bound)


def norm_weights(w, name, c):
    w[name + ".weight"], w[name + ".bias"] = torch.ones(c), torch.zeros(c)


def zero(w, name):
    w[name + ".weight"].zero_()
    w[name + ".bias"].zero_()


def res_weights(w, name, cin, cout):
    norm_weights(w, name + ".in_layers.0", cin)
    conv_weights(w, name + ".in_layers.2", cin, cout, 3)
    linear_weights(w, name + ".emb_layers.1", 4 * BASE, 2 * cout)
    norm_weights(w, name + ".out_layers.0", cout)
    conv_weights(w, name + ".out_layers.3", cout, cout, 3)
    zero(w, name + ".out_layers.3")
    if cin != cout:
        conv_weights(w, name + ".skip_connection", cin, cout, 1)


def attention_weights(w, name, c):
    norm_weights(w, name + ".norm", c)
    conv_weights(w, name + ".qkv", c, 3 * c, 1)
    conv_weights(w, name + ".proj_out", c, c, 1)
    for part in ("qkv", "proj_out"):
        w[f"{name}.{part}.weight"] = w[f"{name}.{part}.weight"][..., 0]
    zero(w, name + ".proj_out")


def block_weights(w, name, kind, cin, cout):
    if kind == "stem":
        conv_weights(w, name + ".0", cin, cout, 3)
    elif kind == "down":
        conv_weights(w, name + ".0.op", cin, cout, 3)
    else:
        res_weights(w, name + ".0", cin, cout)
        if kind.startswith("deep"):
            attention_weights(w, name + ".1", cout)
        if kind.endswith("up"):
            conv_weights(w, f"{name}.{2 if kind.startswith('deep') else 1}.conv", cout, cout, 3)


def initial_weights(seed):
    """A fresh network that already returns its normalised input as the noise (see pass_input_through)."""
    torch.manual_seed(seed)
    w = {}
    linear_weights(w, "time_embed.0", BASE, 4 * BASE)
    linear_weights(w, "time_embed.2", 4 * BASE, 4 * BASE)
    for block in ENCODER:
        block_weights(w, *block)
    res_weights(w, "middle_block.0", WIDTHS[-1], WIDTHS[-1])
    attention_weights(w, "middle_block.1", WIDTHS[-1])
    res_weights(w, "middle_block.2", WIDTHS[-1], WIDTHS[-1])
    for block in DECODER:
        block_weights(w, *block)
    norm_weights(w, "out.0", WIDTHS[0])
    conv_weights(w, "out.2", WIDTHS[0], 6, 3)
    pass_input_through(w)
    return w


def pass_input_through(w):
    """Makes noise = x / rms(x) at the start, so that only the remainder must be learnt.

    Channels 2c, 2c+1 of the top level carry +x, -x of colour c. The last skip connection hands
    them to the final norm, where they are one group (64 channels, 32 groups) whose mean is zero by
    construction: the picture's overall level survives, and silu(a) - silu(-a) = a passes it exactly.
    What the network adds to these channels is divided by the same rms, as the noise must be.
    """
    zero(w, "out.2")
    w["output_blocks.7.0.skip_connection.weight"][:6] = 0
    w["output_blocks.6.0.skip_connection.weight"][:6] = 0
    w["input_blocks.0.0.weight"][:6] = 0
    for name in ("output_blocks.7.0.skip_connection", "output_blocks.6.0.skip_connection", "input_blocks.0.0",
                 "output_blocks.5.1.conv"):
        w[name + ".bias"][:6] = 0
    w["output_blocks.5.1.conv.weight"][:6] = 0
    for k in range(6):
        sign = 1 - 2 * (k % 2)
        w["input_blocks.0.0.weight"][k, k // 2, 1, 1] = sign
        w["output_blocks.7.0.skip_connection.weight"][k, k] = 1
        w["output_blocks.7.0.skip_connection.weight"][k, WIDTHS[0] + k] = 1
        w["output_blocks.6.0.skip_connection.weight"][k, k] = 1
        w["out.2.weight"][k // 2, k, 1, 1] = sign


# --- forward -----------------------------------------------------------------

def time_embedding(t):
    half = BASE // 2
    f = torch.exp(-math.log(10000) * torch.arange(half, dtype=torch.float32) / half)
    angle = t.float()[:, None] * f
    return torch.cat([angle.cos(), angle.sin()], 1)


def conv(w, name, x, stride=1):
    weight = w[name + ".weight"]
    if weight.shape[-1] == 1:  # a matrix product: its backward pass is far faster than the convolution's
        return pointwise(x, weight[..., 0, 0], w[name + ".bias"])
    return F.conv2d(x, weight, w[name + ".bias"], stride, weight.shape[-1] // 2)


def pointwise(x, weight, bias):
    return F.linear(x.permute(0, 2, 3, 1), weight, bias).permute(0, 3, 1, 2)


def linear(w, name, x):
    return F.linear(x, w[name + ".weight"].float(), w[name + ".bias"].float())


def plain_norm(w, name, x, silu):
    scale, shift = w[name + ".weight"].float(), w[name + ".bias"].float()
    b = x.shape[0]
    return norm(x, scale.expand(b, -1), shift.expand(b, -1), silu)


def res_block(w, name, x, emb):
    """x [B,C,H,W], emb f32 [B,E] already through SiLU -> [B,K,H,W]"""
    h = conv(w, name + ".in_layers.2", plain_norm(w, name + ".in_layers.0", x, True))
    scale, shift = linear(w, name + ".emb_layers.1", emb).chunk(2, 1)
    weight, bias = w[name + ".out_layers.0.weight"].float(), w[name + ".out_layers.0.bias"].float()
    h = norm(h, weight * (1 + scale), bias * (1 + scale) + shift, True)
    return res_skip(w, name, x) + conv(w, name + ".out_layers.3", h)


def res_skip(w, name, x):
    return conv(w, name + ".skip_connection", x) if name + ".skip_connection.weight" in w else x


def attention(w, name, x):
    b, c, h, side = x.shape
    z = plain_norm(w, name + ".norm", x, False).flatten(2).transpose(1, 2)
    qkv = F.linear(z, w[name + ".qkv.weight"][..., 0], w[name + ".qkv.bias"])
    q, k, v = qkv.view(b, h * side, c // HEAD, 3, HEAD).permute(3, 0, 2, 1, 4)
    share = torch.softmax(q @ k.transpose(2, 3) * HEAD ** -0.5, 3)
    a = (share @ v).transpose(1, 2).reshape(b, h * side, c)
    a = F.linear(a, w[name + ".proj_out.weight"][..., 0], w[name + ".proj_out.bias"])
    return x + a.transpose(1, 2).reshape(b, c, h, side)


def run_block(w, name, kind, x, emb):
    if kind == "stem":
        return conv(w, name + ".0", x)
    if kind == "down":
        return conv(w, name + ".0.op", x, 2)
    x = res_block(w, name + ".0", x, emb)
    if kind.startswith("deep"):
        x = attention(w, name + ".1", x)
    if kind.endswith("up"):
        x = conv(w, f"{name}.{2 if kind.startswith('deep') else 1}.conv", upsample(x))
    return x


TOP = ("input_blocks.1", "output_blocks.6", "output_blocks.7")


def features(w, x, t, top=True):
    """Everything up to the final norm and SiLU. top=False leaves out what the top level's residual
    blocks add, which is more than half of the work (their last convolutions start at zero)."""
    emb = F.silu(linear(w, "time_embed.2", F.silu(linear(w, "time_embed.0", time_embedding(t)))))
    h = x.to(w["out.2.weight"].dtype)
    skips = []
    for name, kind, _, _ in ENCODER:
        if top or name not in TOP:
            h = run_block(w, name, kind, h, emb)
        skips.append(h)
    h = res_block(w, "middle_block.0", h, emb)
    h = attention(w, "middle_block.1", h)
    h = res_block(w, "middle_block.2", h, emb)
    for name, kind, _, _ in DECODER:
        h = torch.cat([h, skips.pop()], 1)
        h = run_block(w, name, kind, h, emb) if top or name not in TOP else res_skip(w, name + ".0", h)
    return plain_norm(w, "out.0", h, True)


def forward(w, x, t):
    """x f32 [B,3,H,W], t [B] -> noise and variance fraction, [B,6,H,W]"""
    return conv(w, "out.2", features(w, x, t)).float()
