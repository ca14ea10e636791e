#!/usr/bin/env bash
# Sets up, builds and runs every test that needs no GPU. --quick leaves out the
# sanitizer build and the fuzz targets.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$nj_root"

quick=
[ "${1:-}" = --quick ] && quick=1
export CI=${CI:-true}

step()
{
    say ""
    say "== $1 (at $(took))"
}

step "setting up"
scripts/setup.sh
step "checking the tree"
scripts/check_tree.sh
step "building"
scripts/build.sh release
step "tests"
ctest --test-dir build/release --output-on-failure -LE cuda -j 2
if [ -d ../shared/parity ]; then
    step "parity with the public Python code, all areas"
    for area in ../shared/parity/*/; do
        areas+=("$area")
    done
    build/release/tests/parity "${areas[@]}" >build/parity.log ||
        { grep -v '^PASS' build/parity.log; die "parity failed"; }
    grep -vE '^PASS' build/parity.log || true
    step "the program against pictures of the public Python code"
    tests/cli/endtoend.sh build/release/nightjar ../shared/parity/endtoend
fi
if [ -z "$quick" ]; then
    step "building with sanitizers"
    scripts/build.sh asan
    step "tests with sanitizers"
    ctest --test-dir build/asan --output-on-failure -LE 'cuda|slow' -j 2
    step "fuzzing, a little"
    tests/fuzz.sh --smoke
fi
say ""
say "all tests passed in $(took)"
