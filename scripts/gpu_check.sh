#!/usr/bin/env bash
# Everything that can be found out about nightjar on a machine with an NVIDIA
# GPU, in at most 25 minutes: builds the cuda preset, runs the tests that need a
# GPU and the parity areas on it, compares pictures of several runs, times the
# networks of 256 and 512 beside their peers, and writes docs/gpu-results.md and
# docs/bench/gpu-*.json.
#
#   scripts/gpu_check.sh [PART...]   parts: build tests parity repeat memory256
#                                    memory512 cutouts bench256 bench512
#                                    compiled256 compiled512 report; all of them
#                                    by default
#
# The peer of the compiled parts takes minutes to compile: that begins with the
# build, beside all that is not timed. NJ_GPU_SECONDS: the most that a call may
# take; NJ_GPU_ROUNDS: how often each program is timed (2).
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
limit=${NJ_GPU_SECONDS:-$((24 * 60))}
all=(build tests parity repeat memory256 memory512 cutouts bench256 bench512
    compiled256 compiled512 report)
untimed=" build tests parity repeat "
compiler="" # the process that compiles the peer
# Fixtures allow what the CPU's sums differ by; a GPU adds in other orders, and
# cuDNN may take Winograd's convolution.
slack=20
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

# Runs a command within what is left of the limit, or for SECONDS at most.
within()
{
    local most=$1 rest=$((limit - SECONDS))

    shift
    [ "$rest" -gt 5 ] || die "no time left: run scripts/gpu_check.sh again to go on"
    timeout --foreground -k 10 "$((rest < most ? rest : most))" "$@"
}

# part NAME: runs part_NAME unless it was done, keeps what it prints.
part()
{
    local name=$1 status

    if [ -e "$found/$name.done" ]; then
        say "$name: done before"
        return 0
    fi
    say "$name ..."
    # In a condition the shell would not stop a part at its first failure.
    set +e
    (
        set -e
        "part_$name"
    ) >"$found/$name.log" 2>&1
    status=$?
    set -e
    if [ "$status" != 0 ]; then
        say "$name: FAILED with status $status, see $found/$name.log"
        tail -5 "$found/$name.log"
        return 0
    fi
    touch "$found/$name.done"
    say "$name: done after $(took)"
}

# Lets PyTorch compile the peer of the parts that were asked for, and keep it.
compile_peers()
{
    local python net nets=""

    for net in 256 512; do
        [[ " ${parts[*]} " == *" compiled$net "* ]] || continue
        [ -e "$found/compiled$net.done" ] || nets+=" $net"
    done
    [ -n "$nets" ] && python=$(find_bench_python) || return 0
    say "compiling the peer of$nets ..."
    (
        for net in $nets; do
            within 600 "$python" scripts/bench/peers.py compiled "$net" \
                --device cuda --precision fp16 --steps 1
        done
    ) >"$found/compile.log" 2>&1 &
    compiler=$!
}

# Nothing else may run while time is taken.
await_compiler()
{
    [ -n "$compiler" ] || return 0
    wait "$compiler" || say "the peer did not compile, see $found/compile.log"
    compiler=""
    say "the peer is compiled after $(took)"
}

part_build()
{
    [ -n "$(find_torch)" ] || die "no libtorch: set NJ_TORCH_DIR"
    within 900 scripts/build.sh cuda
}

# died PROGRAM [ARGUMENT...]: with what it was linked, and where it dies.
died()
{
    local debugger

    printf '\n$ %s\n' "$*"
    ldd "$1" | grep -E 'not found|libc\.|libstdc|libgomp|libcudart|libcuda\.' || true
    # Debuggers do not work everywhere, this does.
    within 60 env LD_PRELOAD="$nj_root/build/cuda/tests/trace.so" "$@" 2>&1 |
        tail -66 || true
    for debugger in cuda-gdb gdb; do
        command -v "$debugger" >/dev/null || continue
        within 60 "$debugger" -batch -ex run -ex 'bt 40' --args "$@" 2>&1 |
            tail -50 || true
        return 0
    done
    say "no gdb here"
}

part_tests()
{
    local name

    if ! within 300 ctest --test-dir build/cuda -L cuda --output-on-failure \
        --timeout 120 | tee "$found/tests.out"; then
        # Of those that a signal ended the first stands for all.
        name=$(sed -nE 's/^\s+[0-9]+ - (\S+) \((Subprocess aborted|SEGFAULT|BUS_ERROR|ILLEGAL)\).*/\1/p' \
            "$found/tests.out" | head -1)
        [ -z "$name" ] || died "build/cuda/tests/${name/\//_}"
        die "tests failed"
    fi
    ! grep -q 'Skipped' "$found/tests.out" ||
        die "tests were skipped: libtorch can use no GPU here (driver too old for its CUDA?)"
}

# All areas, then the verdict: one that fails does not hide the others.
part_parity()
{
    local area status failed="" dead=""

    export NJ_PARITY_CUDA=1 NJ_PARITY_SLACK=$slack
    say "tolerances: $slack times the fixtures'"
    for area in tests/fixtures/*/; do
        [ -n "$(compgen -G "$area*/case.json")" ] || continue
        say "$(basename "$area"):"
        status=0
        within 120 build/cuda/tests/parity "$area" || status=$?
        [ "$status" = 0 ] || failed+=" $(basename "$area")"
        [ "$status" -lt 128 ] || dead=${dead:-$area}
    done
    [ -z "$dead" ] || died build/cuda/tests/parity "$dead"
    [ -z "$failed" ] || die "areas that differ:$failed"
}

picture()
{
    local out=$found/repeat/$1

    shift
    within 120 "$program" generate "a white house" --unet demo --seed 1 \
        --out "$out" --quiet "$@"
}

# The first picture of seed 1 in a folder of part_repeat.
made()
{
    compgen -G "$found/repeat/$1/*seed--1.png" | head -1
}

compare()
{
    printf '%s: ' "$1"
    python3 scripts/bench/png.py "$(made "$2")" "$(made "$3")"
}

# The same seed twice, beside another picture, in other precisions and on the
# CPU. Only what must be equal decides.
part_repeat()
{
    rm -rf "$found/repeat"
    picture one --device cuda
    picture two --device cuda
    picture alone --device cuda --batch-size 2
    picture pair --device cuda --batch-size 2 -n 2
    picture fp32 --device cuda --precision fp32
    picture cpu --device cpu
    compare "twice on the GPU" one two
    compare "alone and in a pair, batches of two" alone pair
    compare "batches of one and of two" one alone
    compare "fp16 and fp32 on the GPU" one fp32
    compare "fp32 on the GPU and on the CPU" fp32 cpu
    cmp "$(made one)" "$(made two)"
    python3 scripts/bench/png.py "$(made alone)" "$(made pair)" |
        grep -q '^largest difference of a byte 0 ' ||
        die "a picture depends on the others of its batch"
}

# ours NET OPTION...: steps of a network in fp16, one picture at a time.
ours()
{
    local net=$1

    shift
    printf '\n$ nightjar bench --random-weights %s %s\n' "$net" "$*"
    within 120 "$program" bench --random-weights "$net" --device cuda \
        --precision fp16 --steps 20 "$@"
}

# Time and the peak on the device beside its prediction.
memory()
{
    ours "$1"
    ours "$1" --no-graphs
    ours "$1" --memory small
    ours "$1" --batch-size 4
}

part_cutouts()
{
    ours 256 --cutouts russell
    ours 256 --cutouts disco
    ours demo
}

part_memory256()
{
    memory 256
}

part_memory512()
{
    memory 512
}

# bench NAME NET PEERS: the pictures are compared by the first part that times.
bench()
{
    local same=()

    [ ! -e "$found/bench256.done" ] || same=(--same-before)
    NJ_PROGRAM=$program within 600 scripts/bench.sh --device cuda \
        --rounds "${NJ_GPU_ROUNDS:-2}" --nets "$2" --peers "$3" --json \
        "${same[@]}" >"$found/$1.json.part"
    mv "$found/$1.json.part" "$found/$1.json"
}

part_bench256()
{
    bench bench256 256 eager,strong
}

part_bench512()
{
    bench bench512 512 eager,strong
}

part_compiled256()
{
    bench compiled256 256 compiled
}

part_compiled512()
{
    bench compiled512 512 compiled
}

section()
{
    printf '\n## %s\n\n' "$2"
    if [ -e "$found/$1.done" ]; then
        tail -200 "$found/$1.log" | sed "s#$nj_root/##; s/^/    /"
    elif [ -e "$found/$1.log" ]; then
        printf 'FAILED:\n\n'
        tail -130 "$found/$1.log" | sed "s#$nj_root/##; s/^/    /"
    else
        printf 'not run\n'
    fi
}

part_report()
{
    local name

    mkdir -p "$(dirname "$results")/bench"
    {
        printf '# What was measured on a GPU\n\nWritten by scripts/gpu_check.sh on %s, commit %s.\n\n' \
            "$(date -u +%F)" "$(git rev-parse --short HEAD 2>/dev/null || echo unknown)"
        printf 'Device, driver, memory: %s\n' "$(gpu)"
        section tests "Tests that need a GPU"
        section parity "Parity areas on the GPU"
        section repeat "The same bytes"
        section memory256 "The 256 network"
        section memory512 "The 512 network"
        section cutouts "Augmented cutouts, and the demo model"
        section bench256 "The 256 network beside its peers (raw: bench/gpu-bench256.json)"
        section bench512 "The 512 network beside its peers (raw: bench/gpu-bench512.json)"
        section compiled256 "The 256 network beside the compiled peer (raw: bench/gpu-compiled256.json)"
        section compiled512 "The 512 network beside the compiled peer (raw: bench/gpu-compiled512.json)"
    } >"$results.part"
    mv "$results.part" "$results"
    for name in bench256 bench512 compiled256 compiled512; do
        [ ! -e "$found/$name.json" ] ||
            cp "$found/$name.json" "$(dirname "$results")/bench/gpu-$name.json"
    done
    say "wrote $results"
}

parts=("$@")
[ $# -gt 0 ] || parts=("${all[@]}")
for name in "${parts[@]}"; do
    declare -F "part_$name" >/dev/null ||
        die "unknown part '$name'; expected one of: ${all[*]}"
done
need_gpu
rm -f "$found/report.done"
compile_peers
for name in "${parts[@]}"; do
    [[ $untimed == *" $name "* ]] || await_compiler
    part "$name"
    [ "$name" != build ] || [ -x "$program" ] || die "nothing can be measured without a build"
done
