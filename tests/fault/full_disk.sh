#!/usr/bin/env bash
# A file system that is really full in the middle of a job, one that may be
# written to no more, and --min-free-disk: the run ends with a clear line, whole
# pictures stay, nothing half-written does, and the same command goes on when
# there is room again. Needs a file system of its own: skipped (77) where none
# can be mounted.
#
#   tests/fault/full_disk.sh PROGRAM        on the tiny networks of the tests
set -euo pipefail
cd "$(dirname "$0")/../.."
program=$1
networks=tests/fixtures/endtoend/networks
scratch=$(mktemp -d)
disk=$scratch/disk
mkdir "$disk"
trap 'umount "$disk" 2>/dev/null || true; rm -rf "$scratch"' EXIT
export XDG_CACHE_HOME=$scratch/cache OMP_WAIT_POLICY=passive LC_ALL=C

mount -t tmpfs -o size=256k none "$disk" 2>/dev/null ||
    { echo "full_disk.sh: no file system can be mounted here"; exit 77; }

fail()
{
    echo "full_disk.sh: $*" >&2
    ls -la "$disk/out" >&2 || true
    cat "$scratch/said" >&2 || true
    exit 1
}

# job FOLDER [OPTION...]: writes to $scratch/said, sets $status.
job()
{
    local out=$1

    shift
    status=0
    "$program" generate a b c d --unet $networks/unet.pt \
        --unet-config $networks/card.json --clip $networks/clip.safetensors \
        --timestep-respacing 2 --cutn 2 --seeds 1..4 --threads 1 --quiet \
        --out "$out" "$@" 2>"$scratch/said" || status=$?
}

count()
{
    find "$1" -name '*.png' | wc -l
}

# What is there is right and whole.
check()
{
    local file

    for file in "$disk"/out/*.png; do
        [ ! -e "$file" ] || cmp -s "$file" "$scratch/whole/${file##*/}" ||
            fail "'$file' is wrong"
    done
    [ -z "$(find "$disk" -name '*.part')" ] || fail "a temporary file is left"
}

says()
{
    grep -q "$1" "$scratch/said" || fail "'$1' is not said"
    [ "$(wc -l <"$scratch/said")" -eq 1 ] || fail "more than one line"
}

job "$scratch/whole"
[ $status -eq 0 ] && [ "$(count "$scratch/whole")" -eq 16 ] || fail "no job"

# Room for some of the pictures.
head -c 200k /dev/zero >"$disk/other"
job "$disk/out"
made=$(count "$disk/out")
[ $status -eq 3 ] || fail "a full disk: exit status $status"
[ "$made" -gt 0 ] && [ "$made" -lt 16 ] || fail "$made pictures"
says "No space left on device"
check
echo "full disk: $made of 16 pictures, exit status 3, $(cat "$scratch/said")"

# 1: not even the manifest's first line found room.
job "$disk/out"
[ $status -eq 3 ] || [ $status -eq 1 ] || fail "still full: exit status $status"
says "No space left on device"
check

# Not a byte is free: that is a figure too.
cat /dev/zero >"$disk/more" 2>/dev/null || true
"$program" status "$disk/out" >"$scratch/said"
grep -q "^  disk      0 kB free$" "$scratch/said" || fail "status of a full disk"
"$program" status --json "$disk/out" >"$scratch/said"
grep -q '"free_bytes":0,' "$scratch/said" || fail "the same as JSON"
rm "$disk/more"

# Nothing may be written any more.
mount -o remount,ro "$disk"
job "$disk/out"
[ $status -eq 2 ] || fail "a read-only disk: exit status $status"
says "Read-only file system"
echo "read-only: exit status 2, $(cat "$scratch/said")"
mount -o remount,rw,size=4m "$disk"
rm "$disk/other"

job "$disk/out" --min-free-disk 1G
[ $status -eq 3 ] || fail "--min-free-disk: exit status $status"
says "min-free-disk"
echo "little free: exit status 3, $(cat "$scratch/said")"

job "$disk/out"
[ $status -eq 0 ] && [ "$(count "$disk/out")" -eq 16 ] || fail "not resumed"
check
echo "with room again: all 16 pictures, the same bytes"
