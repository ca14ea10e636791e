"""Trains the demo's CLIP on renders and, in a second stage, on what guidance really shows it.

Guided sampling asks CLIP about x_in, a mixture of the UNet's present guess and the
noisy picture. Stage 1 imitates that with blur, noise and averages of pictures;
stage 2 (--views) trains on stored x_in of the partly trained UNet.

A caption is right for every picture that agrees with what it names, so the target
of the cross-entropy is uniform over all right partners, both ways.

    python train_clip.py DATA OUT --steps 700 [--init clip.pt --views views.npz --lr 5e-4]
"""

import argparse
import os
import time

import numpy as np
import torch
import torch.nn.functional as F

import clip_model
from captions import caption, write_caption
from diffusion import NOISE, SIGNAL, add_noise, at
from scene import ATTRIBUTES, from_labels, random_scene
from tokenizer import Tokenizer, learn_merges, read_vocabulary, write_vocabulary

BATCH, HARD = 128, 64
KEYS = list(ATTRIBUTES)


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("data")
    p.add_argument("out")
    p.add_argument("--steps", type=int, required=True)
    p.add_argument("--lr", type=float, default=1e-3)
    p.add_argument("--seed", type=int, default=11)
    p.add_argument("--init", help="go on from this file's weights")
    p.add_argument("--views", help="stored x_in of the UNet, for stage 2")
    p.add_argument("--name", default="clip")
    return p.parse_args()


# --- captions --------------------------------------------------------------------

def vocabulary(folder, seed):
    path = os.path.join(folder, "vocab.txt")
    if not os.path.exists(path):
        rng = np.random.default_rng((seed, 1))
        write_vocabulary(path, learn_merges([caption(rng, random_scene(rng))[0] for _ in range(30000)]))
    return Tokenizer(read_vocabulary(path), clip_model.CONTEXT)


def other_scene(rng, scene, named):
    """A scene that differs from this one in what the caption names; mostly in one attribute."""
    candidates = [random_scene(rng) for _ in range(24)]
    differing = [(sum(getattr(c, k) != getattr(scene, k) for k in named), i) for i, c in enumerate(candidates)]
    differing = [d for d in differing if d[0]]
    return candidates[min(differing)[1]] if differing else candidates[0]


def write_captions(rng, scenes):
    """Texts, label rows and masks of named attributes: one for each scene, then hard ones."""
    texts, labels, masks = [], [], []
    for i in range(BATCH + HARD):
        scene = scenes[i % BATCH]
        text, named = caption(rng, scene)
        if i >= BATCH:
            scene = other_scene(rng, scene, named)
            text = write_caption(rng, scene, named)
        texts.append(text)
        labels.append(scene.labels())
        masks.append([k in named for k in KEYS])
    return texts, torch.tensor(labels), torch.tensor(masks)


def add_strange_pieces(rng, ids, tokenizer):
    """Sometimes puts in pieces without meaning, so that unknown words of a prompt do little harm."""
    if rng.random() > .15:
        return ids
    words = ids[1:ids.index(tokenizer.end)]
    room = tokenizer.context - 2 - len(words)
    for _ in range(int(rng.integers(1, min(10, room) + 1))):
        words.insert(int(rng.integers(len(words) + 1)), int(rng.integers(512)))
    ids = [tokenizer.start] + words + [tokenizer.end]
    return ids + [0] * (tokenizer.context - len(ids))


def encode_all(rng, texts, tokenizer):
    ids = torch.tensor([add_strange_pieces(rng, tokenizer.encode(t), tokenizer) for t in texts])
    return ids[:, :int(ids.argmax(1).max()) + 1]


# --- pictures --------------------------------------------------------------------

def load(data, index):
    return torch.from_numpy(np.ascontiguousarray(data[np.asarray(index)])).permute(0, 3, 1, 2).float() / 127.5 - 1


def pooled(x, side):
    return F.interpolate(F.adaptive_avg_pool2d(x, side), size=x.shape[-1], mode="bilinear", align_corners=False)


def blurred(rng, x):
    """Each picture mixed with a coarse copy, then noise, white or coarse."""
    out = []
    for p in x[:, None]:
        keep = rng.uniform(0, .6)
        p = keep * p + (1 - keep) * pooled(p, int(rng.integers(6, 33)))
        if rng.random() < .7:
            p = p + rng.uniform(0, .35) * torch.from_numpy(rng.standard_normal(p.shape, dtype=np.float32))
        if rng.random() < .3:
            side = int(rng.integers(4, 17))
            coarse = torch.from_numpy(rng.standard_normal((1, 3, side, side), dtype=np.float32))
            p = p + rng.uniform(0, .4) * F.interpolate(coarse, size=64, mode="bilinear", align_corners=False)
        out.append(p)
    return torch.cat(out)


def averaged(rng, x, reference):
    """What an ideal denoiser would make of noisy x: the mean of the known pictures that explain it."""
    t = torch.from_numpy(rng.integers(550, 930, len(x)))
    noisy = add_noise(x, torch.from_numpy(rng.standard_normal(x.shape, dtype=np.float32)), t)
    a, s = SIGNAL[t][:, None], NOISE[t][:, None]
    score = (a * (noisy.flatten(1) @ reference.T) - a * a * reference.square().sum(1) / 2) / (s * s)
    own = (a * (noisy * x).flatten(1).sum(1, True) - a * a * x.flatten(1).square().sum(1, True) / 2) / (s * s)
    share = torch.softmax(torch.cat([score, own], 1), 1)
    guess = (share[:, :-1] @ reference).view_as(x) + share[:, -1, None, None, None] * x
    return at(NOISE, t) * guess + (1 - at(NOISE, t)) * noisy


def cut(rng, x):
    """The whole picture or one random square of all, pooled to the network's side."""
    if rng.random() > .3:
        size = int(rng.integers(40, 65))
        top, left = rng.integers(65 - size, size=2)
        x = x[:, :, top:top + size, left:left + size]
    return F.adaptive_avg_pool2d(x, clip_model.SIDE)


class Source:
    """Batches of degraded pictures with their labels."""

    def __init__(self, folder, views):
        self.pictures = np.load(os.path.join(folder, "pictures.npy"), mmap_mode="r")
        self.labels = np.load(os.path.join(folder, "labels.npy"))
        self.views = np.load(views) if views else None
        if views:
            self.view_pictures, self.view_labels = self.views["x"], self.views["labels"]

    def reference(self, rng):
        return load(self.pictures, np.sort(rng.integers(len(self.pictures), size=1024))).flatten(1)

    def batch(self, rng):
        stored = 72 if self.views is not None else 0
        index = np.sort(rng.integers(len(self.pictures), size=BATCH - stored))
        x, labels = load(self.pictures, index), self.labels[index]
        clean = (BATCH - stored) // 4
        soft = clean if stored else 44
        parts = [x[:clean], blurred(rng, x[clean:BATCH - stored - soft]),
                 averaged(rng, x[BATCH - stored - soft:], self.reference(rng))]
        if stored:
            chosen = rng.integers(len(self.view_pictures), size=stored)
            parts.append(torch.from_numpy(self.view_pictures[chosen].astype(np.float32)))
            labels = np.concatenate([labels, self.view_labels[chosen]])
        x = torch.cat(parts)
        if rng.random() < .5:
            x = x.flip(3)
        quarter = BATCH // 4
        order = rng.permutation(BATCH)
        cuts = [cut(rng, x[order[i:i + quarter]]) for i in range(0, BATCH, quarter)]
        return torch.cat(cuts), torch.from_numpy(labels[order].astype(np.int64))


# --- training ----------------------------------------------------------------------

def right_partners(labels, caption_labels, masks):
    """[pictures, captions]: does the picture agree with all that the caption names?"""
    same = labels[:, None] == caption_labels[None]
    return (same | ~masks[None]).all(2)


def soft_cross_entropy(logits, right):
    """Above the entropy of the targets, over the rows that have a right partner."""
    share = right.float() / right.sum(1, True).clamp(min=1)
    rows = right.any(1)
    loss = -(share * F.log_softmax(logits, 1)).sum(1) - right.sum(1).clamp(min=1).log()
    return loss[rows].mean()


def loss_of(w, x, ids, right):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        images, texts = clip_model.encode_image(w, clip_model.normalised(x)), clip_model.encode_text(w, ids)
    images, texts = F.normalize(images.float(), dim=1), F.normalize(texts.float(), dim=1)
    logits = w["logit_scale"].clamp(max=4.6).exp() * images @ texts.T
    return (soft_cross_entropy(logits, right) + soft_cross_entropy(logits.T, right.T)) / 2


def optimiser(w, lr):
    matrices = [v for v in w.values() if v.dim() >= 2]
    others = [v for v in w.values() if v.dim() < 2]
    return torch.optim.AdamW([{"params": matrices, "weight_decay": .05}, {"params": others, "weight_decay": 0}],
                             lr=lr, betas=(.9, .98))


def schedule(step, steps, lr):
    return lr * min(1, (step + 1) / 100) * (.02 + .98 * .5 * (1 + np.cos(np.pi * step / steps)))


def save(path, content):
    torch.save(content, path + ".new")
    os.replace(path + ".new", path)


def resume(a, tokenizer):
    """(weights, average, optimiser, step)"""
    path = os.path.join(a.out, a.name + ".state.pt")
    w = torch.load(a.init) if a.init else clip_model.initial_weights(tokenizer.size, a.seed)
    w = {k: v.clone().requires_grad_() for k, v in w.items()}
    opt = optimiser(w, a.lr)
    if not os.path.exists(path):
        return w, {k: v.detach().clone() for k, v in w.items()}, opt, 0
    state = torch.load(path)
    for k, v in w.items():
        v.data.copy_(state["w"][k])
    opt.load_state_dict(state["opt"])
    return w, state["ema"], opt, state["step"]


def main():
    a = arguments()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    os.makedirs(a.out, exist_ok=True)
    tokenizer = vocabulary(a.out, a.seed)
    source = Source(a.data, a.views)
    w, ema, opt, first = resume(a, tokenizer)
    rng = np.random.default_rng((a.seed, 2, first, bool(a.views)))
    start, total = time.time(), 0.0
    for step in range(first, a.steps):
        for group in opt.param_groups:
            group["lr"] = schedule(step, a.steps, a.lr)
        x, labels = source.batch(rng)
        texts, caption_labels, masks = write_captions(rng, [from_labels(r) for r in labels])
        loss = loss_of(w, x, encode_all(rng, texts, tokenizer), right_partners(labels, caption_labels, masks))
        opt.zero_grad()
        loss.backward()
        opt.step()
        decay = min(.995, (1 + step) / (10 + step))
        for k, v in w.items():
            ema[k].lerp_(v.detach(), 1 - decay)
        total += float(loss.detach())
        if (step + 1) % 25 == 0:
            with open(os.path.join(a.out, a.name + ".log"), "a") as f:
                f.write(f"{time.strftime('%H:%M:%S')} step {step + 1} loss {total / 25:.4f} "
                        f"s/step {(time.time() - start) / 25:.2f}\n")
            start, total = time.time(), 0.0
        if (step + 1) % 100 == 0 or step + 1 == a.steps:
            save(os.path.join(a.out, a.name + ".state.pt"),
                 {"w": {k: v.detach() for k, v in w.items()}, "ema": ema, "opt": opt.state_dict(), "step": step + 1})
            save(os.path.join(a.out, a.name + ".pt"), ema)


if __name__ == "__main__":
    main()
