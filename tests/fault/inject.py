#!/usr/bin/env python3
"""Lets every single call of a small job fail, one at a time.

For each kind of call (write, sync, rename, open, mkdir, malloc), each error
(ENOSPC and EIO; malloc returns NULL) and each N up to the number of calls that
the undisturbed job makes: the job is run with the Nth call failing, in a new
folder, and then once more without. Checked after the first run: it ended with
an exit status of its own, or was ended by a fault inside of libtorch, which is
told apart; it said why on one line when it was not 0, and every picture in the
folder is byte for byte that of the undisturbed job. Checked after the second:
all pictures are there, the same bytes, and nothing else but the manifest and
the lock.

  tests/fault/inject.py PROGRAM LIBRARY [--first F] [--last L] [--every K]
                        [--kinds K,K] [--jobs J]

With --jobs so many faults are tried at the same time, each in a folder of its
own.
"""

import argparse
import errno
import os
import pathlib
import queue
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

ROOT = pathlib.Path(__file__).resolve().parents[2]
NETWORKS = ROOT / "tests/fixtures/endtoend/networks"
KINDS = ["write", "sync", "rename", "open", "mkdir", "malloc"]
# How a fault inside libtorch is told, and what it says itself before.
ENDED = "nightjar: a library ended the program"
FOREIGN = ("terminate called", "  what()", "Error in cpuinfo", "libgomp:")
OWN = {"nightjar.jsonl", ".nightjar.lock"}


class Job:
    """One small job in one folder."""

    def __init__(self, program, library, scratch):
        scratch.mkdir()
        self.program = program
        self.library = library
        self.scratch = scratch
        self.out = scratch / "night" / "out"

    def run(self, **extra):
        command = [
            self.program, "generate", "a red boat", "{a|b} sea",
            "--unet", NETWORKS / "unet.pt",
            "--unet-config", NETWORKS / "card.json",
            "--clip", NETWORKS / "clip.safetensors",
            "--seed", "1", "--timestep-respacing", "2",
            "--threads", "1", "--out", self.out]
        env = dict(os.environ, XDG_CACHE_HOME=str(self.scratch / "cache"),
                   LC_ALL="C")
        if extra:
            env.update(extra, LD_PRELOAD=str(self.library))
        return subprocess.run([str(c) for c in command], env=env,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=120)

    def clear(self):
        shutil.rmtree(self.scratch / "night", ignore_errors=True)
        shutil.rmtree(self.scratch / "cache", ignore_errors=True)

    def files(self):
        if not self.out.is_dir():
            return {}
        return {f.name: f.read_bytes() for f in self.out.iterdir()}


def after_fault(job, result, reference):
    """What is wrong after the run with the fault, or None."""
    said = result.stderr.decode(errors="replace")
    lines = [line for line in said.splitlines() if not line.startswith(FOREIGN)]
    if result.returncode < 0:
        if not lines or not lines[0].startswith(ENDED):
            return f"ended by signal {-result.returncode}: {said!r}"
    elif result.returncode not in (0, 1, 2, 3):
        return f"exit status {result.returncode}: {said!r}"
    # What failed a single picture stands in the log, on standard output.
    told = b" failed, seed " in result.stdout or (
        lines and lines[0].startswith("nightjar: "))
    if result.returncode and not told:
        return f"exit status {result.returncode} without a reason: {said!r}"
    if len(lines) > 1:
        return f"more than one line: {said!r}"
    for name, content in job.files().items():
        if name.endswith(".png") and content != reference.get(name):
            return f"'{name}' is wrong"
        if not name.endswith((".png", ".part")) and name not in OWN:
            return f"'{name}' does not belong there"
    return None


def after_all(job, result, reference):
    """What is wrong after the next, undisturbed run, or None."""
    if result.returncode != 0:
        return f"the next run failed: {result.stderr.decode()!r}"
    files = job.files()
    if set(files) - OWN != set(reference):
        return f"the next run left {sorted(set(files) ^ set(reference))}"
    for name, content in reference.items():
        if files[name] != content:
            return f"the next run's '{name}' is wrong"
    return None


def one_fault(job, reference, kind, number, code):
    job.clear()
    result = job.run(INJECT=f"{kind}:{number}:{code}")
    wrong = after_fault(job, result, reference)
    if not wrong:
        wrong = after_all(job, job.run(), reference)
    return wrong, result.returncode


def undisturbed(job):
    """The job's pictures, and how many calls of each kind it makes."""
    counts = job.scratch / "counts"
    job.clear()
    result = job.run(INJECT_COUNT=str(counts))
    if result.returncode != 0:
        sys.exit(f"inject.py: the job fails by itself: {result.stderr}")
    pictures = {n: c for n, c in job.files().items() if n not in OWN}
    lines = (line.split() for line in counts.read_text().splitlines())
    return pictures, {kind: int(n) for kind, n in lines}


def all_faults(jobs, args):
    """Tries the faults; returns how many were handled wrongly."""
    reference, counts = undisturbed(jobs[0])
    idle = queue.SimpleQueue()
    bad = 0

    def try_one(kind, number, code):
        job = idle.get()
        try:
            return (number, *one_fault(job, reference, kind, number, code))
        finally:
            idle.put(job)

    for job in jobs:
        idle.put(job)
    pool = ThreadPoolExecutor(len(jobs))
    print(f"the job: {len(reference)} pictures, calls "
          + ", ".join(f"{k} {counts[k]}" for k in KINDS))
    for kind in args.kinds.split(","):
        last = min(args.last or counts[kind], counts[kind])
        codes = [0] if kind == "malloc" else [errno.ENOSPC, errno.EIO]
        for code in codes:
            ends = {}
            tries = [pool.submit(try_one, kind, n, code)
                     for n in range(args.first, last + 1, args.every)]
            for done in tries:
                number, wrong, status = done.result()
                ends[status] = ends.get(status, 0) + 1
                if wrong:
                    bad += 1
                    print(f"FAIL {kind} {number} {errno.errorcode.get(code)}: "
                          f"{wrong}")
            word = errno.errorcode.get(code, "NULL")
            print(f"{kind} {word}: {sum(ends.values())} faults, exit status "
                  + ", ".join(f"{s}: {n}" for s, n in sorted(ends.items())),
                  flush=True)
    return bad


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("library")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--last", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--kinds", default=",".join(KINDS))
    args = parser.parse_args()
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="nightjar-inject-"))
    try:
        jobs = [Job(args.program, args.library, scratch / str(i))
                for i in range(args.jobs)]
        bad = all_faults(jobs, args)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    print(f"{bad} faults were handled wrongly")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
