#!/usr/bin/env bash
# Everything that can be found out about nightjar on a machine with an NVIDIA
# GPU, in at most 25 minutes: builds the cuda preset, runs the tests that need a
# GPU, the parity areas (endtoend runs on the GPU, the others compare the CPU's
# arithmetic of this build), the same bytes twice, the benchmark with its peers at
# 256 and 512, memory against the prediction, and writes docs/gpu-results.md.
#
#   scripts/gpu_check.sh [PART...]      parts: build tests parity repeat bench
#                                       memory report; all of them by default
#
# Parts that are done are not done again: what they found lies in
# build/gpu_check (remove it to begin anew), and stopping at any time is safe.
# Nothing is fetched: libtorch comes from NJ_TORCH_DIR or the python3 that can
# import torch (2.11, CUDA 13), the small libraries from NJ_DEPS_DIR, which
# scripts/setup.sh --deps-dir fills on another machine.
set -euo pipefail
. "$(dirname "$0")/common.sh"

cd "$nj_root"
found=$nj_root/build/gpu_check
program=$nj_root/build/cuda/nightjar
results=${NJ_GPU_RESULTS:-$nj_root/docs/gpu-results.md}
limit=$((25 * 60))
mkdir -p "$found"

gpu()
{
    nvidia-smi --query-gpu=name,driver_version,memory.total \
        --format=csv,noheader | head -1
}

need_gpu()
{
    command -v nvidia-smi >/dev/null && gpu >/dev/null 2>&1 ||
        die "no GPU: nvidia-smi finds none here; this needs a machine with an NVIDIA GPU"
}

# Seconds left of the limit, at least 30.
left()
{
    local rest=$((limit - SECONDS))

    printf '%d' $((rest > 30 ? rest : 30))
}

# part NAME: runs part_NAME unless it was done, keeps what it prints.
part()
{
    local name=$1 status=0

    if [ -e "$found/$name.done" ]; then
        say "$name: done before"
        return 0
    fi
    say "$name ..."
    (set -e; "part_$name") >"$found/$name.log" 2>&1 || status=$?
    if [ "$status" != 0 ]; then
        say "$name: FAILED with status $status, see $found/$name.log"
        tail -3 "$found/$name.log"
        return 0
    fi
    touch "$found/$name.done"
    say "$name: done after $(took)"
}

part_build()
{
    [ -n "$(find_torch)" ] || die "no libtorch: set NJ_TORCH_DIR"
    scripts/build.sh cuda
}

part_tests()
{
    timeout "$(left)" ctest --test-dir build/cuda -L cuda --output-on-failure
}

part_parity()
{
    local area

    for area in tests/fixtures/*/; do
        printf '%s: ' "$(basename "$area")"
        NJ_PARITY_CUDA=1 timeout "$(left)" build/cuda/tests/parity "$area" |
            tail -1
    done
}

# Two runs of the same seed, and a batch: the same bytes.
part_repeat()
{
    local run

    rm -rf "$found/repeat"
    for run in one two; do
        timeout "$(left)" "$program" generate "a white house" --seed 1 \
            --device cuda --out "$found/repeat/$run" --quiet
    done
    timeout "$(left)" "$program" generate "a white house" --seed 1 -n 2 \
        --batch-size 2 --device cuda --out "$found/repeat/pair" --quiet
    cmp "$found"/repeat/one/*seed--1.png "$found"/repeat/two/*seed--1.png
    say "the same seed gave the same bytes twice"
}

part_bench()
{
    NJ_PROGRAM=$program timeout "$(left)" scripts/bench.sh --device cuda \
        --rounds 3 --json >"$found/bench.json.part"
    mv "$found/bench.json.part" "$found/bench.json"
    cat "$found/bench.json"
}

# Measured peak on the device for both sizes, beside the prediction.
part_memory()
{
    local size

    for size in 256 512; do
        timeout "$(left)" "$program" bench --random-weights "$size" \
            --device cuda --steps 3 --json
    done
}

section()
{
    printf '\n## %s\n\n' "$2"
    if [ -e "$found/$1.done" ]; then
        sed 's/^/    /' "$found/$1.log" | tail -60
    elif [ -e "$found/$1.log" ]; then
        printf 'FAILED:\n\n'
        sed 's/^/    /' "$found/$1.log" | tail -20
    else
        printf 'not run\n'
    fi
}

part_report()
{
    {
        printf '# What was measured on a GPU\n\nWritten by scripts/gpu_check.sh on %s, commit %s.\n\n' \
            "$(date -u +%F)" "$(git rev-parse --short HEAD 2>/dev/null || echo unknown)"
        printf 'Device, driver, memory: %s\n' "$(gpu)"
        section tests "Tests that need a GPU"
        section parity "Parity areas with the cuda build"
        section repeat "The same bytes"
        section bench "Times beside the peers"
        section memory "Memory and prediction"
    } >"$results.part"
    mv "$results.part" "$results"
    say "wrote $results"
}

parts=("$@")
[ $# -gt 0 ] || parts=(build tests parity repeat bench memory report)
for name in "${parts[@]}"; do
    declare -F "part_$name" >/dev/null ||
        die "unknown part '$name'; expected build, tests, parity, repeat, bench, memory or report"
done
need_gpu
rm -f "$found/report.done"
for name in "${parts[@]}"; do
    part "$name"
done
