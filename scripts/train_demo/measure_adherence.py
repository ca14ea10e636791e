"""Measures how well the demo model's pictures follow their prompts.

Every prompt of prompts.py is generated with the same seeds, guided and unguided,
by the nightjar program with the card's defaults (or by the Python sampler where
no program is given). The judge names what it sees; a picture counts when
everything that its prompt names is found.

    python measure_adherence.py JUDGE.pt models/demo OUT --nightjar build/release/nightjar
"""

import argparse
import glob
import json
import os
import re
import subprocess
import time

import numpy as np
import torch
from PIL import Image, ImageDraw

import judge
from prompts import PROMPTS
from scene import ATTRIBUTES

COLUMNS = 8


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("judge")
    p.add_argument("model", help="folder of card.json")
    p.add_argument("out")
    p.add_argument("--nightjar", help="the program; without it the Python sampler is used")
    p.add_argument("--threads", type=int, default=0, help="of the program; 0: as it likes")
    p.add_argument("--seeds", type=int, default=8)
    p.add_argument("--first-seed", type=int, default=1000)
    p.add_argument("--prompts", type=int, default=len(PROMPTS), help="only so many of them, spread evenly")
    p.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="in place of a default of the card")
    p.add_argument("--backwards", action="store_true", help="last prompt first, for a second process beside the first")
    p.add_argument("--only", choices=["guided", "unguided"])
    return p.parse_args()


def named(words):
    """{'time': 'night', ...} of the words that a prompt names."""
    return {k: w for w in words.split() for k, options in ATTRIBUTES.items() if w in options}


def overrides(pairs):
    return {k: json.loads(v) for k, v in (p.split("=", 1) for p in pairs)}


# --- pictures -----------------------------------------------------------------------

class Program:
    """Pictures by the nightjar program."""

    def __init__(self, a):
        with open(os.path.join(a.model, "card.json")) as f:
            self.card = json.load(f)
        self.a, self.options = a, self.card["defaults"] | overrides(a.set)

    def command(self, text, folder, options):
        model, seeds = self.a.model, range(self.a.first_seed, self.a.first_seed + self.a.seeds)
        command = [self.a.nightjar, "generate", text, "--unet", os.path.join(model, self.card["unet"]["file"]),
                   "--unet-config", os.path.join(model, "card.json"),
                   "--clip", os.path.join(model, self.card["clip"]["file"]),
                   "--seeds", ",".join(map(str, seeds)), "--out", folder, "--quiet"]
        command += ["--threads", str(self.a.threads)] if self.a.threads else []
        for key, value in options.items():
            name = "--" + key.replace("_", "-")
            if isinstance(value, bool):
                command += [name] if value else []
            elif value is not None:
                command += [name, str(value)]
        return command

    def pictures(self, number, text, guided):
        folder = os.path.join(self.a.out, "guided" if guided else "unguided", f"{number:02d}")
        options = self.options | ({} if guided else {"clip_guidance_scale": 0})
        subprocess.run(self.command(text, folder, options), check=True)
        files = {int(re.search(r"seed--(\d+)", f).group(1)): f for f in glob.glob(folder + "/**/*.png", recursive=True)
                 if "seed--" in f}
        images = [np.asarray(Image.open(files[s]).convert("RGB")) for s in sorted(files)]
        return np.stack(images)


class PythonSampler:
    """Pictures by sample.py with the same weights and options, but other random numbers."""

    def __init__(self, a):
        import clip_model
        import sample
        from export import read_safetensors
        from tokenizer import Tokenizer, read_vocabulary
        torch.set_num_threads(1)
        torch.set_flush_denormal(True)
        with open(os.path.join(a.model, "card.json")) as f:
            card = json.load(f)
        self.sample, self.clip_model, self.a = sample, clip_model, a
        self.unet = sample.cast(read_safetensors(os.path.join(a.model, card["unet"]["file"])))
        self.clip = read_safetensors(os.path.join(a.model, card["clip"]["file"]))
        vocabulary = read_vocabulary(os.path.join(a.model, card["clip"]["vocabulary"]))
        self.tokenizer = Tokenizer(vocabulary, clip_model.CONTEXT)
        self.options = card["defaults"] | overrides(a.set)

    def pictures(self, number, text, guided):
        rng, target = np.random.default_rng((self.a.first_seed, number)), None
        if guided:
            with torch.no_grad():
                target = self.clip_model.encode_text(self.clip, torch.tensor([self.tokenizer.encode(text)]))
            target = target.expand(self.a.seeds, -1)
        x = self.sample.sample(self.unet, self.clip, target, rng, self.options | {"batch": self.a.seeds})
        return ((x.clamp(-1, 1) + 1) * 127.5).byte().permute(0, 2, 3, 1).numpy()


# --- figures ------------------------------------------------------------------------

class Tally:
    def __init__(self):
        self.whole, self.pictures = 0, 0
        self.found, self.asked = dict.fromkeys(ATTRIBUTES, 0), dict.fromkeys(ATTRIBUTES, 0)
        self.lines = []

    def add(self, text, wanted, seen):
        hits = [all(s[k] == v for k, v in wanted.items()) for s in seen]
        for k, v in wanted.items():
            self.asked[k] += len(seen)
            self.found[k] += sum(s[k] == v for s in seen)
        self.whole += sum(hits)
        self.pictures += len(seen)
        self.lines.append((text, sum(hits), len(seen)))

    def row(self):
        """Share with everything found and its 95 % interval (Wilson), then each attribute's."""
        share, n = self.whole / self.pictures, self.pictures
        centre, spread = share + 1.92 / n, 1.96 * ((share * (1 - share) + .96 / n) / n) ** .5
        low, high = (centre - spread) / (1 + 3.84 / n), (centre + spread) / (1 + 3.84 / n)
        shares = " | ".join(f"{self.found[k] / max(self.asked[k], 1):.3f}" for k in ATTRIBUTES)
        return f"**{share:.3f}** ({self.whole} of {n}; {low:.2f} to {high:.2f}) | {shares}"


def judge_pictures(w, images):
    return judge.names(w, torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1)


def sheet(rows, path):
    """A contact sheet: one prompt a row, its text above."""
    side, gap = 64, 14
    image = Image.new("RGB", (COLUMNS * (side + 2), len(rows) * (side + gap)), (24, 24, 24))
    draw = ImageDraw.Draw(image)
    for r, (text, pictures) in enumerate(rows):
        draw.text((2, r * (side + gap) + 1), text, fill=(220, 220, 220))
        for c, picture in enumerate(pictures[:COLUMNS]):
            image.paste(Image.fromarray(picture), (c * (side + 2), r * (side + gap) + gap - 1))
    image.save(path, optimize=True)


def kept_pictures(source, number, text, guided):
    """The pictures of a prompt, kept in OUT so that a stopped run goes on and two can share the work."""
    folder = os.path.join(source.a.out, "guided" if guided else "unguided")
    path = os.path.join(folder, f"{number:02d}.npy")
    if not os.path.exists(path):
        os.makedirs(folder, exist_ok=True)
        np.save(path + ".new.npy", source.pictures(number, text, guided))
        os.replace(path + ".new.npy", path)
    return np.load(path)


def run(source, w, a, guided, chosen):
    tally, rows, start = Tally(), [], time.time()
    for number in chosen:
        text, words = PROMPTS[number]
        images = kept_pictures(source, number, text, guided)
        tally.add(text, named(words), judge_pictures(w, images))
        rows.append((text, images))
        print(f"{'guided' if guided else 'unguided'} {text}: {tally.lines[-1][1]} of {tally.lines[-1][2]}", flush=True)
    seconds = (time.time() - start) / tally.pictures
    name = "guided" if guided else "unguided"
    sheet(rows, os.path.join(a.out, name + ".png"))
    print(f"| {name} | {tally.row()} | {seconds:.2f} |", flush=True)
    return tally


def report(a, source, tallies):
    with open(os.path.join(a.out, "adherence.md"), "w") as f:
        f.write("| | Everything named is found | " + " | ".join(ATTRIBUTES) + " |\n|---|---|" + "---|" * 4 + "\n")
        for name, tally in tallies.items():
            f.write(f"| {name} | {tally.row()} |\n")
        f.write("\n| Prompt | " + " | ".join(tallies) + " |\n|---|" + "---|" * len(tallies) + "\n")
        for lines in zip(*(t.lines for t in tallies.values())):
            f.write(f"| {lines[0][0]} | " + " | ".join(f"{n} of {m}" for _, n, m in lines) + " |\n")
        f.write("\nOptions: " + json.dumps(source.options) + "\n")


def main():
    a = arguments()
    os.makedirs(a.out, exist_ok=True)
    w = torch.load(a.judge)
    source = Program(a) if a.nightjar else PythonSampler(a)
    chosen = [i * len(PROMPTS) // a.prompts for i in range(a.prompts)][::-1 if a.backwards else 1]
    kinds = [a.only] if a.only else ["guided", "unguided"]
    report(a, source, {k: run(source, w, a, k == "guided", chosen) for k in kinds})


if __name__ == "__main__":
    main()
