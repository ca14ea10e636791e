#!/usr/bin/env python3
"""Near-duplicates of a run folder: copies of 20 of its pictures, changed a
little, are planted beside them, and `rank` must name these and no pictures of
different seeds. Pictures of one seed may be one picture: where guidance is
weak, the start noise decides.

    check_duplicates.py PROGRAM FOLDER

Changes: JPEG of quality 70, half and double size, 10 % brighter, noise of
deviation 4. Exit status 77: no Pillow or numpy."""
import glob
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile

try:
    import numpy as np
    from PIL import Image, ImageEnhance, PngImagePlugin
except ImportError:
    print("check_duplicates.py: Pillow and numpy are not here")
    sys.exit(77)

rng = np.random.default_rng(0)


def jpeg(im):
    b = io.BytesIO()
    im.save(b, "JPEG", quality=70)
    return Image.open(io.BytesIO(b.getvalue()))


def noise(im):
    a = np.asarray(im, float) + rng.normal(0, 4, (im.height, im.width, 3))
    return Image.fromarray(a.clip(0, 255).astype("uint8"))


changes = [
    jpeg,
    lambda im: im.resize((im.width // 2, im.height // 2), Image.LANCZOS),
    lambda im: im.resize((im.width * 2, im.height * 2), Image.BICUBIC),
    lambda im: ImageEnhance.Brightness(im).enhance(1.1),
    noise,
]


def plant(paths, folder):
    for i, path in enumerate(paths):
        im = Image.open(path)
        texts = PngImagePlugin.PngInfo()
        texts.add_itxt("nightjar", im.text["nightjar"])
        changes[i % len(changes)](im.convert("RGB")).save(
            os.path.join(folder, "planted-" + os.path.basename(path)),
            pnginfo=texts)


def group_of(r):
    return r.get("duplicate_of", r["file"])


def main():
    program, source = sys.argv[1:3]
    paths = sorted(glob.glob(os.path.join(source, "*.png")))
    with tempfile.TemporaryDirectory(prefix="nightjar-duplicates-") as folder:
        for path in paths:
            shutil.copy(path, folder)
        chosen = paths[::max(1, len(paths) // 20)][:20]
        plant(chosen, folder)
        lines = subprocess.run([program, "rank", folder, "--json"], check=True,
                               stdout=subprocess.PIPE).stdout.splitlines()
    ranked = {r["file"]: r for r in map(json.loads, lines)}
    names = [os.path.basename(path) for path in chosen]
    found = sum(group_of(ranked["planted-" + name]) == group_of(ranked[name])
                for name in names)
    of_a_seed = false = 0
    for r in ranked.values():
        first = group_of(r).removeprefix("planted-")
        if r["file"].startswith("planted-") or r["file"] == first:
            continue
        alike = r["seed"] == ranked[first]["seed"]
        of_a_seed += alike
        false += not alike
    print(f"{len(paths)} pictures and {len(chosen)} planted: {found} found, "
          f"{of_a_seed} of one seed and another prompt, {false} false")
    sys.exit(0 if found == len(chosen) and false == 0 else 1)


main()
