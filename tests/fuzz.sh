#!/usr/bin/env bash
# Fuzzing with sanitizers (clang's libFuzzer, preset `fuzz`).
#
#   tests/fuzz.sh [TARGET [RUNS]]   RUNS executions (1000000) of a target, or
#                                   of each in turn when none is named
#   tests/fuzz.sh --smoke           replays every corpus, and 2000 more runs of
#                                   each target, the same ones each time;
#                                   skipped without clang
#
# TARGET: NAME of tests/fuzz/fuzz_NAME.c. What a run finds and its log go to
# build/fuzz/found; new inputs go to build/fuzz/corpus, the tree's corpora are
# only read. Exit status 1 when a target crashes, leaks, hangs or takes more
# than 1.5 GB.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/scripts/common.sh"
found=$root/build/fuzz/found
failures=0
seed=0 # another one each time

build()
{
    local log=$root/build/fuzz.log

    mkdir -p "$root/build"
    NJ_TORCH_DIR=$(find_torch) || die "libtorch is missing: run scripts/setup.sh"
    export NJ_TORCH_DIR
    { cd "$root" && cmake --preset fuzz &&
        cmake --build --preset fuzz --target fuzzers; } >"$log" 2>&1 ||
        { tail -n 30 "$log" >&2; die "the fuzz targets do not build"; }
}

# The first is where new inputs go.
run_target()
{
    local name=$1 runs=$2 fresh=$root/build/fuzz/corpus/$1 folders

    mkdir -p "$found" "$fresh"
    folders=("$fresh")
    [ -d "$root/tests/fuzz/corpus/$name" ] &&
        folders+=("$root/tests/fuzz/corpus/$name")
    "$root/build/fuzz/tests/fuzz/fuzz_$name" -runs="$runs" -seed=$seed -max_len=4096 \
        -timeout=25 -rss_limit_mb=1500 -print_final_stats=1 \
        -artifact_prefix="$found/$name-" "${folders[@]}" \
        >"$found/$name.log" 2>&1
}

try_target()
{
    local name=$1 began=$SECONDS done_runs

    if run_target "$name" "$2"; then
        done_runs=$(sed -nE 's/^stat::number_of_executed_units: +//p' \
            "$found/$name.log")
        say "$name: $done_runs executions, nothing found ($((SECONDS - began)) s)"
    else
        say "$name: FAILED, see $found/$name.log"
        grep -E 'ERROR|SUMMARY|Test unit' "$found/$name.log" || true
        failures=$((failures + 1))
    fi
}

targets=()
for file in "$root"/tests/fuzz/fuzz_*.c; do
    name=${file##*/fuzz_}
    targets+=("${name%.c}")
done
runs=${2:-1000000}
if [ "${1:-}" = --smoke ]; then
    command -v clang >/dev/null && command -v clang++ >/dev/null ||
        { say "SKIPPED: no clang here, the fuzz targets were not run"; exit 0; }
    runs=2000
    seed=1
elif [ $# -gt 0 ]; then
    [ -e "$root/tests/fuzz/fuzz_$1.c" ] ||
        die "unknown target '$1'; expected one of: ${targets[*]}"
    targets=("$1")
fi
build
for name in "${targets[@]}"; do
    try_target "$name" "$runs"
done
[ "$failures" = 0 ]
