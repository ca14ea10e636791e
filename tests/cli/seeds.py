#!/usr/bin/env python3
"""Seeds that were drawn: the same command goes on with them until its pictures
are made, and all parts of a job share one.

    tests/cli/seeds.py nightjar_fake
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import zlib

from program import Program, check, held, read, wait_for, write

p = Program(sys.argv[1])
MANY = 6
STEPS = ("--timestep-respacing", "ddim4", "--threads", "1")


def folder(name):
    return f"{p.folder}/{name}"


def lines(out):
    return [json.loads(line) for line in
            read(out + "/nightjar.jsonl").decode().splitlines()]


def seeds(out):
    """The seeds of the pictures that are there."""
    return sorted(int(re.search(r"_seed--(\d+)\.png$", f)[1])
                  for f in os.listdir(out) if f.endswith(".png"))


def row(seed, n):
    return list(range(seed, seed + n))


def generate(out, *args, expect=0, **kw):
    """What the program said, of a run of one prompt or of `args`."""
    return p.out("generate", "a boat", *STEPS, *args, "-o", out,
                 expect=expect, **kw)


def drawn(text):
    found = re.search(r"seed (\d+) was drawn", text)
    check(found and "unfinished" not in text, text)
    return int(found[1])


def used(text):
    found = re.search(r"seed (\d+) of the unfinished run is used", text)
    check(found and "was drawn" not in text, text)
    return int(found[1])


def begin(out, *args):
    """A run that waits in its second picture for the file beside the folder."""
    return subprocess.Popen(
        [p.path, "generate", "a boat", *STEPS, *args, "-o", out],
        env={**p.env, "NIGHTJAR_FAKE_HOLD": out + ".go"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def all_at_work(out, children):
    def holds():
        check(all(c.poll() is None for c in children), f"{out}: ended")
        return len(held(out + ".go")) == len(children)

    wait_for(holds, f"{out}: not {len(children)} at work")


def end_early(out, how, *args):
    """Ends a run in its second picture; returns its seed and what it said."""
    child = begin(out, "-n", str(MANY), *args)
    all_at_work(out, [child])
    child.send_signal(how)
    if how == signal.SIGINT:
        write(out + ".go", b"")
    text = child.communicate()[0].decode()
    check(child.returncode == (130 if how == signal.SIGINT else -how), text)
    check(len(seeds(out)) == (2 if how == signal.SIGINT else 1), text)
    return drawn(text), text


def goes_on(name, how):
    out = folder(name)
    seed, text = end_early(out, how)
    if how == signal.SIGINT:
        check("; the same command goes on" in text, text)
    before = {f: read(f"{out}/{f}") for f in os.listdir(out)
              if f.endswith(".png")}
    plan = p.objects("plan", "--json", "a boat", *STEPS, "-n", str(MANY),
                     "-o", out)
    check([int(x["seed"]) for x in plan[:-1]] == row(seed, MANY), "the plan")
    text = p.out("plan", "a boat", *STEPS, "-n", str(MANY), "-o", out)
    check(f"seed    {seed}, of the unfinished run" in text, text)
    # How it is made, and where, is no part of what is asked for.
    check(used(generate(out, "-n", str(MANY), "--batch-size", "2", "--order",
                        "prompt")) == seed, "another seed")
    check(seeds(out) == row(seed, MANY), f"{seeds(out)}")
    check(all(read(f"{out}/{f}") == data for f, data in before.items()),
          "a picture was made again")
    s = p.objects("status", "--json", out)[0]
    check((s["made"], s["open"], s["failed"]) == (MANY, 0, 0), f"{s}")
    # The second evening.
    text = p.out("plan", "a boat", *STEPS, "-n", str(MANY), "-o", out)
    check("drawn for this plan; generate draws another" in text, text)
    second = drawn(generate(out, "-n", str(MANY)))
    check(second != seed, "the same seed again")
    check(seeds(out) == sorted(row(seed, MANY) + row(second, MANY)),
          f"{seeds(out)}")


def something_else_draws_anew():
    out = folder("else")
    seed, _ = end_early(out, signal.SIGINT)
    picture = next(f"{out}/{f}" for f in os.listdir(out) if f.endswith(".png"))
    rest = [("-n", "3"), ("-n", str(MANY), "--cutn", "3"),
            ("-n", str(MANY), "--image-prompt", picture),
            ("-n", str(MANY), "another boat"), ("-n", str(MANY), "--overwrite")]
    for args in rest:
        there = len(seeds(out))
        other = drawn(generate(out, *args))
        check(other != seed and len(seeds(out)) > there, f"{args}")
        if args[-1] != "--overwrite":
            continue
        # It is the last run of that command, and complete.
        check(drawn(generate(out, "-n", str(MANY))) != seed, "--overwrite")


def an_overwriting_run_says_how():
    out = folder("overwriting")
    seed, text = end_early(out, signal.SIGINT, "--overwrite")
    check("the same command without --overwrite goes on" in text, text)
    check(drawn(generate(out, "-n", str(MANY), "--overwrite")) != seed, "it")


def what_counts_as_complete():
    out = folder("complete")
    seed = drawn(generate(out, "-n", "3"))
    # Who throws pictures away has seen them.
    os.remove(f"{out}/prompt--a boat_iteration--00003_seed--{seed}.png")
    second = drawn(generate(out, "-n", "3"))
    # Cut off behind the last picture: nothing is left to make.
    kept = read(out + "/nightjar.jsonl").splitlines(keepends=True)
    check(b'"event":"end"' in kept[-1], "the last line")
    write(out + "/nightjar.jsonl", b"".join(kept[:-1]))
    third = drawn(generate(out, "-n", "3"))
    check(len({seed, second, third}) == 3, "the same seed again")
    # Before it: one is.
    kept = read(out + "/nightjar.jsonl").splitlines(keepends=True)
    check(b'"event":"made"' in kept[-2], "the last picture's line")
    write(out + "/nightjar.jsonl", b"".join(kept[:-2]))
    check(used(generate(out, "-n", "3")) == third, "one is not known")
    # A manifest of an older program says nothing of draws.
    old = [{k: v for k, v in line.items() if k not in ("drawn", "request")}
           for line in lines(out)]
    check(any("drawn" in line for line in lines(out)), "no draw is told")
    write(out + "/nightjar.jsonl", b"".join(signed(o) for o in old[:2]))
    check(drawn(generate(out, "-n", "3")) not in (seed, second, third), "old")


def signed(o):
    """A line of a manifest, with its sum."""
    o = {k: v for k, v in o.items() if k != "crc"}
    text = json.dumps(o, separators=(",", ":"), ensure_ascii=False)[:-1]
    return f'{text},"crc":"{zlib.crc32(text.encode()):08x}"}}\n'.encode()


def a_failed_picture_is_tried_again():
    out = folder("failed")
    end_early(out, signal.SIGKILL)
    begun = dict(lines(out)[0], drawn="70000")  # one that may be asked to fail
    write(out + "/nightjar.jsonl", signed(begun))
    bad = str(70000 + MANY - 1)
    text = generate(out, "-n", str(MANY), expect=3,
                    env={"NIGHTJAR_FAKE_FAILING": bad})
    check(used(text) == 70000, text)
    check(used(generate(out, "-n", str(MANY))) == 70000, "not tried again")
    check(set(row(70000, MANY)) <= set(seeds(out)), f"{seeds(out)}")


def several_share(name, first):
    """Processes of one command, `first` of them begun before the others."""
    out = folder(name)
    children = [begin(out, "-n", "12") for _ in range(first)]
    all_at_work(out, children)
    children += [begin(out, "-n", "12") for _ in range(3 - first)]
    all_at_work(out, children)
    write(out + ".go", b"")
    for child in children:
        text = child.communicate()[0].decode()
        check(child.returncode == 0, text)
    there = seeds(out)
    check(there == row(there[0], 12), f"{name}: {there}")
    told = {line["drawn"] for line in lines(out) if line["event"] == "begin"}
    check(told == {str(there[0])}, f"{name}: {told}")


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
goes_on("interrupted", signal.SIGINT)
goes_on("killed", signal.SIGKILL)
something_else_draws_anew()
an_overwriting_run_says_how()
what_counts_as_complete()
a_failed_picture_is_tried_again()
several_share("later", 1)
several_share("together", 0)
print("seeds.py: all checks hold")
