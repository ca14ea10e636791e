"""OpenAI's CLIP (Radford et al. 2021) in small, as functions over a dictionary with its key names."""

import math

import torch
import torch.nn.functional as F

EMBED, CONTEXT = 128, 32
SIDE, PATCH, VISION_WIDTH, VISION_LAYERS = 48, 8, 128, 5
TEXT_WIDTH, TEXT_LAYERS = 128, 4
MEAN = torch.tensor([.48145466, .4578275, .40821073])[:, None, None]
DEVIATION = torch.tensor([.26862954, .26130258, .27577711])[:, None, None]


# --- weights -------------------------------------------------------------------

def norm_weights(w, name, width):
    w[name + ".weight"], w[name + ".bias"] = torch.ones(width), torch.zeros(width)


def tower_weights(w, prefix, width, layers):
    inner, last = width ** -0.5, width ** -0.5 * (2 * layers) ** -0.5
    for i in range(layers):
        name = f"{prefix}transformer.resblocks.{i}"
        w[name + ".attn.in_proj_weight"] = torch.randn(3 * width, width) * inner
        w[name + ".attn.in_proj_bias"] = torch.zeros(3 * width)
        w[name + ".attn.out_proj.weight"] = torch.randn(width, width) * last
        w[name + ".attn.out_proj.bias"] = torch.zeros(width)
        norm_weights(w, name + ".ln_1", width)
        w[name + ".mlp.c_fc.weight"] = torch.randn(4 * width, width) * (2 * width) ** -0.5
        w[name + ".mlp.c_fc.bias"] = torch.zeros(4 * width)
        w[name + ".mlp.c_proj.weight"] = torch.randn(width, 4 * width) * last
        w[name + ".mlp.c_proj.bias"] = torch.zeros(width)
        norm_weights(w, name + ".ln_2", width)


def initial_weights(vocabulary, seed):
    torch.manual_seed(seed)
    w, scale = {}, VISION_WIDTH ** -0.5
    w["visual.class_embedding"] = torch.randn(VISION_WIDTH) * scale
    w["visual.positional_embedding"] = torch.randn((SIDE // PATCH) ** 2 + 1, VISION_WIDTH) * scale
    w["visual.proj"] = torch.randn(VISION_WIDTH, EMBED) * scale
    w["visual.conv1.weight"] = torch.randn(VISION_WIDTH, 3, PATCH, PATCH) * (3 * PATCH * PATCH) ** -0.5
    norm_weights(w, "visual.ln_pre", VISION_WIDTH)
    tower_weights(w, "visual.", VISION_WIDTH, VISION_LAYERS)
    norm_weights(w, "visual.ln_post", VISION_WIDTH)
    w["token_embedding.weight"] = torch.randn(vocabulary, TEXT_WIDTH) * .02
    w["positional_embedding"] = torch.randn(CONTEXT, TEXT_WIDTH) * .01
    tower_weights(w, "", TEXT_WIDTH, TEXT_LAYERS)
    norm_weights(w, "ln_final", TEXT_WIDTH)
    w["text_projection"] = torch.randn(TEXT_WIDTH, EMBED) * TEXT_WIDTH ** -0.5
    w["logit_scale"] = torch.tensor(math.log(1 / .07))
    return w


# --- forward -------------------------------------------------------------------

def layer_norm(w, name, x):
    weight = w[name + ".weight"]
    return F.layer_norm(x.float(), weight.shape, weight.float(), w[name + ".bias"].float(), 1e-5)


def attend(w, name, x, mask):
    b, n, width = x.shape
    qkv = F.linear(x, w[name + ".in_proj_weight"], w[name + ".in_proj_bias"])
    q, k, v = qkv.view(b, n, 3, max(width // 64, 1), -1).permute(2, 0, 3, 1, 4)
    score = q @ k.transpose(2, 3) * q.shape[-1] ** -0.5
    if mask is not None:
        score = score + mask
    out = (torch.softmax(score.float(), 3).to(v.dtype) @ v).transpose(1, 2).reshape(b, n, width)
    return F.linear(out, w[name + ".out_proj.weight"], w[name + ".out_proj.bias"])


def quick_gelu(x):
    return x * torch.sigmoid(1.702 * x)


def tower(w, prefix, layers, x, mask=None):
    for i in range(layers):
        name = f"{prefix}transformer.resblocks.{i}"
        x = x + attend(w, name + ".attn", layer_norm(w, name + ".ln_1", x), mask)
        h = F.linear(layer_norm(w, name + ".ln_2", x), w[name + ".mlp.c_fc.weight"], w[name + ".mlp.c_fc.bias"])
        x = x + F.linear(quick_gelu(h), w[name + ".mlp.c_proj.weight"], w[name + ".mlp.c_proj.bias"])
    return x


def encode_image(w, x):
    """x [B,3,48,48] already normalised -> [B,EMBED]"""
    b, g = x.shape[0], SIDE // PATCH
    patches = x.reshape(b, 3, g, PATCH, g, PATCH).permute(0, 2, 4, 1, 3, 5).reshape(b, g * g, -1)
    tokens = F.linear(patches, w["visual.conv1.weight"].flatten(1))
    first = w["visual.class_embedding"].expand(b, 1, -1).to(tokens.dtype)
    h = torch.cat([first, tokens], 1) + w["visual.positional_embedding"]
    h = tower(w, "visual.", VISION_LAYERS, layer_norm(w, "visual.ln_pre", h))
    return layer_norm(w, "visual.ln_post", h[:, 0]) @ w["visual.proj"]


def encode_text(w, ids):
    """ids [B,T] with T <= CONTEXT; the end symbol has the highest id -> [B,EMBED]"""
    n = ids.shape[1]
    mask = torch.full((n, n), -1e4).triu(1)
    h = w["token_embedding.weight"][ids] + w["positional_embedding"][:n]
    h = layer_norm(w, "ln_final", tower(w, "", TEXT_LAYERS, h, mask))
    return h[torch.arange(len(ids)), ids.argmax(1)] @ w["text_projection"]


def normalised(x):
    """Pictures of -1..1 as the network wants them."""
    return ((x + 1) / 2 - MEAN) / DEVIATION
