"""Guided sampling in Python: nightjar's algorithm without its exact random numbers.

For tuning the defaults and for stage 2 of the CLIP; the program itself is what
the adherence is measured with.
"""

import numpy as np
import torch
import torch.nn.functional as F

import clip_model
import unet
from diffusion import ALPHA_BAR, STEPS


class Respaced:
    """N steps spread evenly over the thousand, with their own betas (as in guided-diffusion)."""

    def __init__(self, count):
        stride = (STEPS - 1) / (count - 1)
        self.times = [round(i * stride) for i in range(count)]
        bar = ALPHA_BAR[self.times]
        prev = np.append(1.0, bar[:-1])
        beta = 1 - bar / prev
        posterior = beta * (1 - prev) / (1 - bar)
        posterior[0] = posterior[1]
        self.bar, self.log_beta, self.log_posterior = bar, np.log(beta), np.log(posterior)
        self.of_guess = beta * np.sqrt(prev) / (1 - bar)
        self.of_x = (1 - prev) * np.sqrt(1 - beta) / (1 - bar)


def cast(w, dtype=torch.bfloat16):
    out = {k: v.to(dtype) for k, v in w.items()}
    return {k: v.contiguous(memory_format=torch.channels_last) if v.dim() == 4 else v for k, v in out.items()}


def random_cuts(rng, x, count, power):
    """Power-law squares at least as large as the network's side, pooled; one set for the whole batch."""
    side, small = x.shape[-1], min(x.shape[-1], clip_model.SIDE)
    cuts = []
    for _ in range(count):
        size = int(rng.random() ** power * (side - small) + small)
        left, top = rng.integers(side - size + 1, size=2)
        cuts.append(F.adaptive_avg_pool2d(x[:, :, top:top + size, left:left + size], clip_model.SIDE))
    return torch.cat(cuts)


def spherical_distance(a, b):
    a, b = F.normalize(a, dim=-1), F.normalize(b, dim=-1)
    return 2 * ((a - b).norm(dim=-1) / 2).arcsin() ** 2


def clip_loss(clip, rng, x_in, target, options):
    """Mean distance over the cuts for each picture, [B]"""
    cuts = random_cuts(rng, x_in, options["cutn"], options["cut_pow"])
    embedding = clip_model.encode_image(clip, clip_model.normalised(cuts)).float()
    return spherical_distance(embedding.view(options["cutn"], len(x_in), -1), target).mean(0)


def limited(g, limit):
    if not limit:
        return g
    rms = g.square().mean((1, 2, 3), keepdim=True).sqrt()
    return g * torch.clamp(rms, max=limit) / rms.clamp(min=1e-12)


def step_guess(w, schedule, i, x, clip_denoised):
    """Guess of x0 and log variance at step i."""
    out = unet.forward(w, x, torch.full((len(x),), schedule.times[i]))
    bar = schedule.bar[i]
    guess = x / bar ** .5 - (1 / bar - 1) ** .5 * out[:, :3]
    f = (out[:, 3:] + 1) / 2
    log_variance = f * schedule.log_beta[i] + (1 - f) * schedule.log_posterior[i]
    return guess.clamp(-1, 1) if clip_denoised else guess, log_variance


def sample(w, clip, target, rng, options, keep=None):
    """Pictures f32 [B,3,64,64]; target [B,EMBED] or None for no guidance. keep(i, x, x_in) sees every step."""
    schedule = Respaced(int(options["timestep_respacing"]))
    count = len(target) if target is not None else options["batch"]
    x = torch.from_numpy(rng.standard_normal((count, 3, 64, 64), dtype=np.float32))
    for i in range(len(schedule.times) - 1, -1, -1):
        x.requires_grad_(target is not None)
        with torch.set_grad_enabled(target is not None):
            guess, log_variance = step_guess(w, schedule, i, x, options["clip_denoised"])
            s = (1 - schedule.bar[i]) ** .5
            x_in = s * guess + (1 - s) * x
            g = 0
            if target is not None:
                loss = clip_loss(clip, rng, x_in, target, options) * options["clip_guidance_scale"]
                g = limited(-torch.autograd.grad(loss.sum(), x)[0], options["clamp_max"])
        if keep:
            keep(schedule.times[i], x_in.detach())
        x, guess, log_variance = x.detach(), guess.detach(), log_variance.detach()
        mean = schedule.of_guess[i] * guess + schedule.of_x[i] * x + log_variance.exp() * g
        noise = torch.from_numpy(rng.standard_normal(x.shape, dtype=np.float32))
        x = (mean + (i > 0) * (log_variance / 2).exp() * noise).float()
    return guess
