#!/usr/bin/env python3
"""How nightjar's time for a step grows with batch, cutouts, threads and workers: JSON to stdout, a plot to --plot.

Every point of a series is timed --rounds times, the points taking turns; shown are the medians. "Linear" is the
time of a series' first point times the work (batch, cutouts), or divided by the threads or workers.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

SERIES = {"batch": (1, 2, 4, 8), "cutouts": (8, 16, 32, 64), "threads": (1, 2), "workers": (1, 2)}
PER_PICTURE = {"batch": "pictures made together", "cutouts": "cutouts in a step", "threads": "threads",
               "workers": "processes, one thread each"}


def command(args, series, n):
    threads = n if series == "threads" else 1 if series == "workers" else os.cpu_count()
    line = [args.nightjar, "bench", "--random-weights", args.net, "--steps", str(args.steps), "--device", args.device,
            "--threads", str(threads), "--json"]
    if series == "batch":
        line += ["--batch-size", str(n)]
    if series == "cutouts":
        line += ["--cutn", str(n)]
    return line


def run_together(line, count):
    """The same command count times at once -> seconds for a step, the slowest of them."""
    running = [subprocess.Popen(line, stdout=subprocess.PIPE, text=True) for _ in range(count)]
    found = [process.communicate()[0] for process in running]
    if any(process.returncode for process in running):
        sys.exit(f"scaling: {' '.join(line)} failed")
    return max(json.loads(text)["seconds_per_step"] for text in found)


def measure(args, series):
    points = {n: [] for n in SERIES[series]}
    for _ in range(args.rounds):
        for n, times in points.items():
            times.append(run_together(command(args, series, n), n if series == "workers" else 1))
            print(f"{series} {n}: {times[-1]:.3f} s", file=sys.stderr, flush=True)
    return {n: {"median": statistics.median(t), "min": min(t), "max": max(t)} for n, t in points.items()}


def against_linear(series, points):
    """Time over what linear growth from the first point would take: 1 linear, below 1 better."""
    first = min(points)
    ideal = {n: points[first]["median"] * n / first for n in points}
    if series == "threads":
        ideal = {n: points[first]["median"] * first / n for n in points}
    if series == "workers":  # n processes do n steps at once
        ideal = {n: points[first]["median"] for n in points}
    return {n: points[n]["median"] / ideal[n] for n in points}


def draw(result, path):
    import matplotlib
    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "nightjar"
    from matplotlib import pyplot
    figure, panes = pyplot.subplots(1, len(result["series"]), figsize=(12, 3.2), layout="constrained")
    for pane, (series, found) in zip(panes, result["series"].items()):
        n = [int(i) for i in found["seconds_per_step"]]
        seconds = [p["median"] for p in found["seconds_per_step"].values()]
        linear = [s / r for s, r in zip(seconds, found["against_linear"].values())]
        pane.plot(n, linear, color="0.6", linestyle="--", label="linear")
        pane.plot(n, seconds, marker="o", color="#20508f", label="measured")
        pane.set(xlabel=PER_PICTURE[series], xticks=n, ylim=(0, 1.1 * max(seconds + linear)))
        pane.legend(frameon=False)
    panes[0].set_ylabel("seconds for a step")
    figure.savefig(path, metadata={"Date": None})


def arguments():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--nightjar", default="build/release/nightjar")
    p.add_argument("--net", default="demo", choices=("demo", "256", "512"))
    p.add_argument("--steps", type=int, default=10)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--device", default="cpu")
    p.add_argument("--series", type=lambda s: s.split(","), default=list(SERIES))
    p.add_argument("--plot")
    return p.parse_args()


def main():
    args = arguments()
    result = {"net": args.net, "device": args.device, "cores": os.cpu_count(), "load_before": os.getloadavg()[0],
              "series": {}}
    for series in args.series:
        points = measure(args, series)
        result["series"][series] = {"seconds_per_step": points, "against_linear": against_linear(series, points)}
    if args.plot:
        draw(result, args.plot)
    print(json.dumps(result, indent=1))


main()
