#!/usr/bin/env python3
"""Jobs as docs/jobs.md shows them: its job file and prompt list are read from
there and planned; standard input, order, sweeps and calibration besides.

    tests/cli/jobs.py nightjar_fake
"""
import os
import re
import sys
import time

from program import Program, check, write

p = Program(sys.argv[1])
DOC = open(os.path.abspath(__file__ + "/../../../docs/jobs.md"),
           encoding="utf-8").read()


def plan(*args, **kw):
    lines = p.objects("plan", "--json", *args, **kw)
    return lines[:-1], lines[-1]


def pairs(pictures):
    return [(x["prompt"], x["seed"]) for x in pictures]


def block(after, kind=""):
    """The first code block of the document behind a text."""
    rest = DOC[DOC.index(after):]
    return re.search(r"```" + kind + r"\n(.*?)```", rest, re.S).group(1)


def job_file():
    path = p.folder + "/job.json"
    write(path, block("## Job files", "json").encode())
    pictures, total = plan(path)
    check(total["pictures"] == len(pictures) == 16 + 8 + 16, f"{total}")
    seeds = {s for t, s in pairs(pictures) if t == "a barn"}
    check(seeds == {"7", "20", "21", "22"}, f"{seeds}")
    check(sum("clip-guidance-scale--2000" in x["name"] for x in pictures) == 8,
          "the sweep")
    # The command line wins.
    check(plan(path, "--seeds", "1")[1]["pictures"] == 6, "--seeds")
    made = p.objects("generate", path, "--json", "--seed", "1", "--n", "1",
                     "--timestep-respacing", "ddim2", "-o", p.folder + "/made")
    check(len(made) == 6 and all(m["status"] == "made" for m in made),
          f"{made}")


def prompt_list():
    text = block("## Prompt lists\n\n`--prompts")
    path = p.folder + "/list.txt"
    write(path, text.encode())
    pictures, _ = plan("--prompts", path, "--seed", "5")
    want = [("a red boat", "5"), ("a red house in the snow", "5"),
            ("a green house in the snow", "5"),
            ("a blue house in the snow", "5"), ("a portrait of a fox", "5")]
    check(all(w in pairs(pictures) for w in want), f"{pairs(pictures)}")
    check([s for t, s in pairs(pictures) if t == "two ships | fog:0.5"] ==
          ["5"], "the command line's seed wins")
    steps = {x["prompt"]: x["steps"] for x in pictures}
    check(steps["a portrait of a fox"] == 250 and steps["a red boat"] != 250,
          f"{steps}")
    for args in (("--prompts", "-"), ("-",)):
        again, _ = plan(*args, "--seed", "5", stdin=text.encode())
        check(pairs(again) == pairs(pictures), f"{args}")
    own, _ = plan("--prompts", path)
    check([s for t, s in pairs(own) if t.startswith("two ships")] ==
          ["100", "101", "102", "103"], "a line's own seeds")
    for wrong in ("x -- --cutn", "x -- --cutn no", "x -- y", 'x -- "--cutn'):
        bad = ("ok\n" + wrong + "\n").encode()
        done = p.run("plan", "-", stdin=bad, expect=2)
        check(b"line 2" in done.stderr and done.stderr.count(b"\n") == 1,
              f"{wrong}: {done.stderr!r}")


def order():
    first, _ = plan("a", "b", "--seeds", "1..3")
    check(pairs(first) == [(t, str(s)) for s in (1, 2, 3) for t in "ab"],
          f"{pairs(first)}")
    second, _ = plan("a", "b", "--seeds", "1..3", "--order", "prompt")
    check(pairs(second) == [(t, str(s)) for t in "ab" for s in (1, 2, 3)],
          f"{pairs(second)}")
    check([x["number"] for x in second] == [1, 2, 3, 4, 5, 6], "numbers")


def sweeps():
    args = ("a red boat on a lake", "a house in the snow",
            "three trees at night", "--sweep", "clip-guidance-scale=500,2000",
            "--seeds", "1..4", "--timestep-respacing", "ddim10", "-o",
            p.folder + "/sweep")
    pictures, total = plan(*args)
    names = {x["name"] for x in pictures}
    check(len(names) == 24 and total["steps"] == 240, f"{total}")
    shown = block("## Sweeps")
    check(all(n in shown for n in names), "names that docs/jobs.md does not show")
    check(total["seconds"] is None and total["host_bytes"] is None, f"{total}")
    check("--calibrate measures it" in p.out("plan", *args), "no measurement")
    began = time.monotonic()
    _, total = plan(*args, "--calibrate",
                    env={"NIGHTJAR_FAKE_STEP_MS": "20"})
    took = time.monotonic() - began
    # Three steps are measured, in less time than the command took.
    check(240 * 0.02 <= total["seconds"] < 240 * took / 3 and
          total["host_bytes"] > 1e6, f"{total} after {took} s")
    _, total = plan(*args)
    check(total["seconds"] >= 240 * 0.02, "the measurement is remembered")
    _, total = plan(*args, "--cutn", "3")
    check(total["seconds"] is None, "another kind of picture")
    check(not os.path.exists(p.folder + "/sweep"), "planning made a folder")
    p.run("generate", *args, "-q")
    text = p.out("plan", *args)
    check("there   24 of their files already" in text, text)
    made = [f for f in os.listdir(p.folder + "/sweep") if f.endswith(".png")]
    check(set(made) == names, "names that were not planned")
    _, total = plan(*args)
    check((total["there"], total["open"], total["open_steps"],
           total["open_seconds"], total["open_disk_bytes"]) == (24, 0, 0, 0, 0)
          and total["steps"] == 240 and total["seconds"] > 0, f"{total}")
    os.remove(f"{p.folder}/sweep/{made[0]}")
    text = p.out("plan", *args)
    check("there   23 of their files already; 1 to do, 10 network steps" in
          text, text)
    check(re.search(r"time    \d s \(\d+ s for all\)\n"
                    r"disk    at most \d+ kB \([\d.]+ [kM]B for all\); ", text),
          text)
    two, total = plan("x", "--sweep", "cutn=2,4", "--sweep",
                      "timestep-respacing=ddim2;24,48", "--seed", "1")
    check(sorted(x["steps"] for x in two) == [2, 2, 72, 72], f"{two}")


def shards():
    args = ("boat", "a tree", "--sweep", "timestep-respacing=ddim2,ddim3")
    _, whole = plan(*args, "--seeds", "1..8")
    parts = [plan(*args, "--seeds", "1..8", "--shard", f"{k}/3")[1]
             for k in (1, 2, 3)]
    for key in "pictures", "steps", "disk_bytes":
        check(sum(x[key] for x in parts) == whole[key], f"{key}: {parts}")
    _, one = plan("boat", "a tree", "--timestep-respacing", "ddim10",
                  "--seeds", "1..8", "--shard", "2/8")
    check((one["pictures"], one["steps"]) == (2, 20), f"{one}")
    check("\n1 picture, 1 network step\n" in
          p.out("plan", "boat", "--timestep-respacing", "ddim2", "--seed", "1",
                "--skip-timesteps", "1"), "one step")


def size_of(folder):
    return sum(os.path.getsize(f.path) for f in os.scandir(folder)
               if f.name.startswith("prompt--"))


def disk():
    """What is there never takes more than was said."""
    for k, more in enumerate(((), ("--save-every", "3"),
                              ("--video", "--video-format", "webp"),
                              ("--video", "--video-format", "webp",
                               "--video-every", "3"))):
        out = f"{p.folder}/disk{k}"
        args = ("boat", "--seeds", "1..3", "--timestep-respacing", "ddim10",
                *more, "-o", out)
        _, before = plan(*args)
        p.run("generate", *args, "-q")
        _, after = plan(*args)
        check(before["disk_bytes"] >= size_of(out), f"{more}: {before}")
        check(before["disk_bytes"] == before["open_disk_bytes"] and
              after["there"] == 3 and after["open"] == 0, f"{after}")
        if k == 2:
            check(before["disk_bytes"] > plain["disk_bytes"] + 3 * 15 * 4096,
                  f"{before}")
        if k == 0:
            plain = before
    # Without its video a picture is made once more.
    os.remove(next(f.path for f in os.scandir(f"{p.folder}/disk2")
                   if f.name.endswith(".webp")))
    args = ("boat", "--seeds", "1..3", "--timestep-respacing", "ddim10", "-o",
            f"{p.folder}/disk2")
    check(plan(*args, "--video", "--video-format", "webp")[1]["open"] == 1,
          "a video that is not there")
    check(plan(*args)[1]["open"] == 0, "no video is wanted")


def a_folder_of_a_models_name():
    os.mkdir(p.folder + "/demo")
    _, total = plan("x", "--unet", "demo", "--seed", "1", cwd=p.folder)
    check(total["pictures"] == 1, f"{total}")
    p.run("plan", "x", "--unet", ".", expect=2)


def limits():
    """A short text cannot ask for all memory."""
    path = p.folder + "/big.json"
    write(path, b'{"seed":1,"jobs":[' +
          b",".join([b'{"prompt":"{1..400000}"}'] * 3) + b"]}")
    values = ",".join(map(str, range(1, 1001)))
    for args, what in (((path,), "job 3: "),
                       (("{1..9999}", "--sweep", "cutn=" + values), "prompts"),
                       (("x", "--sweep", "cutn=" + values, "--sweep",
                         "tv-scale=" + values), "sets of values")):
        done = p.run("plan", "--seed", "1", *args, expect=2)
        check(what in done.stderr.decode() and done.stderr.count(b"\n") == 1,
              f"{done.stderr!r}")


a_folder_of_a_models_name()
limits()
sweeps()  # nothing was measured yet
shards()
disk()
job_file()
prompt_list()
order()
print("jobs.py: all checks hold")
