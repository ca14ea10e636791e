#!/usr/bin/env bash
# The same seed gives the same file: alone, among other seeds at the same
# batch size, with one thread and with two, and once more.
#
#   tests/cli/same_bytes.sh NIGHTJAR [OPTION...]
#
# OPTION: of `generate`, such as --unet; without any the program's own defaults
# (the demo model where no other is). One line a comparison; exit status 1 when
# a file differs.
set -euo pipefail

[ $# -ge 1 ] || { echo "usage: ${0##*/} NIGHTJAR [OPTION...]" >&2; exit 2; }
nightjar=$1
shift
options=(--batch-size 4 --device cpu --quiet "$@")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prompt="a red boat on the sea"
failures=0

# make NAME SEEDS THREADS: pictures into the folder NAME.
make()
{
    "$nightjar" generate "${options[@]}" --seeds "$2" --threads "$3" \
        --out "$work/$1" -- "$prompt"
}

# picture NAME SEED: the file of that seed in a folder.
picture()
{
    local files=("$work/$1"/*_seed--"$2".png)

    [ ${#files[@]} = 1 ] && [ -e "${files[0]}" ] && echo "${files[0]}"
}

same()
{
    local seed=$1 name=$2 what=$3 want found

    want=$(picture all "$seed") && found=$(picture "$name" "$seed") &&
        cmp -s "$want" "$found" && [ "${want##*/}" = "${found##*/}" ] &&
        { echo "same    seed $seed $what"; return; }
    echo "DIFFERS seed $seed $what"
    failures=$((failures + 1))
}

make all 11,12,13,14 1
make alone 13 1
make two 11,12,13,14 2
make again 11,12,13,14 1
make alone_two 12 2
same 13 alone "alone and in a batch of 4"
for seed in 11 12 13 14; do
    same "$seed" two "with 1 and with 2 threads"
    same "$seed" again "made again"
done
same 12 alone_two "alone with 2 threads and in a batch of 4 with 1"
# Seeds must not all give one picture.
! cmp -s "$(picture all 11)" "$(picture all 12)" ||
    { echo "DIFFERS nothing: seeds 11 and 12 are one file"; failures=1; }
[ "$failures" = 0 ]
