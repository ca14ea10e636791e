"""Measures how well the demo model's pictures follow their prompts.

Judges two folders that nightjar made from prompts.py with the same seeds, one
with guidance and one without (measure_adherence.sh makes them). Prompt and seed
are read from the record inside each picture. The judge names what it sees; a
picture counts when everything that its prompt names is found. Seeds for which a
prompt's picture is missing in one of the folders are left out of both.

    python measure_adherence.py JUDGE.pt GUIDED UNGUIDED [--out adherence.md]
"""

import argparse
import collections
import glob
import json
import os

import numpy as np
import torch
from PIL import Image

import judge
from prompts import PROMPTS
from scene import ATTRIBUTES

Picture = collections.namedtuple("Picture", "path prompt seed")


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("judge", help="judge.pt of judge.py")
    p.add_argument("guided", help="folder")
    p.add_argument("unguided", nargs="?", help="folder with the same prompts and seeds")
    p.add_argument("--out", help="write the tables to this file too")
    p.add_argument("--json", help="write one line a picture to this file: what was seen in it")
    return p.parse_args()


def named(words):
    """{'time': 'night', ...} of the words that a prompt names."""
    return {k: w for w in words.split() for k, options in ATTRIBUTES.items() if w in options}


WANTED = {text: named(words) for text, words in PROMPTS}


def pictures_of(folder):
    """The finished pictures of the prompts, by (prompt, seed)."""
    found = {}
    for path in sorted(glob.glob(os.path.join(glob.escape(folder), "*.png"))):
        with Image.open(path) as image:
            text = image.text.get("nightjar")
        if not text:
            continue
        job = json.loads(text)
        made = job["record"]
        if job["prompt"] in WANTED and made["iteration"] + 1 == made["iterations"]:
            found[job["prompt"], job["seed"]] = Picture(path, job["prompt"], job["seed"])
    return found


def paired(folders):
    """Every folder's pictures, for the prompts and seeds that all of them have."""
    found = {name: pictures_of(folder) for name, folder in folders.items()}
    common = set.intersection(*(set(f) for f in found.values()))
    order = [key for text, _ in PROMPTS for key in sorted((k for k in common if k[0] == text), key=lambda k: int(k[1]))]
    return {name: [f[key] for key in order] for name, f in found.items()}


def see(w, pictures):
    """What the judge sees, a dictionary a picture."""
    seen = []
    for at in range(0, len(pictures), 64):
        images = [np.asarray(Image.open(p.path).convert("RGB")) for p in pictures[at:at + 64]]
        seen += judge.names(w, torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 127.5 - 1)
    return seen


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


def tally_of(pictures, seen):
    tally = Tally()
    for text, wanted in WANTED.items():
        mine = [s for p, s in zip(pictures, seen) if p.prompt == text]
        if mine:
            tally.add(text, wanted, mine)
    return tally


def table(tallies):
    yield "| | Everything named is found | " + " | ".join(ATTRIBUTES) + " |"
    yield "|---|---|" + "---|" * len(ATTRIBUTES)
    for name, tally in tallies.items():
        yield f"| {name} | {tally.row()} |"
    yield ""
    yield "| Prompt | " + " | ".join(tallies) + " |"
    yield "|---|" + "---|" * len(tallies)
    for lines in zip(*(t.lines for t in tallies.values())):
        yield f"| {lines[0][0]} | " + " | ".join(f"{n} of {m}" for _, n, m in lines) + " |"


def write_json(path, verdicts):
    with open(path, "w") as f:
        for name, pictures, seen in verdicts:
            for p, s in zip(pictures, seen):
                right = all(s[k] == v for k, v in WANTED[p.prompt].items())
                f.write(json.dumps({"kind": name, "file": p.path, "prompt": p.prompt, "seed": p.seed, "seen": s,
                                    "right": right}) + "\n")


def main():
    a = arguments()
    torch.set_num_threads(1)
    w = torch.load(a.judge)
    folders = {"guided": a.guided} | ({"unguided": a.unguided} if a.unguided else {})
    verdicts = [(name, pictures, see(w, pictures)) for name, pictures in paired(folders).items()]
    if not verdicts[0][1]:
        raise SystemExit("no finished pictures of the prompts in " + " and ".join(folders.values()))
    text = "\n".join(table({name: tally_of(pictures, seen) for name, pictures, seen in verdicts}))
    print(text)
    if a.out:
        with open(a.out, "w") as f:
            f.write(text + "\n")
    if a.json:
        write_json(a.json, verdicts)


if __name__ == "__main__":
    main()
