#!/usr/bin/env python3
"""A wall clock that jumps under a run, years ahead and back: the same pictures
in the same order, a time left that makes sense, limits that are kept, and a
status that knows who runs.

    tests/fault/clock.py nightjar_fake LIBRARY
"""
import calendar
import json
import os
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
from program import Program, check, read  # noqa: E402

p = Program(sys.argv[1])
LIBRARY = os.path.abspath(sys.argv[2])
YEAR = 365 * 86400
JOB = ("generate", "a {red|blue} boat", "--seeds", "1..4",
       "--timestep-respacing", "ddim4")
AHEAD_AND_BACK = f"2:{YEAR},4:{-2 * YEAR},6:{YEAR}"


def jumping(jumps):
    return {"LD_PRELOAD": LIBRARY, "CLOCK_JUMPS": jumps,
            "NIGHTJAR_FAKE_STEP_MS": "20"}


def lines(folder):
    with open(folder + "/nightjar.jsonl", encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def pictures(folder):
    return {name: read(f"{folder}/{name}") for name in os.listdir(folder)
            if name.endswith(".png")}


def when(line):
    return calendar.timegm(time.strptime(line["time"], "%Y-%m-%dT%H:%M:%SZ"))


def goes_on():
    """With limits that a clock years ahead would have passed."""
    calm, out = p.folder + "/calm", p.folder + "/jumps"
    later = time.strftime("%Y-%m-%dT%H:%M", time.localtime(time.time() + 7200))
    p.run(*JOB, "-q", "-o", calm)
    began = time.monotonic()
    events = p.objects(*JOB, "-o", out, "--progress", "json", "--for", "1h",
                       "--deadline", later, env=jumping(AHEAD_AND_BACK))
    took = time.monotonic() - began
    told = [e["time"] for e in events]
    check(max(told) - min(told) > 2 * YEAR, "the clock did not jump")
    left = [e["seconds_left"] for e in events if "seconds_left" in e]
    # A step of the 32 is never thought to take longer than the whole run did.
    check(len(left) > 16 and max(left) < 32 * took and min(left) >= 0,
          f"{left} after {took} s")
    check(events[-1]["made"] == 8 and pictures(out) == pictures(calm),
          "other pictures")
    order = [(e["event"], e["number"]) for e in lines(out) if "number" in e]
    check(order == [(word, n) for n in range(1, 9)
                    for word in ("take", "made")], f"{order}")
    check(any(when(a) > when(b) for a, b in zip(lines(out), lines(out)[1:])),
          "the manifest's times did not jump")
    status = p.objects("status", "--json", out)[0]
    check(status["made"] == 8 and status["open"] == 0 and
          status["pictures_per_hour"] > 1000, f"{status}")


def keeps_limits():
    """A second by the clock that nobody sets, wherever the other one went. What
    is thought to end too late is not begun: that is after half of it, when all
    of that went into one picture."""
    for name, jumps in (("back", f"1:{-YEAR}"), ("ahead", f"1:{YEAR}")):
        out, began = f"{p.folder}/{name}", time.monotonic()
        os.mkdir(out)  # so that it gets its lines whenever the run ends
        # Nothing is known of how long a picture took before.
        p.run(*JOB, "-q", "-o", out, "--seeds", "1..1000", "--for", "1s",
              env={**jumping(jumps), "XDG_CACHE_HOME": out + ".cache"},
              expect=130)
        check(time.monotonic() - began < 60, f"{name}: too long")
        end = lines(out)[-1]
        check(end["seconds"] > 0.49 and "the deadline" in end["reason"] and
              (end["made"] > 0 or "is reached" in end["reason"]),
              f"{name}: {end}")


def is_seen(jump):
    """A process whose lines have other times is still the same process."""
    out = f"{p.folder}/seen{jump}"
    child = subprocess.Popen([p.path, *JOB, "-q", "-o", out, "--seeds",
                              "1..10000"],
                             env={**p.env, **jumping(f"0:{jump}")})
    while not os.path.exists(out + "/nightjar.jsonl") or \
            read(out + "/nightjar.jsonl").count(b"\n") < 12:
        time.sleep(0.05)
    status = p.objects("status", "--json", out)[0]
    child.terminate()
    check(child.wait() == 130, f"exit status {child.returncode}")
    check([w["state"] for w in status["processes"]] == ["running"] and
          status["running"], f"{jump}: {status}")
    check(status["pictures_per_hour"] > 1000 or jump < 0, f"{jump}: {status}")


goes_on()
keeps_limits()
is_seen(-86400)
is_seen(86400)
print("clock.py: all checks hold")
