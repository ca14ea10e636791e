#!/usr/bin/env bash
# The same pictures, byte for byte, however a job is worked off: alone, resumed,
# by three shards, and by three processes that share a folder of which one is
# killed (-9) and one is stopped. In batches of 3 and 4: as recorded, each again
# the same. None twice, none missing; who waits says for whom.
#
#   tests/fault/together.sh PROGRAM         on the tiny networks of the tests
set -euo pipefail
cd "$(dirname "$0")/../.."
program=$1
networks=tests/fixtures/endtoend/networks
scratch=$(mktemp -d)
pids=()
trap 'kill -9 "${pids[@]}" 2>/dev/null || true; rm -rf "$scratch"' EXIT
export XDG_CACHE_HOME=$scratch/cache OMP_WAIT_POLICY=passive LC_ALL=C
export NIGHTJAR_FAKE_STEP_MS=25

fail()
{
    echo "together.sh: $*" >&2
    tail -n 20 "$scratch"/*.log >&2 || true
    exit 1
}

job()
{
    local out=$scratch/$1

    shift
    exec "$program" generate "a red boat" b "c {1|2}" \
        --unet $networks/unet.pt --unet-config $networks/card.json \
        --clip $networks/clip.safetensors --timestep-respacing 4 --cutn 2 \
        --seeds 1..3 --threads 1 --out "$out" "$@"
}

# same FOLDER WHAT: holds the pictures of the first run and no other file.
same()
{
    local strays

    diff -r -x '*.jsonl' -x .nightjar.lock "$scratch/alone" "$scratch/$1" ||
        fail "$2: not the same"
    strays=$(find "$scratch/$1" -name '*.part')
    [ -z "$strays" ] || fail "$2: $strays is left"
    echo "$2: the same bytes"
}

(job alone -q)
[ "$(find "$scratch/alone" -name '*.png' | wc -l)" -eq 12 ] || fail "no job"
(job again -q)
same again "alone, once more"

# at_work N FOLDER [OPTION...]: begins process N; returns when it has made a
# picture and waits in its second one, until let_go N.
at_work()
{
    local n=$1

    shift
    (NIGHTJAR_FAKE_HOLD=$scratch/go.$n; export NIGHTJAR_FAKE_HOLD
     job "$@") >"$scratch/$n.log" 2>&1 & pids[n]=$!
    until [ -e "$scratch/go.$n.${pids[n]}" ]; do
        kill -0 ${pids[n]} 2>/dev/null || fail "process $n was not at work"
        sleep 0.02
    done
}

let_go()
{
    : >"$scratch/go.$1"
}

at_work 0 resumed -q
kill -INT ${pids[0]}
let_go 0
status=0
wait ${pids[0]} || status=$?
[ $status -eq 130 ] || fail "interrupted: exit status $status"
(job resumed -q)
same resumed "interrupted (exit status 130) and resumed"

for i in 1 2 3; do (job shards -q --shard $i/3); done
same shards "three shards"
[ "$(ls "$scratch"/shards/nightjar.*of3.jsonl | wc -l)" -eq 3 ] ||
    fail "three manifests are expected"

for batch in 3 4; do
    (job batch -q --batch-size $batch)
    mv "$scratch/batch" "$scratch/batch.$batch"
    (job batch -q --batch-size $batch --shard 2/2)
    (job batch -q --batch-size $batch)
    diff -r -x '*.jsonl' -x .nightjar.lock "$scratch/batch.$batch" \
        "$scratch/batch" || fail "batches of $batch: not the same"
    rm -r "$scratch/batch"
    echo "batches of $batch, whole and by a shard first: the same bytes"
done

# Three processes; the first is stopped and the second killed while at work.
at_work 1 shared
kill -STOP ${pids[1]}
at_work 2 shared
kill -KILL ${pids[2]}
(job shared) >"$scratch/3.log" 2>&1 & pids[3]=$!
until grep -q "process ${pids[1]} (stopped) has" "$scratch/3.log"; do
    kill -0 ${pids[3]} 2>/dev/null || fail "the third did not wait"
    sleep 0.1
done
echo "the third says: $(grep waiting "$scratch/3.log" | tail -1)"
missing=$(diff <(ls "$scratch/alone") <(ls "$scratch/shared") |
    grep -c '^<' || true)
[ "$missing" -le 1 ] || fail "$missing pictures are missing, not one"
if [ "${2:-}" = kill ]; then
    kill -9 ${pids[1]}
else
    let_go 1
    kill -CONT ${pids[1]}
    wait ${pids[1]} || fail "the stopped one ended with $?"
fi
wait ${pids[3]} || fail "the third ended with $?"
same shared "three processes, one killed, one stopped and ${2:-continued}"
twice=$(grep -h '"event":"made"' "$scratch/shared/nightjar.jsonl" |
    sed -E 's/.*"file":"([^"]*)".*/\1/' | sort | uniq -d)
[ -z "$twice" ] || fail "made twice: $twice"
echo "none twice, none missing"
