#!/usr/bin/env bash
# What a job costs outside of the networks, and whether its memory stays flat.
#
# Runs a job of N pictures with the demo model and reads from the manifest's
# `end` line how long the run took and how much of that was spent in the engine
# without its callbacks; the rest is planning, hashing, loading, encoding,
# records, syncing, claims and the manifest. Resident memory is read when the
# 20th picture and when the last one is made.
#
#   tests/fault/overhead.sh PROGRAM [N [STEPS [OPTION...]]]
#
# 200 pictures of the card's steps, unless said otherwise. With fewer steps the
# share is larger: what a picture costs outside does not depend on its steps.
set -euo pipefail
cd "$(dirname "$0")/../.."
program=$1
pictures=${2:-200}
steps=${3:-}
shift $(($# < 3 ? $# : 3))
scratch=$(mktemp -d)
pid=
trap 'kill $pid 2>/dev/null || true; rm -rf "$scratch"' EXIT
out=$scratch/out
export XDG_CACHE_HOME=$scratch/cache OMP_WAIT_POLICY=passive

made()
{
    local n

    n=$(grep -c '"event":"made"' "$out/nightjar.jsonl" 2>/dev/null) || true
    printf '%d' "${n:-0}"
}

memory()
{
    sed -nE 's/^VmRSS:[^0-9]*([0-9]+) kB/\1/p' "/proc/$pid/status"
}

"$program" generate "a lighthouse at night" "a red boat" --quiet --out "$out" \
    --unet models/demo/unet.safetensors --unet-config models/demo/card.json \
    --clip models/demo/clip.safetensors --seeds "1..$((pictures / 2))" \
    ${steps:+--timestep-respacing "$steps"} "$@" &
pid=$!
at_20=
at_end=
while kill -0 $pid 2>/dev/null; do
    now=$(memory || true)
    [ -n "$at_20" ] || [ "$(made)" -lt 20 ] || at_20=$now
    at_end=${now:-$at_end}
    sleep 0.5
done
wait $pid
end=$(grep '"event":"end"' "$out/nightjar.jsonl" | tail -1)
number()
{
    sed -E "s/.*\"$1\":([0-9.e+-]+).*/\1/" <<<"$end"
}
awk -v all="$(number seconds)" -v net="$(number network_seconds)" \
    -v made="$(number made)" -v a="$at_20" -v b="$at_end" 'BEGIN {
    printf "%d pictures in %.1f s, %.1f s of them in the engine\n", made, all, net
    printf "outside of it: %.2f s, %.1f ms a picture, %.2f %% of the run\n",
        all - net, 1000 * (all - net) / made, 100 * (all - net) / all
    printf "resident memory: %.1f MB at picture 20, %.1f MB at the end\n",
        a / 1024, b / 1024
}'
