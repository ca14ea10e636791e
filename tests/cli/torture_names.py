#!/usr/bin/env python3
"""Prompts that try to break file names, end to end: every picture gets a valid
name of its own, and its record gives the exact prompt back.

    tests/cli/torture_names.py nightjar_fake
"""
import os
import sys
import unicodedata

from program import Program, check, read, record_of

p = Program(sys.argv[1])
out = p.folder + "/out"
STEPS = ("--timestep-respacing", "ddim2", "--truncate")


def escaped(prompt):
    """As the command line takes it: braces are no alternatives."""
    return prompt.replace("{", "\\{").replace("}", "\\}")


def torture():
    """name of the kind -> prompts"""
    devices = ["CON", "con", "PRN", "AUX", "NUL", "COM1", "com9", "LPT1",
               "CON.txt", "nul.", "CONIN$", "aux "]
    return {
        "bytes 0x01-0x7f": [f"a{chr(b)}b" for b in range(1, 128)],
        "bytes 0x80-0xff": [f"a{chr(b)}b" for b in range(128, 256)],
        "4-byte UTF-8": ["\U0001f600", "\U00010348 x", "\U000e0041tag",
                         "\U0010fffd", "\U0001f468\u200d\U0001f469"],
        "combining": ["e\u0301", "\u00e9", "a" + "\u0301" * 200, "\u0301a",
                      "\u1100\u1161\u11a8", "\uac01"],
        "directions": ["\u202egnp.exe", "a\u2066b\u2069", "\u200fx", "\u061cx",
                       "\u202d\u202e\u202c x"],
        "invisible": ["a\u200bb", "a\ufeffb", "a\u00adb", "ab", "a\u2028b",
                      "a\u2029b", "a\u0085b"],
        "Windows": devices + ["a:b", "C:\\x", "a<b>c", "a?", "a*", "q\"q"],
        "paths": ["/etc/passwd x", "../../x", "..", ".", "~", "-rf", "--help x",
                  "a/b", "a\\b", ".hidden", "hidden."],
        "equal after cleaning": ["a_b", "a/b ", " a/b", "a:b ", "a?b", "a*b",
                                 "A_b", "a  b", "a b"],
        "like names": ["x_iteration--00001_seed--1", "x_seed--2.png", "x--y",
                       "prompt--x", "x_out"],
        "long": ["x" * 10240, "x" * 10239 + "y", "\U0001f600" * 2560,
                 "e\u0301" * 4000, "word " * 2000, "/" * 300],
        "shell": ["$(touch x)", "`id`", "a;b", "a&b", "a\nb", "\x1b[31mred",
                  "'", "\"", "!", "#a", "%s%n", "{a|b}", "{1..3}", "\\{"],
    }


def is_safe(name):
    raw = os.fsencode(name)
    text = raw.decode("utf-8")
    inner = text[len("prompt--"):text.index("_iteration--")]
    for c in text:
        check(unicodedata.category(c) not in ("Cc", "Zl", "Zp"), repr(name))
        check(c not in '/\\<>:"|?*', repr(name))
        check(c not in "\u200e\u200f\u061c\ufeff" and
              not "\u202a" <= c <= "\u202e" and
              not "\u2066" <= c <= "\u2069", repr(name))
    check(len(raw) <= 255, f"{len(raw)} bytes: {name}")
    check(text == unicodedata.normalize("NFC", text), repr(name))
    check(not inner[:1] in (".", " ") and not inner[-1:] in (".", " "),
          repr(name))


def refuses_what_is_no_text():
    for b in range(128, 256):
        done = p.run("generate", "-o", out, "--", b"a" + bytes([b]) + b"b",
                     expect=2)
        check(done.stderr.count(b"\n") == 1, f"0x{b:02x}: {done.stderr!r}")
    check(not os.path.exists(out), "a refused prompt left a folder")


def main():
    # ':' begins a weight, so a colon of the text itself needs one behind it.
    kinds = {kind: [t + ":1" if ":" in t else t for t in list_of]
             for kind, list_of in torture().items()}
    prompts = list(dict.fromkeys(t for kind in kinds.values() for t in kind))
    refuses_what_is_no_text()
    p.run("generate", "--seed", "1", *STEPS, "-q", "-o", out, "--",
          *[escaped(t) for t in prompts])
    names = [f for f in os.listdir(out) if f.endswith(".png")]
    check(len(names) == len(prompts), f"{len(names)} files for {len(prompts)}")
    found = {}
    for name in names:
        is_safe(name)
        found[record_of(read(f"{out}/{name}"))["prompt"]] = name
    missing = [t for t in prompts if t not in found]
    check(not missing, f"not in any record: {missing[:3]!r}")
    again = 0
    for prompt in prompts:
        if len(prompt) == 3 and ord(prompt[1]) % 8:
            continue
        path = f"{out}/{found[prompt]}"
        told = p.objects("info", "--json", path)[0]["job"]["prompt"]
        check(told == prompt, f"{told!r} instead of {prompt!r}")
        check("every byte" in p.out("reproduce", path), repr(prompt))
        again += 1
    for kind, list_of in kinds.items():
        print(f"{len(list_of):4d}  {kind}")
    print(f"torture_names.py: {len(prompts)} prompts, {len(names)} valid unique "
          f"names, every record has the exact prompt; {again} of them "
          f"reproduced byte for byte; 128 invalid ones refused")


main()
