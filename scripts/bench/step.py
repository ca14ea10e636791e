"""One guided step as the notebooks make it, and the random numbers of docs/randomness.md, so that a peer makes
the same picture as nightjar."""

import math

import numpy as np
import torch
import torch.nn.functional as F

MEAN = torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(1, 3, 1, 1)
STD = torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(1, 3, 1, 1)


# --- random numbers ------------------------------------------------------------

def words(seed, iteration, stream, draw, blocks):
    """Philox4x32-10 -> uint32 [blocks, 4]"""
    c = [np.arange(blocks, dtype=np.uint64)] + [np.full(blocks, v, np.uint64) for v in (iteration, stream, draw)]
    k, low = [seed & 0xFFFFFFFF, seed >> 32], np.uint64(0xFFFFFFFF)
    for _ in range(10):
        p, q = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        high = [v >> np.uint64(32) for v in (p, q)]
        c = [high[1] ^ c[1] ^ np.uint64(k[0]), q & low, high[0] ^ c[3] ^ np.uint64(k[1]), p & low]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return np.stack(c, 1)


def uniforms(seed, iteration, stream, draw, blocks):
    return (words(seed, iteration, stream, draw, blocks).astype(np.float64) + 0.5) / 2.0 ** 32


def field(seed, iteration, stream, shape):
    n = int(np.prod(shape))
    u = uniforms(seed, iteration, stream, 0, -(-n // 4))
    r, a = np.sqrt(-2 * np.log(u[:, 0::2])), 2 * np.pi * u[:, 1::2]
    normals = np.stack([r * np.cos(a), r * np.sin(a)], 2).reshape(-1)[:n]
    return torch.from_numpy(normals.astype(np.float32).reshape(shape))


def boxes(seed, iteration, cutn, side, cut):
    """Crowson's cutouts -> [(size, x, y)]"""
    least, out = min(side, cut), []
    for u in uniforms(seed, iteration, 2, 0, cutn):
        size = int(math.floor(u[0] * (side - least) + least))
        out.append((size, int(u[1] * (side - size + 1)), int(u[2] * (side - size + 1))))
    return out


# --- diffusion -----------------------------------------------------------------

class Schedule:
    """guided-diffusion's linear betas, respaced evenly; learned variances."""

    def __init__(self, card, steps):
        total = card["diffusion_steps"]
        betas = np.linspace(0.1 / total, 20 / total, total)
        bars = np.cumprod(1 - betas)
        stride = (total - 1) / (steps - 1) if steps > 1 else 1
        self.used = [round(i * stride) for i in range(steps)]
        bar = bars[self.used]
        before = np.append(1.0, bar[:-1])
        beta = 1 - bar / before
        self.bar, self.beta = bar, beta
        posterior = beta * (1 - before) / (1 - bar)
        self.variance, self.log_beta = posterior, np.log(beta)
        self.log_variance = np.log(np.append(posterior[1], posterior[1:])) if steps > 1 else np.log(beta)
        self.x0_factor = beta * np.sqrt(before) / (1 - bar)
        self.x_factor = (1 - before) * np.sqrt(1 - beta) / (1 - bar)
        scale = 1000.0 / total if card["rescale_timesteps"] else 1.0
        self.timesteps = [t * scale for t in self.used]


class Peer:
    """The notebook's sampler. `two_passes`: the UNet runs once with and once without gradients a step."""

    def __init__(self, unet, clip, target, schedule, options):
        self.unet, self.clip, self.target, self.schedule = unet, clip, target, schedule
        self.options = options
        self.passes = options["two_passes"]

    def predict(self, x, i):
        s = self.schedule
        out = self.unet(x, torch.full((x.shape[0],), s.timesteps[i], device=x.device))
        eps, v = out.chunk(2, 1)
        x0 = math.sqrt(1 / s.bar[i]) * x - math.sqrt(1 / s.bar[i] - 1) * eps
        share = (v + 1) / 2
        return x0, share * s.log_beta[i] + (1 - share) * s.log_variance[i]

    def loss(self, seeds, x0, x, i, iteration):
        """The CLIP loss of a batch, looked at through cutouts of the blend of x0 and x."""
        sigma, o = math.sqrt(1 - self.schedule.bar[i]), self.options
        blend = (x0 * sigma + x * (1 - sigma) + 1) / 2
        total = 0
        for b, seed in enumerate(seeds):
            cuts = [F.adaptive_avg_pool2d(blend[b:b + 1, :, y:y + size, xx:xx + size], o["cut"])
                    for size, xx, y in boxes(seed, iteration, o["cutn"], x.shape[3], o["cut"])]
            e = F.normalize(self.clip((torch.cat(cuts) - MEAN.to(x.device)) / STD.to(x.device)), dim=-1)
            distance = (e - F.normalize(self.target, dim=-1)).norm(dim=-1).div(2).arcsin().pow(2).mul(2)
            total = total + distance.mean()
        return total * o["scale"]

    def gradient(self, seeds, x, i, iteration):
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            x0, log_variance = self.predict(x, i)
            g = -torch.autograd.grad(self.loss(seeds, x0, x, i, iteration), x)[0]
        if self.options["clamp"]:
            rms = g.square().mean([1, 2, 3], keepdim=True).sqrt()
            g = g * (rms.clamp(max=self.options["clamp"]) / rms)
        return g, x0.detach(), log_variance.detach()

    def noise(self, seeds, iteration, stream, side, device):
        """docs/randomness.md's numbers; where only time counts on a GPU, which numpy would hold up, PyTorch's own."""
        if self.options.get("torch_noise"):
            return torch.randn(len(seeds), 3, side, side, device=device)
        return torch.cat([field(seed, iteration, stream, (1, 3, side, side)) for seed in seeds]).to(device)

    def step(self, seeds, x, i, iteration):
        s = self.schedule
        if self.passes:
            x0, log_variance = self.predict(x, i)
            g, _, _ = self.gradient(seeds, x, i, iteration)
        else:
            g, x0, log_variance = self.gradient(seeds, x, i, iteration)
        mean = s.x0_factor[i] * x0 + s.x_factor[i] * x + log_variance.exp() * g
        if i == 0:
            return x0
        z = self.noise(seeds, iteration, 1, x.shape[2], x.device)
        return mean + (0.5 * log_variance).exp() * z

    @torch.no_grad()
    def run(self, seeds, side, steps=None):
        x = self.noise(seeds, 0, 0, side, self.target.device)
        count = len(self.schedule.used)
        for k in range(steps or count):
            x = self.step(seeds, x, count - 1 - k, k)
        return x
