#!/usr/bin/env python3
"""nightjar status on manifests of every kind: running, stopped, ended, killed,
on another machine, of shards, of jobs that overlap, with torn lines.

    tests/cli/status.py nightjar_fake
"""
import json
import os
import signal
import socket
import subprocess
import sys
import time
import zlib

from program import Program, check, held, read, wait_for, write

p = Program(sys.argv[1])
HOST = socket.gethostname()
now = time.time()  # one moment, so that seconds between lines are exact


def sealed(o):
    text = json.dumps(o, separators=(",", ":"))[:-1]
    return f'{text},"crc":"{zlib.crc32(text.encode()):08x}"}}\n'.encode()


def line(event, pid, ago=0, **fields):
    return sealed({"event": event, "job": "j1", "pid": pid, **fields,
                   "time": time.strftime("%Y-%m-%dT%H:%M:%SZ",
                                         time.gmtime(now - ago))})


def picture(k):
    return {"file": f"prompt--x_iteration--00004_seed--{k}.png", "number": k,
            "prompt": "x", "seed": str(k)}


def folder(name, **manifests):
    path = f"{p.folder}/{name}"
    os.makedirs(path)
    for file, lines in manifests.items():
        write(f"{path}/nightjar{file.replace('_', '.')}.jsonl", b"".join(lines))
    return path


def status(path):
    return p.objects("status", "--json", path)[0]


def begin(pid, ago, planned, host=HOST, **more):
    return line("begin", pid, ago, host=host, device="cpu", planned=planned,
                **more)


def ended():
    dead = 999999
    path = folder("ended", x=[
        begin(dead, 400, 4), line("take", dead, 390, **picture(1)),
        line("made", dead, 300, **picture(1)),
        line("failed", dead, 250, reason="not finite", **picture(2)),
        line("made", dead, 200, **picture(3)),
        line("end", dead, 190, how="interrupted", planned=4)])
    os.rename(f"{path}/nightjarx.jsonl", f"{path}/nightjar.jsonl")
    s = status(path)
    check((s["made"], s["failed"], s["open"], s["running"]) ==
          (2, 1, 1, False), f"{s}")
    check(s["failures"][0]["reason"] == "not finite", f"{s}")
    check(s["seconds_left"] is None and s["pictures_per_hour"] == 36, f"{s}")
    text = p.out("status", path)
    check("2 of 4 made, 1 failed, 1 to do" in text and
          "was interrupted; the same command goes on" in text, text)
    check(max(map(len, text.splitlines())) <= 80 + len(path), text)
    # A later run makes the failed one: it is failed no more.
    with open(f"{path}/nightjar.jsonl", "ab") as f:
        f.write(b'{"event":"made","torn' + b"\n")
        f.write(begin(dead - 1, 60, 4) + line("made", dead - 1, 5, **picture(2))
                + line("found", dead - 1, 4, **picture(4))
                + line("end", dead - 1, 3, how="done"))
    s = status(path)
    check((s["made"], s["failed"], s["open"], s["broken_lines"]) ==
          (4, 0, 0, 1), f"{s}")
    check("all made" in p.out("status", path), "all made")


def running():
    global now
    sleeper = subprocess.Popen(["sleep", "100"])
    pid = sleeper.pid
    now = time.time()  # lines are not older than their process
    lines = [begin(pid, 0, 10)] + [line("made", pid, 0, **picture(k))
                                   for k in range(1, 4)]
    path = folder("running", x=lines + [line("take", pid, **picture(4))])
    os.rename(f"{path}/nightjarx.jsonl", f"{path}/nightjar.jsonl")
    s = status(path)
    check(s["running"] and not s["stopped"] and s["held"] == 1 and s["open"] == 6 and
          s["processes"][0]["state"] == "running" and
          s["processes"][0]["file"].endswith("seed--4.png"), f"{s}")
    check(s["seconds_left"] is not None, f"{s}")
    os.kill(pid, signal.SIGSTOP)
    os.waitpid(pid, os.WUNTRACED)
    s = status(path)
    check(s["processes"][0]["state"] == "stopped" and s["stopped"] and
          s["running"] and s["seconds_left"] is None, f"{s}")
    text = p.out("status", path)
    check(text.startswith(f"{path}: stopped\n") and "  left " not in text,
          text)
    check("is stopped and holds its pictures" in text and
          "has prompt--x_iteration--00004_seed--4.png" in text, text)
    sleeper.kill()
    sleeper.wait()
    s = status(path)
    check(not s["running"] and s["held"] == 0 and s["open"] == 7 and
          s["processes"][0]["state"] == "died", f"{s}")
    # Another process that got the same number later is not the one.
    write(f"{path}/nightjar.jsonl", begin(os.getpid(), 86400, 3))
    check(status(path)["processes"][0]["state"] == "died", "a number reused")


def shards():
    path = folder("shards", **{
        "_1of3": [begin(7, 50, 4, "elsewhere", shard=1, shards=3),
                  line("made", 7, 40, **picture(1)),
                  line("take", 7, 30, **picture(4))],
        "_3of3": [begin(7, 50, 3, "third", shard=3, shards=3),
                  line("made", 7, 20, **picture(3)),
                  line("end", 7, 10, how="stopped", reason="disk full")]})
    s = status(path)
    check((s["planned"], s["made"], s["held"], s["shards"],
           s["shards_begun"]) == (7, 2, 1, 3, 2), f"{s}")
    check([w["state"] for w in s["processes"]] == ["elsewhere", "gave up"],
          f"{s}")
    text = p.out("status", path)
    check("2 of 3 have begun" in text and "gave up: disk full" in text, text)


def begun(name, *args, **env):
    """A run of the program in the folder `name`, and the folder. It waits in
    its second picture for the file beside the folder."""
    out = f"{p.folder}/{name}"
    return out, subprocess.Popen(
        [p.path, "generate", "a {red|blue} boat", "--seeds", "1..6",
         "--timestep-respacing", "ddim4", "-q", "-o", out, *args],
        env={**p.env, "NIGHTJAR_FAKE_HOLD": out + ".go", **env})


def look_at(out, children, count):
    """While they run each of them is shown, and when they are done too."""
    def all_at_work():
        check(all(c.poll() is None for c in children), f"{out}: ended")
        return len(held(out + ".go")) == count

    wait_for(all_at_work, f"{out}: not {count} at work")
    s, text = status(out), p.out("status", out)
    check({w["pid"] for w in s["processes"]} == held(out + ".go") and
          all(w["state"] == "running" and w["made"] == 1
              for w in s["processes"]), f"{s}")
    for worker in s["processes"]:
        check(f"  process   {worker['pid']} on " in text, text)
    write(out + ".go", b"")
    for child in children:
        check(child.wait() == 0, f"exit status {child.returncode}")
    s, text = status(out), p.out("status", out)
    check(s["made"] == 12 and len(s["processes"]) == count and
          sum(w["made"] for w in s["processes"]) == 12, f"{s}")
    check(text.count(" is done\n") == count and "12 of 12 made" in text, text)


def several():
    """Processes that share a folder, started one by one or one for each GPU."""
    out, first = begun("shared")
    look_at(out, [first, begun("shared")[1]], 2)
    out, parent = begun("gpus", "--device", "cuda:all", NIGHTJAR_FAKE_GPUS="2")
    look_at(out, [parent], 2)
    # Those of an earlier evening are not shown for ever.
    begun("shared")[1].wait()
    text = p.out("status", out[:-len("gpus")] + "shared")
    check(text.count("  process   ") == 1 and "made 0, is done" in text, text)


def make(name, *args):
    """A folder in which the program made what the arguments say."""
    path = f"{p.folder}/{name}"
    p.run("generate", *args, "--timestep-respacing", "ddim2", "-q", "-o", path)
    return path


def expect_counts(path, made, planned):
    s, text = status(path), p.out("status", path)
    check((s["made"], s["planned"], s["open"]) ==
          (made, planned, planned - made), f"{path}: {s}")
    check(f"  {made} of {planned} made, {planned - made} to do" in text, text)


def rewritten(path, change):
    """Lines of the folder's manifest as `change` leaves their objects."""
    lines = []
    for text in read(f"{path}/nightjar.jsonl").splitlines():
        o = json.loads(text)
        del o["crc"]
        change(o)
        lines.append(sealed(o))
    write(f"{path}/nightjar.jsonl", b"".join(lines))


def overlapping():
    """Jobs that want the same pictures: each of these is to be made once."""
    path = make("extended", "boat", "--seed", "3")
    make("extended", "boat", "--seed", "3", "-n", "4")
    expect_counts(path, 4, 4)
    child = subprocess.Popen(
        [p.path, "generate", "boat", "--seed", "3", "-n", "40", "-q", "-o",
         path, "--timestep-respacing", "ddim2"],
        env={**p.env, "NIGHTJAR_FAKE_HOLD": path + ".go"})
    wait_for(lambda: held(path + ".go"), "the run does not begin")
    s = status(path)
    check((s["made"], s["planned"], s["held"], s["open"]) == (5, 40, 1, 34),
          f"{s}")
    check(abs(s["seconds_left"] - 3600 * 35 / s["pictures_per_hour"]) < 1e-6,
          f"{s}")
    child.kill()
    child.wait()
    expect_counts(path, 5, 40)
    make("extended", "ship", "--seed", "3")
    expect_counts(path, 6, 41)
    # One job may want a picture twice.
    expect_counts(make("twice", "a", "b", "--sweep", "cutn=4,4", "--seed", "1"),
                  2, 2)
    write(p.folder + "/list.txt", b"a boat\na boat -- --cutn 8\n"
          b"a boat -- --cutn 4\na boat -- --cutn 8\n")
    expect_counts(make("list", "--prompts", p.folder + "/list.txt", "--seed",
                       "1"), 2, 2)
    # Swept values are in the name: a file of its own.
    make("list", "a boat", "--cutn", "8", "--sweep", "cutn=8,9", "--seed", "1")
    expect_counts(p.folder + "/list", 4, 4)


def overlapping_shards():
    path = make("parts", "boat", "--seeds", "1..4", "--shard", "1/3")
    check("  shards    1 of 3 has begun\n" in p.out("status", path), "one")
    for seeds in "1..4", "1..8":
        for shard in "1/3", "2/3":
            path = make("parts", "boat", "--seeds", seeds, "--shard", shard)
    expect_counts(path, 6, 6)
    args = ("a", "b", "--seeds", "1..4", "--shard", "2/2")
    path = make("turns", *args)
    make("turns", *args, "--order", "prompt")
    expect_counts(path, 6, 6)


def older():
    """Manifests of programs that told less, and of jobs that cannot be read."""
    def forget(o):
        for key in "weights", "order":
            o.pop(key, None)

    path = make("older", "boat", "--seed", "3")
    rewritten(path, forget)
    make("older", "boat", "--seed", "3", "-n", "4")
    expect_counts(path, 4, 4)
    rewritten(path, lambda o: o.pop("jobs", None))
    check(status(path)["planned"] == 5, "what the lines promise")
    rewritten(path, lambda o: o.update(planned=0) if "planned" in o else o)
    expect_counts(path, 4, 4)


ended()
running()
shards()
several()
overlapping()
overlapping_shards()
older()
p.run("status", expect=2)
p.run("status", p.folder, expect=2)
p.run("status", p.folder + "/nowhere", expect=2)
print("status.py: all checks hold")
