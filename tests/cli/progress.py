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

from program import Program, check, held, write

p = Program(sys.argv[1])
JOB = ("generate", "a {red|blue} boat", "--seeds", "1..4",
       "--timestep-respacing", "ddim4")


PATIENCE = 120  # seconds that a busy machine may take for anything


class Terminal:
    """The program on a terminal of that many columns."""

    def __init__(self, *args, columns, env=None):
        self.master, slave = pty.openpty()
        self.resize(columns)
        self.child = subprocess.Popen(
            [p.path, *args], stdout=slave, stdin=slave, stderr=slave,
            env={**p.env, "NIGHTJAR_FAKE_STEP_MS": "60", "TERM": "xterm",
                 **(env or {})})
        os.close(slave)
        self.text = ""
        self.until = time.monotonic() + PATIENCE

    def resize(self, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ,
                    struct.pack("HHHH", 24, columns, 0, 0))

    def read(self, wait):
        """Adds what comes within `wait` seconds; False: nothing will come."""
        check(time.monotonic() < self.until, f"no end: {self.text[-400:]!r}")
        if not select.select([self.master], [], [], wait)[0]:
            return True
        try:
            self.text += os.read(self.master, 65536).decode()
        except OSError:  # how a terminal ends when nobody has it any more
            return False
        return True

    def read_until_held(self, file):
        """All that the program writes before it waits for the file."""
        while not held(file):
            check(self.read(0.1), f"ended: {self.text[-400:]!r}")
        while select.select([self.master], [], [], 0)[0]:
            check(self.read(0), "ended")

    def end(self, expect=0):
        while self.read(1):
            pass
        check(self.child.wait() == expect,
              f"exit status {self.child.returncode}: {self.text!r}")
        os.close(self.master)
        return self.text


def on_terminal(*args, columns, env=None, expect=0):
    return Terminal(*args, columns=columns, env=env).end(expect)


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
    check(full and all(re.search(r" \d/8  step \d/4  [\d.]+/h  .* left, (\w{3} )?\d\d:\d\d"
                                 r"  [\d.]+ [kMG]B free$", b) for b in full[2:]),
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


def survives_a_resize():
    """The line that a smaller window breaks in two is cleared whole. The window
    changes while the program stands still behind a whole line of 80 columns."""
    go = p.folder + "/narrow.go"
    t = Terminal(*JOB, "-o", p.folder + "/narrow", columns=80,
                 env={"NIGHTJAR_FAKE_HOLD": go})
    t.read_until_held(go)
    check(re.search(r"\[[#.]*\] [^\r\n\x1b]{36,} [kMG]B free$", t.text),
          f"no whole line: {t.text[-200:]!r}")
    fits(t.text, 80, 1)
    t.text = ""
    t.resize(60)
    write(go, b"")
    after = t.end()
    check(after.startswith("\x1b[1A\r\x1b[J"), f"not cleared: {after[:200]!r}")
    fits(after, 60, 2)
    check(after.count("\x1b[1A") == 1, f"cleared twice: {after!r}")


def writes_a_log():
    lines = p.out(*JOB, "-o", p.folder + "/log").splitlines()
    stamp = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ")
    check(len(lines) >= 9 and all(stamp.match(l) for l in lines), f"{lines}")
    check(not any("\x1b" in l or "\r" in l for l in lines), "control bytes")
    check("[8/8]" in lines[-2] and "8 pictures made" in lines[-1], f"{lines}")
    check(p.out(*JOB, "-q", "-o", p.folder + "/log") == "", "quiet")
    again = p.out(*JOB[:2], "--seeds", "1..5", *JOB[4:], "-o",
                  p.folder + "/log").splitlines()
    check(sum("is there already" in l for l in again) == 5 and
          sum(l.endswith("and 3 more") for l in again) == 1 and
          "2 pictures made, 8 there already" in again[-1], f"{again}")


def writes_events():
    events = p.objects(*JOB, "--progress", "json", "-o", p.folder + "/events")
    kinds = [e["event"] for e in events]
    check(kinds.count("step") == 32 and kinds.count("made") == 8 and
          kinds[0] == "loading" and "loaded" in kinds and "batch" in kinds,
          f"{kinds}")
    check(events[-1]["made"] == 8 and events[-1]["planned"] == 8 and
          all(e["time"] > 1e9 for e in events), f"{events[-1]}")
    check(kinds.count("end") == 1 and events[-1]["event"] == "end" and
          events[-1]["exit_status"] == 0 and "error" not in events[-1],
          f"{events[-1]}")
    late = p.objects(*JOB, "--progress", "json", "-o", p.folder + "/late",
                     "--deadline", "2001-01-01T00:00", expect=130)
    check(late[-1]["exit_status"] == 130 and late[-1]["made"] == 0 and
          "deadline" in late[-1]["error"], f"{late[-1]}")
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
