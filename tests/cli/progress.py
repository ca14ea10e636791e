#!/usr/bin/env python3
"""How a run is shown: a line that fits the terminal and its changes of size, a
log with times, events for scripts, nothing when quiet.

    tests/cli/progress.py nightjar_fake
"""
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time

from program import Program, check

p = Program(sys.argv[1])
JOB = ("generate", "a {red|blue} boat", "--seeds", "1..4",
       "--timestep-respacing", "ddim4")


def resize(fd, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))


def on_terminal(*args, columns, later=None, env=None, expect=0):
    """What a terminal of that many columns gets; `later` columns after a
    second."""
    master, slave = pty.openpty()
    resize(master, columns)
    child = subprocess.Popen([p.path, *args], stdout=slave, stdin=slave,
                             stderr=slave,
                             env={**p.env, "NIGHTJAR_FAKE_STEP_MS": "60",
                                  "TERM": "xterm", **(env or {})})
    os.close(slave)
    seen, began = b"", time.time()
    while True:
        if later and time.time() - began > 1:
            resize(master, later)
            seen += b"\0"
            later = None
        ready, _, _ = select.select([master], [], [], 0.05)
        if not ready and child.poll() is not None:
            break
        try:
            seen += os.read(master, 65536) if ready else b""
        except OSError:
            break
    check(child.wait() == expect, f"exit status {child.returncode}: {seen!r}")
    return seen.decode()


def bars(text):
    return re.findall(r"\[[#.]*\] [^\x1b\r\n\0]*", text)


def fits(text, columns, least=11):
    found = bars(text)
    check(len(found) >= least, f"{len(found)} lines drawn: {text[:400]!r}")
    widest = max(found, key=len)
    check(len(widest) <= columns - 1, f"{len(widest)} cells: {widest}")
    return found


def shows_a_line():
    out = p.folder + "/bar"
    text = on_terminal(*JOB, "-o", out, columns=80)
    found = fits(text, 80)
    full = [b for b in found if "left" in b]
    check(full and all(re.search(r" \d/8  step \d/4  [\d.]+/h  .* left, \d\d:\d\d"
                                 r"  [\d.]+ GB free$", b) for b in full[2:]),
          f"{full}")
    check("8 pictures made in" in text, text[-200:])
    check(not re.search(r"\x1b\[[\d;]*m", text), "colour without a failure")


def marks_failures():
    """In red, unless NO_COLOR says otherwise."""
    for name, env, red in (("red", {}, True), ("plain", {"NO_COLOR": "1"}, False),
                           ("dumb", {"TERM": "dumb"}, False)):
        text = on_terminal(*JOB, "-o", f"{p.folder}/{name}", columns=80, expect=3,
                           env=dict(env, NIGHTJAR_FAKE_FAILING="2"))
        check(("\x1b[31m" in text) == red, f"{name}: {text[-600:]!r}")
        check("2 failed" in text and " failed, seed 2: " in text, text[-600:])
        check(any("  2 failed" in b for b in bars(text)), "the line")


def resized(folder):
    """Whether the line that the smaller window broke in two is cleared whole."""
    text = on_terminal(*JOB, "-o", folder, columns=80, later=60)
    before, after = text.split("\0")
    fits(before, 80, 4)
    found = bars(after)
    check(found and max(map(len, found)) <= 59, f"{found}")
    return "\x1b[1A\r\x1b[J" in after


def survives_a_resize():
    # On a busy machine the window may change in the middle of a line.
    check(any(resized(f"{p.folder}/narrow{i}") for i in range(3)), "not cleared")


def writes_a_log():
    lines = p.out(*JOB, "-o", p.folder + "/log").splitlines()
    stamp = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ")
    check(len(lines) >= 9 and all(stamp.match(l) for l in lines), f"{lines}")
    check(not any("\x1b" in l or "\r" in l for l in lines), "control bytes")
    check("[8/8]" in lines[-2] and "8 pictures made" in lines[-1], f"{lines}")
    check(p.out(*JOB, "-q", "-o", p.folder + "/log") == "", "quiet")


def writes_events():
    events = p.objects(*JOB, "--progress", "json", "-o", p.folder + "/events")
    kinds = [e["event"] for e in events]
    check(kinds.count("step") == 32 and kinds.count("made") == 8 and
          kinds[0] == "loading" and "loaded" in kinds and "batch" in kinds,
          f"{kinds}")
    check(events[-1]["made"] == 8 and events[-1]["planned"] == 8 and
          all(e["time"] > 1e9 for e in events), f"{events[-1]}")
    again = p.objects(*JOB, "--progress", "json", "-o", p.folder + "/events")
    check([e["event"] for e in again].count("skipped") == 8, f"{again}")
    plain = p.objects(*JOB, "--json", "-o", p.folder + "/json")
    check([e["status"] for e in plain] == ["made"] * 8, f"{plain}")


shows_a_line()
marks_failures()
survives_a_resize()
writes_a_log()
writes_events()
print("progress.py: all checks hold")
