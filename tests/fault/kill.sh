#!/usr/bin/env bash
# Kills a job again and again (kill -9 at a random moment) and runs the same
# command once more, until it is done; then the next job, until N kills were
# made. After every kill: each picture in the folder is byte for byte that of an
# undisturbed run, and each that the manifest calls made is there. After every
# finished job: all pictures are there and no other file.
#
#   tests/fault/kill.sh N PROGRAM [SEED]     on the tiny networks of the tests
set -euo pipefail
cd "$(dirname "$0")/../.."
kills=$1
program=$2
RANDOM=${3:-1}
networks=tests/fixtures/endtoend/networks
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export XDG_CACHE_HOME=$scratch/cache OMP_WAIT_POLICY=passive

fail()
{
    echo "kill.sh: $*" >&2
    ls -la "$out" >&2 || true
    exit 1
}

# job FOLDER: six pictures of three prompts, two at a time.
job()
{
    exec "$program" generate "a red boat" "b" "{sun|moon} over c" \
        --unet $networks/unet.pt --unet-config $networks/card.json \
        --clip $networks/clip.safetensors --timestep-respacing 3 --cutn 2 \
        --seeds 1,2 --batch-size 2 --threads 1 --out "$1" --quiet
}

pictures()
{
    find "$1" -name '*.png' -printf '%f\n' | sort
}

# What is there is right, and what was called made is there.
check_pictures()
{
    [ -d "$out" ] || return 0
    pictures "$out" | while read -r name; do
        cmp -s "$out/$name" "$reference/$name" || fail "'$name' is wrong"
    done
    [ -e "$out/nightjar.jsonl" ] || return 0
    { grep -a '"event":"made"' "$out/nightjar.jsonl" || true; } |
        sed -nE 's/.*"file":"([^"]*)".*"crc".*/\1/p' |
        while read -r name; do
            [ -e "$out/$name" ] || fail "'$name' was made and is lost"
        done
}

check_done()
{
    local strays

    diff <(pictures "$reference") <(pictures "$out") >/dev/null ||
        fail "pictures are missing"
    strays=$(find "$out" -mindepth 1 ! -name '*.png' ! -name nightjar.jsonl \
        ! -name .nightjar.lock)
    [ -z "$strays" ] || fail "stray files: $strays"
}

milliseconds()
{
    date +%s%3N
}

# Seconds from 0 to a little more than the length of a whole run.
moment()
{
    local ms=$((RANDOM * whole * 6 / 5 / 32768))

    printf '%d.%03d' $((ms / 1000)) $((ms % 1000))
}

out=$scratch/reference
reference=$out
(job "$reference")   # the first run reads everything from the disk
rm -rf "$reference"
began=$(milliseconds)
(job "$reference")
whole=$(($(milliseconds) - began))
killed=0
done_jobs=0
while [ "$killed" -lt "$kills" ]; do
    out=$scratch/night.$done_jobs
    while :; do
        (job "$out") 2>/dev/null &
        pid=$!
        sleep "$(moment)"
        kill -9 $pid 2>/dev/null || true
        status=0
        wait $pid 2>/dev/null || status=$?
        if [ $status -eq 137 ]; then
            killed=$((killed + 1))
        elif [ $status -ne 0 ]; then
            fail "exit status $status"
        fi
        check_pictures
        [ $status -ne 0 ] || break
        [ "$killed" -lt "$kills" ] || { (job "$out"); break; }
    done
    check_pictures
    check_done
    rm -rf "$out"
    done_jobs=$((done_jobs + 1))
    echo "$killed kills, $done_jobs jobs done"
done
echo "$killed kills over $done_jobs jobs of $(pictures "$reference" | wc -l)" \
    "pictures: 0 lost, 0 corrupt, 0 stray files, all bytes as undisturbed"
