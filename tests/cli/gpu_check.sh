#!/usr/bin/env bash
# scripts/gpu_check.sh without a GPU: stand-ins for nvidia-smi and for what is
# run, in a scratch copy of the scripts. A part that fails is called failed
# whatever comes behind the failure in it, is done again by the next call, and
# the parts that went well are not.
set -euo pipefail
cd "$(dirname "$0")/../.."
dir=$(mktemp -d "${TMPDIR:-/tmp}/nightjar-gpu-XXXXXX")
trap 'rm -rf "$dir"' EXIT

fail()
{
    echo "gpu_check.sh: $*" >&2
    tail -5 "$dir"/build/gpu_check/*.log "$dir"/*.log >&2 || true
    exit 1
}

# stand_in PATH: makes an executable of standard input.
stand_in()
{
    mkdir -p "$(dirname "$1")"
    { echo '#!/bin/bash'; cat; } >"$1"
    chmod +x "$1"
}

check()
{
    PATH=$dir/bin:$PATH NJ_GPU_RESULTS=$dir/results.md \
        "$dir/scripts/gpu_check.sh" "$@" >"$dir/out.log" 2>&1
}

mkdir -p "$dir/scripts/bench" "$dir/tests/fixtures/area/case"
cp scripts/gpu_check.sh scripts/common.sh "$dir/scripts/"
cp scripts/bench/png.py "$dir/scripts/bench/"
touch "$dir/tests/fixtures/area/case/case.json"
png=$(find "$PWD/tests/fixtures/endtoend" -name '*.png' | sort | head -1)
other=$(find "$PWD/tests/fixtures/endtoend" -name '*.png' | sort | tail -1)
[ -n "$png" ] && ! cmp -s "$png" "$other" || fail "no two pictures among the fixtures"

if ! command -v nvidia-smi >/dev/null; then
    check tests && fail "went on without nvidia-smi"
    grep -q 'no GPU' "$dir/out.log" || fail "does not say what is missing"
fi

stand_in "$dir/bin/nvidia-smi" <<<'echo "Stand-in GPU, 1.0, 8 GiB"'
stand_in "$dir/bin/ctest" <<<'echo "1/1 Test #1: torch/test_cuda ... Passed"'
stand_in "$dir/build/cuda/tests/parity" <<<'echo "1 passed, $NJ_PARITY_SLACK"'
# Its picture is $dir/NAME.png, NAME being the last part of --out.
stand_in "$dir/build/cuda/nightjar" <<EOP
while [ "\$1" != --out ]; do shift; done
mkdir -p "\$2"
cp "$dir/\$(basename "\$2").png" "\$2/x_seed--1.png"
EOP
for name in one two alone pair fp32 cpu; do
    cp "$png" "$dir/$name.png"
done
cp "$other" "$dir/two.png"

# The comparison that fails is not the last thing that the part does.
check tests parity repeat report || fail "stopped"
found=$dir/build/gpu_check
[ -e "$found/tests.done" ] && [ -e "$found/parity.done" ] ||
    fail "a sound part is not done"
[ ! -e "$found/repeat.done" ] || fail "two pictures differ and nobody noticed"
grep -q 'repeat: FAILED' "$dir/out.log" || fail "the failure is not told"
grep -q FAILED "$dir/results.md" || fail "the failure is not in the report"

cp "$png" "$dir/two.png"
cp "$other" "$dir/pair.png"
check repeat || fail "stopped"
[ ! -e "$found/repeat.done" ] || fail "a neighbour matters and nobody noticed"

cp "$png" "$dir/pair.png"
stand_in "$dir/bin/ctest" <<<'exit 1'
check tests parity repeat report || fail "stopped"
[ -e "$found/repeat.done" ] || fail "the part was not done again"
grep -q 'tests: done before' "$dir/out.log" || fail "did a part again"
grep -q FAILED "$dir/results.md" && fail "an old failure is in the report"

rm "$found/tests.done"
stand_in "$dir/bin/ctest" <<<'echo "Test #1: torch/test_cuda ***Skipped"'
check tests || fail "stopped"
[ ! -e "$found/tests.done" ] || fail "skipped tests count as passed"

# A test that a signal ends is run again, and the report says where it dies.
stand_in "$dir/bin/gdb" <<<'echo "the debugger ran ${*: -1}"'
cp "$dir/bin/gdb" "$dir/bin/cuda-gdb"
stand_in "$dir/bin/ctest" <<'EOT'
echo "The following tests FAILED:"
printf '\t 63 - torch/test_cuda (Subprocess aborted)       cuda torch\n'
exit 8
EOT
check tests report || fail "stopped"
[ ! -e "$found/tests.done" ] || fail "a test that died counts as passed"
grep -q 'the debugger ran build/cuda/tests/torch_test_cuda' "$dir/results.md" ||
    fail "the report does not say where a test died"

stand_in "$dir/build/cuda/tests/parity" \
    <<<'echo "traced by ${LD_PRELOAD##*/}"; kill -ABRT $$'
rm "$found/parity.done"
check parity report || fail "stopped"
[ ! -e "$found/parity.done" ] || fail "an area that died counts as passed"
grep -q 'the debugger ran tests/fixtures/area/' "$dir/results.md" ||
    fail "the report does not say where an area died"
grep -q 'traced by trace.so' "$dir/results.md" ||
    fail "where an area died is not known without a debugger"

stand_in "$dir/build/cuda/tests/parity" <<<'exit 1'
check parity || fail "stopped"
[ ! -e "$found/parity.done" ] || fail "a failing area counts as passed"
check nothing && fail "takes any part"
echo "gpu_check.sh: failures are noticed, parts are done once"
