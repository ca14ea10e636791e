"""Renders a data set: pictures.npy uint8 [N,64,64,3] and labels.npy uint8 [N,4].

Picture i depends on (seed, i) alone. progress.txt holds how many are done, so
that training may start on the first ones and an interrupted run goes on.

    python make_data.py FOLDER --count 40000 --seed 1
"""

import argparse
import os

import numpy as np

from render import SIZE, render
from scene import random_scene


def done_count(folder):
    try:
        with open(os.path.join(folder, "progress.txt")) as f:
            return int(f.read())
    except FileNotFoundError:
        return 0


def write_done(folder, count):
    path = os.path.join(folder, "progress.txt")
    with open(path + ".new", "w") as f:
        f.write(str(count))
    os.replace(path + ".new", path)


def open_arrays(folder, count):
    arrays = []
    for name, shape in (("pictures", (count, SIZE, SIZE, 3)), ("labels", (count, 4))):
        path = os.path.join(folder, name + ".npy")
        mode = "r+" if os.path.exists(path) else "w+"
        arrays.append(np.lib.format.open_memmap(path, mode, np.uint8, shape if mode == "w+" else None))
    return arrays


def make(folder, count, seed):
    os.makedirs(folder, exist_ok=True)
    pictures, labels = open_arrays(folder, count)
    for i in range(done_count(folder), count):
        rng = np.random.default_rng((seed, i))
        scene = random_scene(rng)
        pictures[i], labels[i] = render(scene, rng), scene.labels()
        if (i + 1) % 500 == 0 or i + 1 == count:
            write_done(folder, i + 1)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("folder")
    p.add_argument("--count", type=int, required=True)
    p.add_argument("--seed", type=int, required=True)
    a = p.parse_args()
    make(a.folder, a.count, a.seed)


if __name__ == "__main__":
    main()
