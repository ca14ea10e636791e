"""Stores what guidance will show the CLIP: x_in of the partly trained UNet, with labels.

    python make_views.py DATA UNET.pt OUT.npz --count 5000
"""

import argparse
import os

import numpy as np
import torch

import unet
from diffusion import NOISE, SIGNAL, add_noise, at
from sample import cast
from train_clip import load
from train_unet import LOW_STAGE_FROM, State

BATCH = 20


def view(w, x0, t, rng, top):
    x = add_noise(x0, torch.from_numpy(rng.standard_normal(x0.shape, dtype=np.float32)), t)
    noise = unet.conv(w, "out.2", unet.features(w, x, t, top)).float()[:, :3]
    guess = (x - at(NOISE, t) * noise) / at(SIGNAL, t)
    return at(NOISE, t) * guess + (1 - at(NOISE, t)) * x


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("data")
    p.add_argument("unet")
    p.add_argument("out")
    p.add_argument("--count", type=int, default=5000)
    p.add_argument("--seed", type=int, default=31)
    p.add_argument("--low", action="store_true", help="the UNet is still in its first stage")
    a = p.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    state = State(0)
    state.load(a.unet)
    w, rng = cast(state.views(state.ema)), np.random.default_rng(a.seed)
    pictures = np.load(os.path.join(a.data, "pictures.npy"), mmap_mode="r")
    labels = np.load(os.path.join(a.data, "labels.npy"))
    chosen = rng.permutation(len(pictures))[:a.count]
    views = np.empty((a.count, 3, 64, 64), dtype=np.float16)
    for i in range(0, a.count, BATCH):
        index = chosen[i:i + BATCH]
        lowest = LOW_STAGE_FROM if a.low else 0
        t = torch.from_numpy((lowest + (900 - lowest) * rng.random(len(index)) ** .8).astype(np.int64))
        with torch.no_grad():
            views[i:i + BATCH] = view(w, load(pictures, index), t, rng, not a.low).numpy()
    np.savez(a.out, x=views, labels=labels[chosen])


if __name__ == "__main__":
    main()
