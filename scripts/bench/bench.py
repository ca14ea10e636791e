#!/usr/bin/env python3
"""Runs nightjar and its peers alternately and prints how many times quicker nightjar is. Called by bench.sh.

First both make the same small picture; times count only when the pictures are equal to one step of a byte.
A ratio is the peer's seconds for a step over nightjar's, in one round each; shown are median, least and most.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from png import apart

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SMALL = ROOT / "tests/fixtures/endtoend"
# name of the ratio -> the peer's mode and nightjar's precision, for networks of one kind
CPU = {"256": {"cpu_fp32_vs_eager": ("eager", "fp32"), "cpu_fp32_vs_strong": ("strong", "fp32"),
               "cpu_bf16_vs_eager": ("eager", "bf16"), "cpu_bf16_vs_strong": ("strong", "bf16")},
       "demo": {"demo_vs_eager": ("eager", "fp32"), "demo_vs_strong": ("strong", "fp32"),
                "demo_bf16_vs_eager": ("eager", "bf16")}}
STEPS = {"256": (1, 1), "512": (1, 1), "demo": (20, 60)}  # the peer's, nightjar's
GPU_STEPS = 40  # everybody's, on a GPU


class Failed(Exception):
    pass


def run(command, **more):
    try:
        done = subprocess.run(command, capture_output=True, text=True, **more)
    except subprocess.TimeoutExpired:
        raise Failed(f"{' '.join(map(str, command))} took longer than {more['timeout']} s") from None
    if done.returncode:
        raise Failed(f"{' '.join(map(str, command))} failed:\n{done.stderr[-2000:]}")
    return done.stdout


def say(text):
    print(text, file=sys.stderr, flush=True)


# --- the same picture -----------------------------------------------------------

def same_picture(args, mode, folder):
    nets, seed = SMALL / "networks", 11
    guided = ["--scale", "1000", "--clamp", "0.05"]
    peer = Path(folder) / f"{mode}.png"
    run([args.python, HERE / "peers.py", mode, nets / "card.json", "--unet", nets / "unet.pt", "--clip",
         nets / "clip.safetensors", "--picture", peer, "--prompt-from", SMALL / "quick/tensors.safetensors",
         "--seed", str(seed), "--respacing", "4", "--side", "64", "--cutn", "4", *guided])
    ours = Path(folder) / f"ours-{mode}"
    run([args.nightjar, "generate", "the gateway to dawn (painting)", "--unet", nets / "unet.pt", "--unet-config",
         nets / "card.json", "--clip", nets / "clip.safetensors", "--seed", str(seed), "--timestep-respacing", "4",
         "--width", "64", "--height", "64", "--cutn", "4", "--cutn-batches", "1", "--cutouts", "crowson",
         "--gradient", "x", "--clamp-max", "0.05", "--clip-guidance-scale", "1000", "--tv-scale", "0",
         "--range-scale", "0", "--sat-scale", "0", "--precision", "fp32", "--device", "cpu", "--out", ours, "-q"])
    far, _, differing = apart(peer, next(ours.glob("*.png")))
    if far > 1 or differing > 0.01:
        sys.exit(f"bench: the peer '{mode}' makes another picture: {far} of 255 apart, {differing:.1%} of the bytes")
    return {"largest_difference": far, "share_of_bytes_that_differ": differing}


# --- times ------------------------------------------------------------------------

def machine_options(args):
    return ["--threads", str(args.threads)] if args.threads else []


def steps_of(args, net, who):
    return str(GPU_STEPS if args.device == "cuda" else STEPS[net][who])


def limits(args):
    return {"timeout": args.longest} if args.device == "cuda" else {}


def time_ours(args, net, precision):
    command = [args.nightjar, "bench", "--random-weights", net, "--precision", precision, "--steps",
               steps_of(args, net, 1), "--device", args.device, "--json", *machine_options(args)]
    return json.loads(run(command, **limits(args)))


def time_peer(args, net, mode):
    command = [args.python, HERE / "peers.py", mode, net, "--steps", steps_of(args, net, 0), "--device", args.device,
               *machine_options(args)]
    if args.device == "cuda":
        command += ["--warm", "5", "--precision", "fp16"]
    elif net == "demo":
        command += ["--warm", "3"]
    return json.loads(run(command, **limits(args)))


def one_round(args, net, ratios, failed):
    """Every peer and every precision once, peers first -> {who: seconds for a step}, and nightjar's full reports.
    A peer that fails joins `failed`, and is not tried again."""
    seconds, reports = {}, {}
    for mode in sorted({peer for peer, _ in ratios.values()} - failed):
        try:
            seconds[mode] = time_peer(args, net, mode)["seconds_per_step"]
        except Failed as why:
            say(f"  {net} {mode}: left out: {why}")
            failed.add(mode)
            continue
        say(f"  {net} {mode}: {seconds[mode]:.4f} s a step")
    for precision in sorted({p for _, p in ratios.values()}):
        reports[precision] = time_ours(args, net, precision)
        seconds[precision] = reports[precision]["seconds_per_step"]
        say(f"  {net} nightjar {precision}: {seconds[precision]:.4f} s a step")
    return seconds, reports


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def measure(args, net, ratios):
    rounds, reports, failed = [], [], set()
    for i in range(args.rounds):
        say(f"round {i + 1} of {args.rounds}, {net}:")
        seconds, report = one_round(args, net, ratios, failed)
        rounds.append(seconds)
        reports.append(report)
    out = {}
    for name, (peer, ours) in ratios.items():
        found = [r[peer] / r[ours] for r in rounds if peer in r]
        if found:
            out[name] = spread(found)
    return out, rounds, reports[-1]


def plan(args):
    if args.device == "cuda":
        return {net: {f"gpu_{net}_vs_{mode}": (mode, "fp16") for mode in args.peers} for net in args.nets}
    return {net: CPU[net] for net in args.nets}


def arguments():
    p = argparse.ArgumentParser()
    p.add_argument("--nightjar", required=True)
    p.add_argument("--python", default=sys.executable)
    p.add_argument("--json", action="store_true")
    p.add_argument("--quick", action="store_true")
    p.add_argument("--rounds", type=int)
    p.add_argument("--threads", type=int, default=0)
    p.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    p.add_argument("--nets", type=lambda s: s.split(","))
    p.add_argument("--peers", type=lambda s: s.split(","), default=["eager", "strong", "compiled"], help="on a GPU")
    p.add_argument("--longest", type=int, default=360, help="seconds that one program may take on a GPU")
    p.add_argument("--same-before", action="store_true", help="the small picture was compared by another call")
    args = p.parse_args()
    args.rounds = args.rounds or (2 if args.device == "cuda" else 3 if args.quick else 5)
    args.nets = args.nets or (["256", "512"] if args.device == "cuda" else ["demo", "256"])
    return args


def print_table(result, file):
    for name, r in result["ratios"].items():
        print(f"{name:24s} {r['median']:5.2f} times quicker ({r['min']:.2f} to {r['max']:.2f})", file=file)


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("bench: stopped"))  # and what it runs with it
    args = arguments()
    # the compiled peer is the stronger one, compiled
    shown = set() if args.same_before else {"strong" if mode == "compiled" else mode for mode in args.peers}
    with tempfile.TemporaryDirectory() as folder:
        same = {mode: same_picture(args, mode, folder) for mode in sorted(shown)}
    if shown:
        say("peers and nightjar make the same small picture")
    result = {"ratios": {}, "same_picture": same, "device": args.device, "cores": os.cpu_count(),
              "load_before": os.getloadavg()[0], "rounds": {}, "nightjar": {}}
    for net, ratios in plan(args).items():
        found, result["rounds"][net], result["nightjar"][net] = measure(args, net, ratios)
        result["ratios"].update(found)
    if args.json:
        print(json.dumps(result, indent=1))
    print_table(result, sys.stderr if args.json else sys.stdout)


try:
    main()
except Failed as reason:
    sys.exit(f"bench: {reason}")
