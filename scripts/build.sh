#!/usr/bin/env bash
# Builds a preset: scripts/build.sh [release|asan|tidy|fuzz|cuda] [TARGET...]
# TARGET: nightjar is the program without tests; all when none is given.
# The program is build/<preset>/nightjar.
set -euo pipefail
. "$(dirname "$0")/common.sh"

preset=${1:-release}
[ $# -gt 0 ] && shift
targets=("$@")
[ $# -gt 0 ] && targets=(--target "$@")
cd "$nj_root"
NJ_TORCH_DIR=$(find_torch) || true
[ -n "$NJ_TORCH_DIR" ] || die "libtorch is missing: run scripts/setup.sh"
export NJ_TORCH_DIR
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# Configuring again is quick, and finds files that came or went.
cmake --preset "$preset" ${CI:+-DNJ_WERROR=ON} >"$log" 2>&1 ||
    { cat "$log" >&2; die "configuring '$preset' failed"; }
cmake --build --preset "$preset" "${targets[@]}" >"$log" 2>&1 ||
    { cat "$log" >&2; die "building '$preset' failed"; }
grep -E 'warning:' "$log" || true
say "built build/$preset in $(took)"
