#!/usr/bin/env bash
# A test of the tests: each line of tests/mutations.txt is one deliberate
# mistake in the source. It is made in a copy of the tree, which is built and
# tested; the suite must turn red for every one of them.
#
#   tests/mutation.sh [PATTERN]     only mistakes whose line matches PATTERN
#
# Not part of CI: about 20 s a mistake on two cores. Lines of mutations.txt:
#   FILE <tab> SED EXPRESSION <tab> what is wrong
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=${NJ_MUTATION_DIR:-$root/build/mutation}
pattern=${1:-.}
survivors=0
killed=0
. "$root/scripts/common.sh"
NJ_TORCH_DIR=$(find_torch)
export NJ_TORCH_DIR

copy_tree()
{
    mkdir -p "$work/tree"
    (cd "$root" && git ls-files -z | xargs -0 tar cf -) |
        tar xf - -C "$work/tree"
    if [ -e "$root/models/$nj_vocabulary" ]; then
        cp -p "$root/models/$nj_vocabulary" "$work/tree/models/"
    fi
}

build()
{
    (cd "$work/tree" && cmake --preset release &&
        cmake --build --preset release) >"$work/build.log" 2>&1
}

suite()
{
    (cd "$work/tree" && ctest --test-dir build/release -LE 'cuda|slow' \
        --stop-on-failure -j 2) >"$work/test.log" 2>&1
}

first_failure()
{
    sed -nE 's/^ *[0-9]+\/[0-9]+ Test +#[0-9]+: ([^ ]+) .*(Failed|Exception|Timeout).*/\1/p' \
        "$work/test.log" | head -n 1
}

try_mistake()
{
    local file=$1 expression=$2 what=$3 path=$work/tree/$1

    cp -p "$path" "$work/original"
    sed -i -E "$expression" "$path"
    if cmp -s "$path" "$work/original"; then
        say "NOT APPLIED  $file: $what"
        survivors=$((survivors + 1))
    elif ! build; then
        say "NOT BUILT    $file: $what"
        survivors=$((survivors + 1))
    elif suite; then
        say "SURVIVED     $file: $what"
        survivors=$((survivors + 1))
    else
        say "killed by $(first_failure)  $file: $what"
        killed=$((killed + 1))
    fi
    cp "$work/original" "$path"
}

copy_tree
build || { cat "$work/build.log"; die "the tree does not build"; }
suite || { tail -n 30 "$work/test.log"; die "the suite is red to begin with"; }
while IFS=$'\t' read -r file expression what; do
    case $file in '' | \#*) continue ;; esac
    printf '%s' "$file $what" | grep -q -- "$pattern" || continue
    try_mistake "$file" "$expression" "$what"
done <"$root/tests/mutations.txt"
say ""
say "$killed passed, $survivors failed"
[ "$survivors" = 0 ]
