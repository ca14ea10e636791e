#!/usr/bin/env python3
"""Seeds that were drawn: all parts of a job share one.

    tests/cli/seeds.py nightjar_fake
"""
import os
import re
import shutil
import sys

from program import Program, check, write

p = Program(sys.argv[1])
STEPS = ("--timestep-respacing", "ddim4", "--threads", "1")


def folder(name):
    return f"{p.folder}/{name}"


def seeds(out):
    """The seeds of the pictures that are there."""
    return sorted(int(re.search(r"_seed--(\d+)\.png$", f)[1])
                  for f in os.listdir(out) if f.endswith(".png"))


def row(seed, n):
    return list(range(seed, seed + n))


def drawn(text):
    found = re.search(r"seed (\d+) was drawn", text)
    check(found, text)
    return int(found[1])


def sweeps_share_one():
    out = folder("sweep")
    text = p.out("generate", "boat", "tree", *STEPS, "--sweep", "cutn=1,2",
                 "-n", "2", "-o", out)
    seed = drawn(text)
    check(f"; --seed {seed} makes the same pictures again" in text, text)
    check(seeds(out) == sorted(row(seed, 2) * 4), f"{seeds(out)}")
    text = p.out("generate", "boat", "tree", *STEPS, "--sweep", "cutn=1,2",
                 "-n", "2", "-o", out, "--seed", str(seed))
    check("8 there already" in text or len(seeds(out)) == 8, text)


def parts_share_one():
    out, path = folder("parts"), folder("parts.json")
    write(path, b'{"jobs":[{"prompt":"a"},{"prompt":"b","n":2}]}')
    text = p.out("generate", path, *STEPS, "-o", out)
    seed = drawn(text)
    check(f"--seed {seed} makes the same" in text, text)
    check(seeds(out) == [seed, seed, seed + 1], f"{seeds(out)}")
    out, path = folder("lines"), folder("lines.txt")
    write(path, b"a\nb -- --cutn 2\nc\nd -- --seeds 5,6\n")
    text = p.out("generate", "--prompts", path, *STEPS, "-o", out)
    seed = drawn(text)
    check(f"seed {seed} was drawn for the parts that name none" in text and
          "--seed" not in text, text)
    check(seeds(out) == sorted([5, 6, seed, seed, seed]), f"{seeds(out)}")
    # Other seeds of a part are another request.
    write(path, b"a\nb -- --cutn 2\nc\nd -- --seeds 5,7\n")
    check(drawn(p.out("generate", "--prompts", path, *STEPS, "-o", out)) !=
          seed, "another request")
    shutil.rmtree(out)
    text = p.out("generate", "--prompts", path, *STEPS, "-o", out, "--seed",
                 "9")
    check("drawn" not in text and seeds(out) == [9] * 4, text)


sweeps_share_one()
parts_share_one()
print("seeds.py: all checks hold")
