#!/usr/bin/env python3
"""Names functions that are longer than 60 lines or take more than seven
parameters. Reads the house's own formatting (a definition starts in column 0,
its body opens and closes with a brace in column 0), so it needs no parser."""
import re
import subprocess
import sys

LINES_MAX = 60
PARAMETERS_MAX = 7


def parameters(signature):
    inside = signature[signature.index("(") + 1:signature.rindex(")")]
    depth = 0
    count = 1
    for c in inside:
        depth += (c in "(<[") - (c in ")>]")
        count += c == "," and depth == 0
    return count


def functions(lines):
    """Yields (line, name, signature, length) of every definition."""
    for i, line in enumerate(lines):
        if line.rstrip() != "{":
            continue
        start = i - 1
        while start > 0 and lines[start - 1].strip() and not re.match(
                r"[#/*}]|.*[;{}]\s*$", lines[start - 1]):
            start -= 1
        signature = " ".join(l.strip() for l in lines[start:i])
        if "(" not in signature or signature.startswith(("struct", "enum",
                                                         "union", "namespace")) \
                and ")" not in signature:
            continue
        end = next((j for j in range(i, len(lines))
                    if lines[j].startswith("}")), len(lines) - 1)
        name = re.search(r"(\w+)\s*\(", signature)
        if name and ")" in signature:
            yield start + 1, name.group(1), signature, end - start + 1


def main():
    files = subprocess.run(
        ["git", "ls-files", "src/*.c", "src/*.cpp", "src/*.cu", "tests/*.c"],
        capture_output=True, text=True, check=True).stdout.split()
    bad = 0
    for path in files:
        with open(path, encoding="utf-8") as f:
            lines = f.read().split("\n")
        for line, name, signature, length in functions(lines):
            if length > LINES_MAX:
                print(f"check_functions: {path}:{line}: {name} has {length} "
                      f"lines, at most {LINES_MAX} expected")
                bad += 1
            if parameters(signature) > PARAMETERS_MAX:
                print(f"check_functions: {path}:{line}: {name} has "
                      f"{parameters(signature)} parameters, at most "
                      f"{PARAMETERS_MAX} expected")
                bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
