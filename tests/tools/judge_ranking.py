#!/usr/bin/env python3
"""The share of pictures that an independent judge finds right, among the best
of a ranking and among all.

    judge_ranking.py FOLDER/nightjar.ranking.jsonl VERDICTS.jsonl [SHARE]

VERDICTS: what scripts/train_demo/measure_adherence.py --json wrote. SHARE of
all pictures, default 0.05; near-duplicates count once."""
import json
import math
import os
import sys


def lines(path):
    with open(path) as f:
        return [json.loads(line) for line in f]


def main():
    right = {os.path.basename(v["file"]): v["right"]
             for v in lines(sys.argv[2])}
    ranked = [r for r in lines(sys.argv[1]) if r["file"] in right]
    share = float(sys.argv[3]) if len(sys.argv) > 3 else 0.05

    def say(what, chosen):
        good = sum(right[r["file"]] for r in chosen)
        print(f"{what}: {good} of {len(chosen)} right, "
              f"{100 * good / len(chosen):.1f} %")

    best = [r for r in ranked if "duplicate_of" not in r]
    best = best[:math.ceil(share * len(ranked))]
    prompts = {}
    for r in ranked:
        prompts.setdefault(r["prompt"], []).append(r)
    say("all", ranked)
    say(f"best {100 * share:g} %", best)
    say("best of each prompt", [p[0] for p in prompts.values()])
    say("worst of each prompt", [p[-1] for p in prompts.values()])


main()
