#!/usr/bin/env python3
"""The peers of nightjar's benchmark: the same guided step in PyTorch, with random or given weights.

    peers.py MODE NET [--steps N] [--warm N] [--batch B] [--cutn N] [--threads N] [--side PIXELS]
        times steps and prints {"seconds_per_step": ..., "processor_seconds_per_step": ...}; NET is demo, 256, 512
        or a card's file
    peers.py MODE CARD --unet FILE --clip FILE --picture OUT.png --prompt-from TENSORS --seed N --respacing N
        makes a picture, to be compared with nightjar's

MODE is eager (the notebooks' way: every step runs the UNet once without and once with gradients), strong (one
pass, channels-last, scaled_dot_product_attention, no gradients of weights) or compiled (strong, torch.compile).
"""

import argparse
import json
import math
import struct
import time
import zlib
from pathlib import Path

import numpy as np
import torch

from networks import ClipVision, UNet
from step import Peer, Schedule

MODELS = Path(__file__).resolve().parents[2] / "models"
NETS = {  # the UNet's card, CLIP's card, side, cutouts
    "demo": (MODELS / "demo/card.json", MODELS / "demo/card.json", 64, 4),
    "256": (MODELS / "256x256_diffusion_uncond.json", MODELS / "ViT-B-32.json", 256, 16),
    "512": (MODELS / "512x512_diffusion_uncond_finetune_008100.json", MODELS / "ViT-B-32.json", 512, 16),
}


def card(path, part):
    return json.loads(Path(path).read_text())[part]


def safetensors(path):
    data = Path(path).read_bytes()
    n = struct.unpack("<Q", data[:8])[0]
    types = {"F32": np.float32, "F16": np.float16, "I64": np.int64}
    out = {}
    for name, t in json.loads(data[8:8 + n]).items():
        if name == "__metadata__":
            continue
        first, last = t["data_offsets"]
        values = np.frombuffer(data[8 + n + first:8 + n + last], types[t["dtype"]]).reshape(t["shape"])
        out[name] = torch.from_numpy(values.astype(np.int64 if t["dtype"] == "I64" else np.float32))
    return out


def weights(path):
    if str(path).endswith(".safetensors"):
        return safetensors(path)
    return {k: v.float() for k, v in torch.load(path, map_location="cpu").items()}


def load(net, path, prefix=""):
    if path:
        found = {k[len(prefix):]: v for k, v in weights(path).items() if k.startswith(prefix)}
        net.load_state_dict(found)


def to_half(unet, dtype):
    """As the public code's convert_to_fp16: the two towers and the middle; norms, embedding and head stay."""
    for part in (unet.input_blocks, unet.middle_block, unet.output_blocks) if dtype else ():
        for module in part.modules():
            if isinstance(module, (torch.nn.Conv1d, torch.nn.Conv2d)):
                module.to(dtype)


def networks(args, unet_card, clip_card):
    strong = args.mode != "eager"
    torch.manual_seed(0)
    with torch.device(args.device):  # random weights take half a minute on a CPU
        unet, clip = UNet(card(unet_card, "unet"), strong), ClipVision(card(clip_card, "clip"), strong)
    load(unet, args.unet)
    load(clip, args.clip, "visual.")
    to_half(unet, {"fp32": None, "fp16": torch.float16, "bf16": torch.bfloat16}[args.precision])
    unet, clip = unet.to(args.device), clip.to(args.device)
    if strong:
        unet, clip = (n.to(memory_format=torch.channels_last) for n in (unet, clip))
        if args.device == "cuda":
            torch.backends.cudnn.benchmark = torch.backends.cuda.matmul.allow_tf32 = True
    if args.mode == "compiled":
        unet.forward, clip.forward = torch.compile(unet.forward), torch.compile(clip.forward)
    return unet, clip


def write_png(path, x):
    """x [3,H,W] in [-1,1], rounded as the program does: (x + 1) / 2 * 255, cut off."""
    rgb = ((x + 1) / 2).clamp(0, 1).mul(255).byte().permute(1, 2, 0).contiguous().numpy()
    rows = np.concatenate([np.zeros((rgb.shape[0], 1), np.uint8), rgb.reshape(rgb.shape[0], -1)], 1)

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", rgb.shape[1], rgb.shape[0], 8, 2, 0, 0, 0)
    Path(path).write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) +
                           chunk(b"IDAT", zlib.compress(rows.tobytes())) + chunk(b"IEND", b""))


def make_picture(args):
    unet, clip = networks(args, args.net, args.net)
    target = safetensors(args.prompt_from)["prompt.embeddings"]
    peer = Peer(unet, clip, target, Schedule(card(args.net, "unet"), args.respacing),
                {"two_passes": args.mode == "eager", "cut": card(args.net, "clip")["image_size"],
                 "cutn": args.cutn, "scale": args.scale, "clamp": args.clamp})
    write_png(args.picture, peer.run([args.seed], args.side)[0])


def wait(device):
    if device == "cuda":
        torch.cuda.synchronize()


def time_steps(args):
    unet_card, clip_card, side, cutn = NETS[args.net]
    unet, clip = networks(args, unet_card, clip_card)
    shape = card(clip_card, "clip")
    target = torch.randn(1, shape["embed_dim"]).to(args.device)
    peer = Peer(unet, clip, target, Schedule(card(unet_card, "unet"), 1000),
                {"two_passes": args.mode == "eager", "cut": shape["image_size"], "cutn": args.cutn or cutn,
                 "scale": 1000, "clamp": 0.05, "torch_noise": args.device == "cuda"})
    seeds, side = list(range(args.batch)), args.side or side
    if args.warm:
        peer.run(seeds, side, args.warm)
    wait(args.device)
    if args.device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    start, used = time.monotonic(), time.process_time()
    peer.run(seeds, side, args.steps)
    wait(args.device)
    seconds, used = (time.monotonic() - start) / args.steps, (time.process_time() - used) / args.steps
    print(json.dumps({"mode": args.mode, "net": args.net, "side": side, "batch": args.batch,
                      "cutn": args.cutn or cutn, "seconds_per_step": seconds,
                      "processor_seconds_per_step": used,
                      "peak_device_bytes": torch.cuda.max_memory_allocated() if args.device == "cuda" else 0}))


def arguments():
    p = argparse.ArgumentParser()
    p.add_argument("mode", choices=("eager", "strong", "compiled"))
    p.add_argument("net")
    for name in ("unet", "clip", "picture", "prompt-from"):
        p.add_argument("--" + name)
    for name, value in (("steps", 1), ("warm", 0), ("batch", 1), ("cutn", 0), ("threads", 0), ("side", 0),
                        ("seed", 0), ("respacing", 4)):
        p.add_argument("--" + name, type=int, default=value)
    p.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    p.add_argument("--precision", choices=("fp32", "fp16", "bf16"), default="fp32", help="of the UNet")
    p.add_argument("--scale", type=float, default=1000)
    p.add_argument("--clamp", type=float, default=0.05)
    return p.parse_args()


def main():
    args = arguments()
    if args.threads:
        torch.set_num_threads(args.threads)
    if args.picture:
        make_picture(args)
    else:
        time_steps(args)


main()
