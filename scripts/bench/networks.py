"""The two networks in PyTorch, with the public code's structure and names of weights: guided-diffusion's
UNet (Dhariwal & Nichol 2021) and CLIP's vision transformer (Radford et al. 2021).

`stronger` turns on what PyTorch itself offers for speed: channels-last memory, scaled_dot_product_attention,
no second pass for attention and no gradients of weights. Without it everything is as the notebooks run it.
"""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F


class Again(torch.autograd.Function):
    """Runs `f(x)` again in the backward pass and takes the gradients of `weights` there, used or not: what the
    public code's checkpointing does around attention."""

    @staticmethod
    def forward(ctx, f, x, *weights):
        ctx.f, ctx.weights = f, weights
        ctx.save_for_backward(x)
        return f(x)

    @staticmethod
    def backward(ctx, dy):
        x = ctx.saved_tensors[0].detach().requires_grad_()
        with torch.enable_grad():
            y = ctx.f(x)
        return (None, *torch.autograd.grad(y, (x, *ctx.weights), dy))


def numbers(value):
    """A list of a card: "1,2,4" or [1, 2, 4]."""
    return [float(v) for v in value.split(",")] if isinstance(value, str) else [float(v) for v in value]


class GroupNorm32(nn.GroupNorm):
    def forward(self, x):
        return super().forward(x.float()).type(x.dtype)


def resample(how, x):
    if how == "up":
        return F.interpolate(x, scale_factor=2, mode="nearest")
    return F.avg_pool2d(x, 2) if how == "down" else x


class ResBlock(nn.Module):
    def __init__(self, cin, cout, width, scale_shift, how=None):
        super().__init__()
        self.how, self.scale_shift = how, scale_shift
        self.in_layers = nn.Sequential(GroupNorm32(32, cin), nn.SiLU(), nn.Conv2d(cin, cout, 3, padding=1))
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(width, (2 if scale_shift else 1) * cout))
        self.out_layers = nn.Sequential(GroupNorm32(32, cout), nn.SiLU(), nn.Dropout(0.0),
                                        nn.Conv2d(cout, cout, 3, padding=1))
        self.skip_connection = nn.Identity() if cin == cout else nn.Conv2d(cin, cout, 1)

    def forward(self, x, emb):
        h = self.in_layers[2](resample(self.how, self.in_layers[1](self.in_layers[0](x))))
        x = resample(self.how, x)
        e = self.emb_layers(emb).type(h.dtype)[:, :, None, None]
        if self.scale_shift:
            scale, shift = e.chunk(2, 1)
            h = self.out_layers[1:](self.out_layers[0](h) * (1 + scale) + shift)
        else:
            h = self.out_layers(h + e)
        return self.skip_connection(x) + h


class Attention(nn.Module):
    def __init__(self, channels, head, new_order, stronger):
        super().__init__()
        self.heads, self.new_order, self.stronger = channels // head, new_order, stronger
        self.norm = GroupNorm32(32, channels)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.proj_out = nn.Conv1d(channels, channels, 1)

    def split(self, qkv):
        b, width, t = qkv.shape
        c = width // (3 * self.heads)
        if self.new_order:
            return [p.reshape(b * self.heads, c, t) for p in qkv.chunk(3, 1)]
        return qkv.reshape(b * self.heads, 3 * c, t).split(c, 1)

    def attend(self, x):
        b, c, h, w = x.shape
        x = x.reshape(b, c, -1)
        q, k, v = self.split(self.qkv(self.norm(x)))
        if self.stronger:
            q, k, v = (p.view(b, self.heads, -1, h * w).transpose(2, 3) for p in (q, k, v))
            a = F.scaled_dot_product_attention(q, k, v).transpose(2, 3)
        else:
            scale = 1 / math.sqrt(math.sqrt(q.shape[1]))
            share = torch.softmax(torch.einsum("bct,bcs->bts", q * scale, k * scale).float(), -1).type(q.dtype)
            a = torch.einsum("bts,bcs->bct", share, v)
        return (x + self.proj_out(a.reshape(b, c, -1))).reshape(b, c, h, w)

    def forward(self, x):
        if self.stronger or not torch.is_grad_enabled():
            return self.attend(x)
        return Again.apply(self.attend, x, *self.parameters())


class Downsample(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.op = nn.Conv2d(channels, channels, 3, 2, 1)

    def forward(self, x):
        return self.op(x)


class Upsample(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        return self.conv(resample("up", x))


class Block(nn.Sequential):
    def forward(self, x, emb):
        for module in self:
            x = module(x, emb) if isinstance(module, ResBlock) else module(x)
        return x


class UNet(nn.Module):
    """From a card's object `unet`."""

    def __init__(self, card, stronger):
        super().__init__()
        self.stronger = stronger
        self.base, self.card = card["num_channels"], card
        base, size = self.base, card["image_size"]
        mult = card.get("channel_mult") or {512: "0.5,1,1,2,2,4,4", 256: "1,1,2,2,4,4", 128: "1,1,2,3,4",
                                            64: "1,2,3,4"}[size]
        self.mult = numbers(mult)
        at = {size // int(r) for r in numbers(card["attention_resolutions"])}
        width, blocks = 4 * base, card["num_res_blocks"]
        updown = card["resblock_updown"]
        self.time_embed = nn.Sequential(nn.Linear(base, width), nn.SiLU(), nn.Linear(width, width))

        def attention(ch):
            fixed = card.get("num_head_channels", -1)
            head = fixed if fixed != -1 else ch // card["num_heads"]
            return Attention(ch, head, card["use_new_attention_order"], stronger)

        def res(cin, cout, how=None):
            return ResBlock(cin, cout, width, card["use_scale_shift_norm"], how)

        ch = int(self.mult[0] * base)
        self.input_blocks = nn.ModuleList([Block(nn.Conv2d(3, ch, 3, padding=1))])
        skips, ds = [ch], 1
        for level, m in enumerate(self.mult):
            for _ in range(blocks):
                layers = [res(ch, int(m * base))]
                ch = int(m * base)
                if ds in at:
                    layers.append(attention(ch))
                self.input_blocks.append(Block(*layers))
                skips.append(ch)
            if level + 1 < len(self.mult):
                self.input_blocks.append(Block(res(ch, ch, "down") if updown else Downsample(ch)))
                skips.append(ch)
                ds *= 2
        self.middle_block = Block(res(ch, ch), attention(ch), res(ch, ch))
        self.output_blocks = nn.ModuleList()
        for level, m in reversed(list(enumerate(self.mult))):
            for i in range(blocks + 1):
                layers = [res(ch + skips.pop(), int(m * base))]
                ch = int(m * base)
                if ds in at:
                    layers.append(attention(ch))
                if level and i == blocks:
                    layers.append(res(ch, ch, "up") if updown else Upsample(ch))
                    ds //= 2
                self.output_blocks.append(Block(*layers))
        self.out = nn.Sequential(GroupNorm32(32, ch), nn.SiLU(),
                                 nn.Conv2d(ch, 6 if card["learn_sigma"] else 3, 3, padding=1))
        self.requires_grad_(False)
        if not stronger:
            for name, p in self.named_parameters():
                p.requires_grad_("qkv" in name or "norm" in name or "proj" in name)

    def forward(self, x, t):
        half = self.base // 2
        f = torch.exp(-math.log(10000) * torch.arange(half, dtype=torch.float32, device=x.device) / half)
        angle = t.float()[:, None] * f
        emb = self.time_embed(torch.cat([angle.cos(), angle.sin()], -1).type(self.time_embed[0].weight.dtype))
        h, skips = x.type(self.input_blocks[0][0].weight.dtype), []
        if self.stronger:
            h = h.contiguous(memory_format=torch.channels_last)
        for block in self.input_blocks:
            h = block(h, emb)
            skips.append(h)
        h = self.middle_block(h, emb)
        for block in self.output_blocks:
            h = block(torch.cat([h, skips.pop()], 1), emb)
        return self.out(h.float())


class ClipBlock(nn.Module):
    def __init__(self, width, heads, stronger):
        super().__init__()
        self.stronger, self.heads = stronger, heads
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = nn.MultiheadAttention(width, heads, batch_first=True)
        self.mlp = nn.Module()
        self.mlp.c_fc, self.mlp.c_proj = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def attend(self, x):
        if not self.stronger:
            return self.attn(x, x, x, need_weights=False)[0]
        b, t, c = x.shape
        qkv = F.linear(x, self.attn.in_proj_weight, self.attn.in_proj_bias)
        q, k, v = qkv.view(b, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        return self.attn.out_proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, t, c))

    def forward(self, x):
        x = x + self.attend(self.ln_1(x))
        h = self.mlp.c_fc(self.ln_2(x))
        return x + self.mlp.c_proj(h * torch.sigmoid(1.702 * h))


class ClipVision(nn.Module):
    """From a card's object `clip`; names are those of OpenAI's file below "visual."."""

    def __init__(self, card, stronger):
        super().__init__()
        width, patch, side = card["vision_width"], card["patch_size"], card["image_size"]
        heads = card.get("vision_heads", max(1, width // 64))
        self.conv1 = nn.Conv2d(3, width, patch, patch, bias=False)
        self.class_embedding = nn.Parameter(torch.randn(width))
        self.positional_embedding = nn.Parameter(torch.randn(1 + (side // patch) ** 2, width))
        self.ln_pre, self.ln_post = nn.LayerNorm(width), nn.LayerNorm(width)
        self.transformer = nn.Module()
        self.transformer.resblocks = nn.ModuleList(
            ClipBlock(width, heads, stronger) for _ in range(card["vision_layers"]))
        self.proj = nn.Parameter(torch.randn(width, card["embed_dim"]) / math.sqrt(width))
        self.requires_grad_(False)

    def forward(self, x):
        x = self.conv1(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.class_embedding.expand(x.shape[0], 1, -1), x], 1) + self.positional_embedding
        x = self.ln_pre(x)
        for block in self.transformer.resblocks:
            x = block(x)
        return self.ln_post(x[:, 0]) @ self.proj
