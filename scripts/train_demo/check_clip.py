"""How often the demo CLIP ranks the right caption of ten first, on renders it never saw.

Each picture meets one caption that names all its attributes and nine of other
scenes, of which at least four differ from it in one attribute only.

    python check_clip.py CLIP.pt|CLIP.safetensors VOCAB.txt HELD_OUT_DATA
"""

import argparse
import os

import numpy as np
import torch
import torch.nn.functional as F

import clip_model
from captions import write_caption
from export import read_safetensors
from scene import ATTRIBUTES, all_scenes, from_labels, pick
from tokenizer import Tokenizer, read_vocabulary
from train_clip import load, pooled

SCENES = all_scenes()
COUNT = 1000


def difference(a, b):
    return sum(getattr(a, k) != getattr(b, k) for k in ATTRIBUTES)


def wrong_scenes(rng, scene):
    near = [s for s in SCENES if difference(s, scene) == 1]
    chosen = [near[i] for i in rng.permutation(len(near))[:4]]
    while len(chosen) < 9:
        other = pick(rng, SCENES)
        if other != scene and other not in chosen:
            chosen.append(other)
    return chosen


def text_embeddings(w, tokenizer, rng, scenes):
    ids = torch.tensor([tokenizer.encode(write_caption(rng, s, set(ATTRIBUTES))) for s in scenes])
    return F.normalize(clip_model.encode_text(w, ids), dim=1)


def top_one(w, tokenizer, x, labels):
    rng, right = np.random.default_rng(99), 0
    images = F.normalize(clip_model.encode_image(w, clip_model.normalised(F.adaptive_avg_pool2d(x, 48))), dim=1)
    for image, row in zip(images, labels):
        scene = from_labels(row)
        texts = text_embeddings(w, tokenizer, rng, [scene] + wrong_scenes(rng, scene))
        right += int((texts @ image).argmax() == 0)
    return right / len(labels)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("clip")
    p.add_argument("vocabulary")
    p.add_argument("data")
    a = p.parse_args()
    torch.set_num_threads(1)
    w = read_safetensors(a.clip) if a.clip.endswith(".safetensors") else torch.load(a.clip)
    tokenizer = Tokenizer(read_vocabulary(a.vocabulary), clip_model.CONTEXT)
    x = load(np.load(os.path.join(a.data, "pictures.npy"), mmap_mode="r"), np.arange(COUNT))
    labels = np.load(os.path.join(a.data, "labels.npy"))[:COUNT]
    torch.manual_seed(1)
    with torch.no_grad():
        for name, y in (("clean", x), ("noise .15", x + .15 * torch.randn_like(x)), ("pooled to 12", pooled(x, 12))):
            print(f"{name}: top-1 of 10 {top_one(w, tokenizer, y, labels):.3f} of {len(x)}", flush=True)


if __name__ == "__main__":
    main()
