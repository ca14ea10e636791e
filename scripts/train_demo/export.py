"""Writes the trained networks as fp16 safetensors with the card and the vocabulary.

    python export.py --unet RUN/unet.pt --clip RUN/clip.pt --vocabulary RUN/vocab.txt models/demo
"""

import argparse
import hashlib
import json
import os
import shutil

import torch

import clip_model
import unet
from captions import known_words
from train_unet import State

DEFAULTS = {
    "width": 64, "height": 64, "timestep_respacing": "60", "sampler": "ddpm", "skip_timesteps": 0,
    "clip_guidance_scale": 1000, "tv_scale": 0, "range_scale": 0, "sat_scale": 0, "cutn": 4, "cutn_batches": 1,
    "cut_pow": 1, "cutouts": "crowson", "gradient": "x", "clamp_max": 0.1, "clip_denoised": False,
    "batch_size": 1,
}


def write_safetensors(path, weights):
    """The format: length of the header (u64), the header (JSON), the tensors one after the other."""
    header, start = {"__metadata__": {"format": "pt"}}, 0
    halves = {k: weights[k].detach().to(torch.float16).contiguous() for k in sorted(weights)}
    for name, v in halves.items():
        size = v.numel() * 2
        header[name] = {"dtype": "F16", "shape": list(v.shape), "data_offsets": [start, start + size]}
        start += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(len(text).to_bytes(8, "little") + text)
        for v in halves.values():
            f.write(v.numpy().tobytes())


def read_safetensors(path):
    """{name: f32 tensor} of a file that write_safetensors wrote."""
    with open(path, "rb") as f:
        header = json.loads(f.read(int.from_bytes(f.read(8), "little")))
        body = bytearray(f.read())
    header.pop("__metadata__", None)
    return {k: torch.frombuffer(body, dtype=torch.float16, offset=v["data_offsets"][0],
                                count=(v["data_offsets"][1] - v["data_offsets"][0]) // 2).view(v["shape"]).float()
            for k, v in header.items()}


def file_entry(folder, name):
    with open(os.path.join(folder, name), "rb") as f:
        content = f.read()
    return {"file": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(),
            "format": "safetensors", "dtype": "float16"}


def clip_entry(folder, vocabulary_size):
    return file_entry(folder, "clip.safetensors") | {
        "kind": "vit", "vocabulary": "vocab.txt", "embed_dim": clip_model.EMBED, "image_size": clip_model.SIDE,
        "patch_size": clip_model.PATCH, "vision_layers": clip_model.VISION_LAYERS,
        "vision_width": clip_model.VISION_WIDTH, "vision_heads": clip_model.VISION_WIDTH // 64,
        "text_layers": clip_model.TEXT_LAYERS, "text_width": clip_model.TEXT_WIDTH,
        "text_heads": clip_model.TEXT_WIDTH // 64, "context_length": clip_model.CONTEXT,
        "vocab_size": vocabulary_size,
    }


def write_card(folder, vocabulary_size, pictures):
    card = {
        "name": "demo",
        "description": "Small landscapes drawn by a program, 64x64; for the first try and for tests",
        "licence": "MIT",
        "trained_on_pictures": pictures,
        "unet": file_entry(folder, "unet.safetensors") | unet.CONFIG,
        "clip": clip_entry(folder, vocabulary_size),
        "defaults": DEFAULTS,
        "words": known_words(),
    }
    with open(os.path.join(folder, "card.json"), "w") as f:
        f.write(json.dumps(card, indent=1) + "\n")


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--unet", required=True)
    p.add_argument("--clip", required=True)
    p.add_argument("--vocabulary", required=True)
    p.add_argument("folder")
    a = p.parse_args()
    os.makedirs(a.folder, exist_ok=True)
    state = State(0)
    state.load(a.unet)
    write_safetensors(os.path.join(a.folder, "unet.safetensors"), state.views(state.ema))
    clip = torch.load(a.clip)
    write_safetensors(os.path.join(a.folder, "clip.safetensors"), clip)
    shutil.copyfile(a.vocabulary, os.path.join(a.folder, "vocab.txt"))
    write_card(a.folder, len(clip["token_embedding.weight"]), state.seen)


if __name__ == "__main__":
    main()
