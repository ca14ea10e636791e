#!/usr/bin/env python3
"""What the program is given by whoever starts it: standard files that are
closed, signals that are ignored.

    tests/cli/surroundings.py nightjar_fake
"""
import os
import shutil
import signal
import subprocess
import sys

from program import Program, check, read

p = Program(sys.argv[1])
out = p.folder + "/out"
job = ["generate", "a boat", "--seed", "1", "-n", "2", "-o", out]


def start(*args, closed=(), ignored=(), env=None, to=os.devnull):
    """The exit status of a run that begins like that."""
    def prepare():
        for number in ignored:
            signal.signal(number, signal.SIG_IGN)
        for fd in closed:
            os.close(fd)

    shutil.rmtree(out, ignore_errors=True)
    with open(to, "w") as output:
        return subprocess.run([p.path, *args], env=dict(p.env, **(env or {})),
                              stdout=output, stderr=subprocess.DEVNULL,
                              timeout=300, preexec_fn=prepare).returncode


def check_closed(*closed):
    """What is printed does not end up in the folder's files."""
    check(start(*job, closed=closed) == 0, f"closed: {closed}")
    check(read(out + "/.nightjar.lock") == b"", f"closed: {closed}: the lock")
    lines = read(out + "/nightjar.jsonl").decode().splitlines()
    check(all(line.startswith('{"event":') for line in lines),
          f"closed: {closed}: {lines}")
    check(len([f for f in os.listdir(out) if f.endswith(".png")]) == 2,
          f"closed: {closed}: pictures")


def check_full():
    """What is only printed must arrive; pictures are there all the same."""
    for command in (["plan", "a boat"], ["models"],
                    ["help"], ["generate", "--help"], ["version"]):
        lost = 0 if command[0] == "generate" else 1
        check(start(*command, to="/dev/full") == lost, f"full: {command}")
        check(start(*command) == 0, f"not full: {command}")
    check(start(*job, to="/dev/full") == 0, "full: generate")
    check(start("plan", "a boat", closed=[1]) == 1, "closed: plan")


def check_children():
    """A child's end is seen although the starter ignores SIGCHLD."""
    status = start(*job, "--device", "cuda:all", ignored=[signal.SIGCHLD],
                   env={"NIGHTJAR_FAKE_GPUS": "2"})
    check(status == 0, f"SIGCHLD: exit status {status}")


check_closed(1)
check_closed(0, 1)
check_closed(1, 2)
check_closed(0, 1, 2)
check_full()
check_children()
print("surroundings.py: all checks hold")
