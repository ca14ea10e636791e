"""Trains the demo's UNet on one CPU core; stop it at any time, start it again and it goes on.

What makes one core enough:
- the network starts as noise = normalised input (unet.pass_input_through), and the overall level of
  the picture survives the last norm;
- the first --low-pictures pictures leave out the top level's residual blocks (half the time);
- at high noise the target is the mean of the noise over many known pictures that could explain the
  input, not the noise of the one that did (Xu, Tong, Jaakkola 2023): the same optimum, less variance;
- the weight of a noise level is about that of x0's error, not of the noise's (Karras et al. 2022),
  or the colours, which are decided at high noise, would hardly be learnt;
- bfloat16 weights and pictures, float32 master weights, own kernels for norm and upsampling.

    python train_unet.py DATA OUT --pictures 150000 --low-pictures 60000
"""

import argparse
import os
import signal
import time

import numpy as np
import torch

import unet
from diffusion import NOISE, SIGMA, SIGNAL, STEPS, add_noise, at, variance_bound
from make_data import done_count

REFERENCE = 1536          # pictures that share in a high-noise target
REFERENCE_SIGMA = 5.0     # from this noise level on
LOW_STAGE_FROM = 150      # below, noise is finer than the lower levels see
SIGMA_DATA, SIGMA_TOP = 0.5, 12.0


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("data")
    p.add_argument("out")
    p.add_argument("--pictures", type=int, required=True, help="stop after this many")
    p.add_argument("--low-pictures", type=int, default=0, help="the first ones train without the top level's blocks")
    p.add_argument("--decay-from", type=int, default=0, help="from this many the learning rate falls linearly to 3 %%")
    p.add_argument("--batch", type=int, default=8)
    p.add_argument("--lr", type=float, default=1e-3)
    p.add_argument("--ema", type=float, default=0.999)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--save-minutes", type=float, default=4)
    return p.parse_args()


# --- data --------------------------------------------------------------------

class Pictures:
    """Random pictures of a data set that may still be growing, mirrored half of the time."""

    def __init__(self, folder, generator):
        self.folder, self.rng = folder, generator
        self.all = np.load(os.path.join(folder, "pictures.npy"), mmap_mode="r")

    def take(self, n):
        """f32 [n,3,64,64] in -1..1"""
        index = np.sort(self.rng.integers(done_count(self.folder), size=n))
        x = torch.from_numpy(np.ascontiguousarray(self.all[index])).permute(0, 3, 1, 2).float() / 127.5 - 1
        mirrored = torch.from_numpy(self.rng.random(n) < 0.5)[:, None, None, None]
        return torch.where(mirrored, x.flip(3), x)


class Reference:
    """Known pictures for the targets at high noise, renewed now and then."""

    def __init__(self, pictures):
        self.x = pictures.take(REFERENCE).flatten(1)
        self.half_square = self.x.square().sum(1) / 2

    def noise_target(self, x, x0, noise, t):
        """The noise that explains x on average over reference and true pictures, for rows of high noise."""
        rows = (SIGMA[t] > REFERENCE_SIGMA).nonzero()[:, 0]
        if len(rows) == 0:
            return noise
        a, s = SIGNAL[t[rows]][:, None], NOISE[t[rows]][:, None]
        flat, own = x[rows].flatten(1), x0[rows].flatten(1)
        score = (a * (flat @ self.x.T) - a * a * self.half_square) / (s * s)
        own_score = (a * (flat * own).sum(1, True) - a * a * own.square().sum(1, True) / 2) / (s * s)
        share = torch.softmax(torch.cat([score, own_score], 1), 1)
        mean = share[:, :-1] @ self.x + share[:, -1:] * own
        target = noise.clone()
        target[rows] = ((flat - a * mean) / s).view_as(noise[rows])
        return target


def draw_times(rng, n, lowest):
    """Stratified over the steps from the lowest on."""
    share = (np.arange(n) + rng.random(n)) / n
    return torch.from_numpy((lowest + share * (STEPS - lowest)).astype(np.int64))


def loss_weight(t):
    """Weight of the noise's squared error: 1 at low noise, as for x0's error in the middle."""
    s = SIGMA[t]
    return 1 + (s / SIGMA_DATA) ** 2 / (1 + (s / SIGMA_TOP) ** 2)


# --- state ---------------------------------------------------------------------

class State:
    """Master weights, Adam's moments and the moving average, each one flat vector."""

    def __init__(self, seed):
        weights = unet.initial_weights(seed)
        self.shapes = {k: v.shape for k, v in weights.items()}
        self.master = torch.cat([v.flatten() for v in weights.values()])
        self.first, self.second = torch.zeros_like(self.master), torch.zeros_like(self.master)
        self.ema, self.buffer = self.master.clone(), torch.zeros_like(self.master)
        self.step, self.seen, self.norm = 0, 0, 0.0

    def views(self, flat):
        out, start = {}, 0
        for name, shape in self.shapes.items():
            out[name] = flat[start:start + shape.numel()].view(shape)
            start += shape.numel()
        return out

    def leaves(self):
        """bfloat16 copies for one step, convolutions channels last."""
        out = {}
        for name, v in self.views(self.master).items():
            v = v.to(torch.bfloat16)
            if v.dim() == 4:
                v = v.contiguous(memory_format=torch.channels_last)
            out[name] = v.requires_grad_()
        return out

    def gradient(self, leaves):
        for name, v in self.views(self.buffer).items():
            if leaves[name].grad is None:
                v.zero_()
            else:
                v.copy_(leaves[name].grad)
        return self.buffer

    def update(self, leaves, lr, ema):
        g = self.gradient(leaves)
        norm = float(g.norm())
        self.step += 1
        if not np.isfinite(norm):
            return norm
        limit = 2 * self.norm if self.step > 20 else norm
        self.norm = norm if self.step == 1 else .98 * self.norm + .02 * min(norm, max(limit, 1e-9))
        g.mul_(min(1.0, limit / max(norm, 1e-12)))
        self.first.lerp_(g, 0.1)
        self.second.mul_(0.99).addcmul_(g, g, value=0.01)
        correct1, correct2 = 1 - 0.9 ** self.step, 1 - 0.99 ** self.step
        torch.sqrt(self.second, out=self.buffer)
        self.buffer.add_(1e-8)
        self.master.addcdiv_(self.first, self.buffer, value=-lr / correct1 * correct2 ** 0.5)
        self.ema.lerp_(self.master, 1 - min(ema, (1 + self.step) / (10 + self.step)))
        return norm

    def save(self, path):
        torch.save({k: v for k, v in vars(self).items() if k not in ("shapes", "buffer")}, path + ".new")
        os.replace(path + ".new", path)

    def load(self, path):
        for k, v in torch.load(path).items():
            setattr(self, k, v)


# --- a step ----------------------------------------------------------------------

def train_step(state, pictures, reference, rng, a):
    """One batch; returns t and the plain squared error of the noise for each picture."""
    x0 = pictures.take(a.batch)
    top = state.seen >= a.low_pictures
    t = draw_times(rng, a.batch, 0 if top else LOW_STAGE_FROM)
    noise = torch.from_numpy(rng.standard_normal(x0.shape, dtype=np.float32))
    x = add_noise(x0, noise, t)
    target = reference.noise_target(x, x0, noise, t)
    leaves = state.leaves()
    h = unet.features(leaves, x, t, top=top)
    weight, bias = leaves["out.2.weight"], leaves["out.2.bias"]
    predicted = torch.conv2d(h, weight[:3], bias[:3], padding=1).float()
    fraction = torch.conv2d(h.detach(), weight[3:], bias[3:], padding=1).float()
    error = (predicted - noise).detach()
    loss = ((predicted - target).square().mean((1, 2, 3)) * loss_weight(t)).mean()
    bound = (variance_bound(fraction, error, t).mean((1, 2, 3)) * (t > 0)).mean()
    (loss + bound).backward()
    state.update(leaves, learning_rate(state, a), a.ema)
    state.seen += a.batch
    plain = error.square().mean((1, 2, 3))
    return t, plain, float(loss.detach()), float(bound.detach())


def learning_rate(state, a):
    lr = a.lr * min(1.0, (state.step + 1) / 100)
    if a.decay_from and state.seen > a.decay_from:
        left = (a.pictures - state.seen) / max(a.pictures - a.decay_from, 1)
        lr *= max(0.03, left)
    return lr


class Log:
    """Losses since the last line: by noise level, and weighted with min(5/SNR, 1) for comparison."""

    def __init__(self, path):
        self.path, self.start = path, time.time()
        self.clear()

    def clear(self):
        self.sum, self.count = np.zeros(10), np.zeros(10)
        self.snr, self.rows, self.loss, self.bound, self.steps = 0.0, 0, 0.0, 0.0, 0
        self.since = time.time()

    def add(self, t, plain, loss, bound):
        np.add.at(self.sum, t.numpy() // 100, plain.numpy())
        np.add.at(self.count, t.numpy() // 100, 1)
        self.snr += float((plain * torch.clamp(5 * SIGMA[t] ** 2, max=1)).sum())
        self.rows += len(t)
        self.loss += loss
        self.bound += bound
        self.steps += 1

    def write(self, state):
        bins = " ".join(f"{v:.5f}" for v in self.sum / np.maximum(self.count, 1))
        line = (f"{time.strftime('%H:%M:%S')} pictures {state.seen} loss {self.loss / self.steps:.4f} "
                f"snr-weighted {self.snr / self.rows:.5f} bound {self.bound / self.steps:.5f} norm {state.norm:.3f} "
                f"ms {1000 * (time.time() - self.since) / self.rows:.1f} by-t {bins}")
        print(line, flush=True)
        with open(self.path, "a") as f:
            f.write(line + "\n")
        self.clear()


def main():
    a = arguments()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    os.makedirs(a.out, exist_ok=True)
    path = os.path.join(a.out, "unet.pt")
    state = State(a.seed)
    if os.path.exists(path):
        state.load(path)
    rng = np.random.default_rng((a.seed, state.step))
    pictures, log = Pictures(a.data, rng), Log(os.path.join(a.out, "unet.log"))
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    signal.signal(signal.SIGINT, lambda *_: stop.append(1))
    saved, first = time.time(), state.step
    while state.seen < a.pictures and not stop:
        if (state.step - first) % 100 == 0:
            reference = Reference(pictures)
        log.add(*train_step(state, pictures, reference, rng, a))
        if state.step % 100 == 0:
            log.write(state)
        if time.time() - saved > 60 * a.save_minutes:
            state.save(path)
            saved = time.time()
    state.save(path)


if __name__ == "__main__":
    main()
