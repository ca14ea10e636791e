#!/usr/bin/env python3
"""Records, end to end: info and reproduce on pictures as they are made, edited,
stripped, and with a record that somebody changed; other programs read them.

    tests/cli/records.py nightjar_fake
"""
import json
import os
import shutil
import subprocess
import sys

from program import (Program, check, chunks, join, read, record_of, with_pixel,
                     with_record, write)

p = Program(sys.argv[1])
out = p.folder + "/out"
missing = []


def made(*args):
    """The one picture of a job, as a path."""
    shutil.rmtree(out, ignore_errors=True)
    p.run("generate", *args, "-q", "-o", out)
    pictures = sorted(f for f in os.listdir(out) if f.endswith(".png"))
    return [f"{out}/{f}" for f in pictures]


def state(path, expect=0):
    return p.objects("info", "--json", path, expect=expect)[0]


def have(tool):
    if shutil.which(tool):
        return True
    missing.append(tool)
    return False


def tool(*command):
    return subprocess.run(command, check=True, capture_output=True).stdout


def check_intact(picture):
    info = state(picture)
    record = info["job"]["record"]
    check(info["state"] == "intact", f"{info['state']} as made")
    check(record["from"]["cutn"] == "command" and
          record["from"]["width"] == "card" and
          "plms_order" not in record["from"], "where settings came from")
    text = p.out("info", picture)
    check("cutn                 3  (command)" in text and
          "plms_order           2  (default)" in text, text)
    check("identical: every byte" in p.out("reproduce", picture), "reproduce")
    again = p.folder + "/again"
    p.run("reproduce", picture, "--out", again)
    check(read(f"{again}/{os.path.basename(picture)}") == read(picture),
          "the remade file differs")
    p.run("reproduce", picture, "--out", again, expect=2)


def check_as_job(picture):
    """A record is a job: the same bytes come out."""
    job = p.folder + "/record.json"
    write(job, json.dumps(record_of(read(picture))).encode())
    before = read(picture)
    check(read(made(job)[0]) == before, "the record as a job gives other bytes")
    p.run("generate", "--cutn", "5", job, "-q", "-o", p.folder + "/other")


def check_edited(picture):
    edited = p.folder + "/edited.png"
    write(edited, with_pixel(read(picture)))
    check(state(edited, 1)["state"] == "edited", "an edit is not noticed")
    check("were edited" in p.out("info", edited, expect=1), "info")
    result = p.objects("reproduce", "--json", edited, expect=3)[0]
    check(result["result"] == "edited" and result["differing"] == 1 and
          result["changes"] == [], f"{result}")
    p.run("info", picture, edited, expect=3)


def check_stripped(picture):
    bare = p.folder + "/bare.png"
    write(bare, join([c for c in chunks(read(picture))
                      if c[0] not in (b"iTXt", b"tEXt")]))
    check(state(bare, 1)["state"] == "none", "stripped")
    check(b"no record" in p.run("reproduce", bare, expect=2).stderr, "stripped")
    write(bare, with_record(read(picture), b'{"prompt":'))
    check(state(bare, 1)["state"] == "broken", "broken")
    p.run("reproduce", bare, expect=2)
    write(bare, read(picture)[:-40])
    p.run("info", bare, expect=1)


def changed(picture, change):
    record = record_of(read(picture))
    change(record)
    path = p.folder + "/changed.png"
    write(path, with_record(read(picture), json.dumps(
        record, separators=(",", ":")).encode()))
    return path


def check_changed(picture):
    """What differs is named, and how much."""
    def elsewhere(r):
        r["record"]["device"] = "cuda:0 NVIDIA X"
        r["record"]["commit"] = "0" * 12
        r["record"]["weights"][0]["sha256"] = "1" * 64

    result = p.objects("reproduce", "--json", changed(picture, elsewhere))[0]
    names = {c["what"] for c in result["changes"]}
    check(result["result"] == "same-pixels" and
          names == {"device", "commit", "sha256 of unet.safetensors"},
          f"{result}")
    path = changed(picture, lambda r: r.update(cutn=7))
    text = p.out("reproduce", path, expect=3)
    check("pixels differ, by" in text and "different" in text and
          "identity: then" in text, text)
    path = p.folder + "/longer.png"
    write(path, read(picture) + b"more")
    text = p.out("reproduce", path)
    check("other bytes besides" in text and "record" not in text, text)
    bad = changed(picture, lambda r: r.update(cutn=-1))
    nowhere = p.folder + "/nowhere"
    p.run("reproduce", bad, "--out", nowhere + "/deep", expect=2)
    check(not os.path.exists(nowhere), "a refused command left its folder")
    bad = changed(picture, lambda r: r["record"].update(iteration=99))
    p.run("reproduce", bad, expect=2)


def check_iterations():
    pictures = made("a boat", "--seed", "1", "--timestep-respacing", "ddim5",
                    "--save-every", "2")
    check(len(pictures) == 3, f"{pictures}")
    for picture in pictures:
        check("every byte" in p.out("reproduce", picture), picture)


def check_bits():
    """Two values that differ in the last bit make two pictures."""
    made("a boat", "--seed", "1", "--tv-scale", "0.3")
    p.run("generate", "a boat", "--seed", "1", "--tv-scale",
          "0.30000000000000004", "-q", "-o", out)
    values = sorted(record_of(read(f"{out}/{f}"))["tv_scale"]
                    for f in os.listdir(out) if f.endswith(".png"))
    check(values == [0.3, 0.1 + 0.2], f"{values}")


def check_other_programs(picture):
    record = record_of(read(picture))
    if have("exiftool"):
        seen = json.loads(tool("exiftool", "-json", picture))[0]
        told = seen["Nightjar"]
        told = json.loads(told) if isinstance(told, str) else told
        check(told["prompt"] == record["prompt"] == "b\u00f6at \U0001f6a3",
              f"exiftool: {seen}")
        check(seen["Parameters"].startswith("b"), f"exiftool: {seen}")
        check("Seed: 18446744073709551615" in seen["Parameters"], "parameters")
    if have("identify"):
        seen = tool("identify", "-verbose", picture).decode(errors="replace")
        check("Steps: 5, Sampler: DDPM" in seen, "identify: parameters")
        # ImageMagick's own sum of the pixels is the record's.
        check(tool("identify", "-format", "%#", picture).decode() ==
              record["record"]["pixels_sha256"], "identify: signature")
    if have("convert"):
        again = p.folder + "/saved.png"
        tool("convert", picture, "-negate", again)
        check(state(again, 1)["state"] in ("none", "edited"), "saved again")
        check("dropped the record" in p.out("info", again, expect=1) or
              state(again, 1)["state"] == "edited", "saved again")


picture = made("a boat", "--seed", "7", "--cutn", "3",
               "--timestep-respacing", "ddim3")[0]
check_intact(picture)
check_as_job(picture)
picture = made("a boat", "--seed", "7", "--cutn", "3",
               "--timestep-respacing", "ddim3")[0]
check_edited(picture)
check_stripped(picture)
check_changed(picture)
check_iterations()
check_bits()
check_other_programs(made("b\u00f6at \U0001f6a3", "--seed",
                          "18446744073709551615",
                          "--timestep-respacing", "ddim5")[0])
p.run("info", expect=2)
p.run("info", "/nowhere.png", expect=1)
p.run("reproduce", expect=2)
print("records.py: all checks hold" +
      (f"; not here, not tried: {' '.join(missing)}" if missing else ""))
