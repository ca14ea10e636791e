"""The judge of adherence: a small convolutional network that names the attributes of a picture.

It shares nothing with the demo CLIP: other renders (another seed), another
architecture, another loss; and it is never part of the guidance.

    python judge.py train DATA OUT       (DATA from make_data.py with a seed of its own)
"""

import argparse
import os
import time

import numpy as np
import torch
import torch.nn.functional as F

from scene import ATTRIBUTES

WIDTHS = (3, 24, 32, 48, 64, 96, 128, 160)
STRIDES = (1, 2, 1, 2, 1, 2, 2)
BATCH = 64


def initial_weights(seed):
    torch.manual_seed(seed)
    w = {}
    for i, (cin, cout) in enumerate(zip(WIDTHS, WIDTHS[1:])):
        w[f"conv{i}.weight"] = torch.randn(cout, cin, 3, 3) * (2 / (9 * cin)) ** .5
        w[f"norm{i}.weight"], w[f"norm{i}.bias"] = torch.ones(cout), torch.zeros(cout)
    for name, classes in ATTRIBUTES.items():
        w[name + ".weight"] = torch.randn(len(classes), WIDTHS[-1]) * .05
        w[name + ".bias"] = torch.zeros(len(classes))
    return w


def forward(w, x):
    """x f32 [B,3,64,64] in -1..1 -> {attribute: logits [B, classes]}"""
    for i, stride in enumerate(STRIDES):
        x = F.conv2d(x, w[f"conv{i}.weight"], None, stride, 1)
        x = F.relu(F.group_norm(x, 8, w[f"norm{i}.weight"], w[f"norm{i}.bias"]))
    x = x.mean((2, 3))
    return {k: F.linear(x, w[k + ".weight"], w[k + ".bias"]) for k in ATTRIBUTES}


def names(w, x):
    """The attributes the judge sees, one dictionary a picture."""
    with torch.no_grad():
        best = {k: v.argmax(1).tolist() for k, v in forward(w, x).items()}
    return [{k: ATTRIBUTES[k][best[k][i]] for k in ATTRIBUTES} for i in range(len(x))]


def disturbed(rng, x):
    """Small shifts, blur, noise and changes of brightness: generated pictures are not renders."""
    shift = rng.integers(-3, 4, size=2)
    x = F.pad(x, (3, 3, 3, 3), mode="replicate")
    x = x[:, :, 3 + shift[0]:67 + shift[0], 3 + shift[1]:67 + shift[1]]
    soft = F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, 1)
    n = len(x)
    mix, noise, gain = (torch.from_numpy(rng.random((n, 1, 1, 1), dtype=np.float32)) for _ in range(3))
    x = x + mix * (soft - x)
    x = x + .12 * noise * torch.from_numpy(rng.standard_normal(x.shape, dtype=np.float32))
    return x * (.9 + .2 * gain)


def load(pictures, index):
    return torch.from_numpy(np.ascontiguousarray(pictures[index])).permute(0, 3, 1, 2).float() / 127.5 - 1


def train(data, out, steps, seed):
    pictures = np.load(os.path.join(data, "pictures.npy"), mmap_mode="r")
    labels = torch.from_numpy(np.load(os.path.join(data, "labels.npy")).astype(np.int64))
    rng, w = np.random.default_rng((seed, 5)), initial_weights(seed)
    opt = torch.optim.AdamW([v.requires_grad_() for v in w.values()], lr=2e-3, weight_decay=.01)
    start, held = time.time(), min(1000, len(pictures) // 5)
    for step in range(steps):
        for group in opt.param_groups:
            group["lr"] = 2e-3 * min(1, (step + 1) / 30) * (1 - step / steps)
        index = np.sort(rng.integers(len(pictures) - held, size=BATCH))
        x = disturbed(rng, load(pictures, index))
        if rng.random() < .5:
            x = x.flip(3)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = forward(w, x)
        loss = sum(F.cross_entropy(v.float(), labels[index, i]) for i, v in enumerate(logits.values()))
        opt.zero_grad()
        loss.backward()
        opt.step()
        if (step + 1) % 50 == 0:
            print(f"step {step + 1} loss {float(loss.detach()):.4f} s {time.time() - start:.0f}", flush=True)
    w = {k: v.detach() for k, v in w.items()}
    torch.save(w, os.path.join(out, "judge.pt"))
    check(w, load(pictures, slice(-held, None)), labels[-held:])


def check(w, x, labels):
    """Shares of right answers on renders that were held out."""
    with torch.no_grad():
        answers = torch.stack([v.argmax(1) for v in forward(w, x).values()], 1)
    right = answers == labels
    print("held out:", " ".join(f"{k} {right[:, i].float().mean():.4f}" for i, k in enumerate(ATTRIBUTES)),
          f"all {right.all(1).float().mean():.4f}", flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("action", choices=["train"])
    p.add_argument("data")
    p.add_argument("out")
    p.add_argument("--steps", type=int, default=400)
    p.add_argument("--seed", type=int, default=23)
    a = p.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    os.makedirs(a.out, exist_ok=True)
    train(a.data, a.out, a.steps, a.seed)


if __name__ == "__main__":
    main()
