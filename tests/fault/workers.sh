#!/usr/bin/env bash
# --device cuda:all: a process for each GPU, shared work, shared drawn seed,
# signals that reach all of them, and a worker that dies; and how a run behaves
# that loses its terminal or is asked to stop. On a stand-in engine that says it
# has three GPUs.
#
#   tests/fault/workers.sh PROGRAM                         nightjar_fake
set -euo pipefail
cd "$(dirname "$0")/../.."
program=$1
networks=tests/fixtures/endtoend/networks
scratch=$(mktemp -d)
pid=
trap 'kill $pid 2>/dev/null || true; rm -rf "$scratch"' EXIT
export XDG_CACHE_HOME=$scratch/cache LC_ALL=C
export NIGHTJAR_FAKE_STEP_MS=30 NIGHTJAR_FAKE_GPUS=3

fail()
{
    echo "workers.sh: $*" >&2
    cat "$scratch"/*.log >&2 || true
    exit 1
}

job()
{
    local out=$scratch/$1

    shift
    exec "$program" generate "a red boat" b c --unet $networks/unet.pt \
        --unet-config $networks/card.json --clip $networks/clip.safetensors \
        --timestep-respacing 5 --cutn 2 --threads 1 --out "$out" "$@"
}

pictures()
{
    { find "$scratch/$1" -name '*.png' 2>/dev/null || true; } | wc -l
}

# Processes that made pictures.
makers()
{
    sed -nE 's/.*"event":"made".*"pid":([0-9]+).*/\1/p' \
        "$scratch/$1/nightjar.jsonl" | sort -u
}

# held_job COUNT FOLDER [OPTION...]: begins a job and returns when COUNT of its
# processes have made one picture and wait in the second, until let_go FOLDER.
held_job()
{
    local count=$1

    shift
    (NIGHTJAR_FAKE_HOLD=$scratch/$1.go; export NIGHTJAR_FAKE_HOLD
     job "$@") >"$scratch/$1.log" 2>&1 & pid=$!
    until [ "$(held "$1" | wc -l)" -eq "$count" ]; do
        kill -0 $pid 2>/dev/null || fail "$1 ended before it was held"
        sleep 0.02
    done
}

# The processes of a job that wait.
held()
{
    find "$scratch" -name "$1.go.*" -printf '%f\n' | sed 's/.*\.//'
}

let_go()
{
    : >"$scratch/$1.go"
}

held_job 3 all --device cuda:all -n 4
let_go all
wait $pid || fail "cuda:all failed"
[ "$(pictures all)" -eq 12 ] || fail "$(pictures all) pictures, not 12"
[ "$(makers all | wc -l)" -eq 3 ] || fail "not three workers"
[ "$(grep -c 'was drawn' "$scratch/all.log")" -eq 1 ] || fail "seeds differ"
echo "cuda:all: 12 pictures by 3 processes, one drawn seed"

status=0
(NIGHTJAR_FAKE_GPUS=0; job none --device cuda:all) 2>"$scratch/none.log" ||
    status=$?
[ $status -eq 2 ] || fail "without a GPU: exit status $status"

# So many that none is done before it is told.
held_job 3 stop --device cuda:all --seeds 1..1000
kill -TERM $pid
let_go stop
status=0
wait $pid || status=$?
[ $status -eq 130 ] || fail "SIGTERM: exit status $status"
[ -z "$(find "$scratch/stop" -name '*.part')" ] || fail "a file is left"
[ "$(grep -c '"how":"interrupted"' "$scratch/stop/nightjar.jsonl")" -eq 3 ] ||
    fail "not all workers were told"
echo "SIGTERM: all three workers finished what they had, exit status 130"

held_job 3 dies --device cuda:all --seeds 1..6
held dies >"$scratch/dies.pids"
kill -9 "$(sort "$scratch/dies.pids" | head -1)"
let_go dies
wait $pid || fail "a dead worker: exit status $?"
[ "$(pictures dies)" -eq 18 ] || fail "a dead worker: pictures are missing"
grep -q "ended by signal 9" "$scratch/dies.log" || fail "nothing is said"
echo "a worker killed: the others made all 18 pictures"

held_job 1 hup --seeds 1..3
kill -HUP $pid
let_go hup
wait $pid || fail "SIGHUP: exit status $?"
[ "$(pictures hup)" -eq 9 ] || fail "SIGHUP ended the run"
echo "SIGHUP: the run went on"

# Two at once may come as one. The first alone would let the second picture be
# finished, which waits.
held_job 1 twice --seeds 1..20
while kill -INT $pid 2>/dev/null; do
    sleep 0.1
done
status=0
wait $pid || status=$?
[ $status -eq 130 ] || fail "two SIGINT: exit status $status"
[ "$(pictures twice)" -eq 1 ] || fail "two SIGINT: not stopped at once"
[ -z "$(find "$scratch/twice" -name '*.part')" ] || fail "a file is left"
echo "two SIGINT: stopped at once, exit status 130"
