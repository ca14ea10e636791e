#!/usr/bin/env bash
# A test of the tests: each line of tests/mutations.txt is one deliberate
# mistake in the source. It is made in a copy of the tree, which is built and
# tested; the suite must turn red for every one of them.
#
#   tests/mutation.sh [--again] [--seconds N] [PATTERN]
#
# PATTERN: only mistakes whose file and text match it. What an earlier call
# found is kept in build/mutation and not tried again, so that a call that was
# stopped goes on where it was: what turned the suite red until --again forgets
# it, what did not until a file changes. --seconds N begins no mistake after N
# seconds and then ends with status 75.
#
# Not part of CI: 10 to 60 s a mistake on two cores. Lines of mutations.txt:
#   FILE <tab> SED EXPRESSION <tab> what is wrong [<tab> test to try first]
# With a test that sees the mistake, one program is built instead of all.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/scripts/common.sh"
work=${NJ_MUTATION_DIR:-$root/build/mutation}
tree=$work/tree
results=$work/results
alive=$work/alive # what no test noticed, until the tree changes
survivors=0
killed=0
NJ_TORCH_DIR=$(find_torch) || die "libtorch is missing: run scripts/setup.sh"
export NJ_TORCH_DIR

# The tree as it is, committed or not; what is unchanged keeps its time, so
# that a second call builds little.
copy_tree()
{
    local fresh=$work/fresh file

    rm -rf "$fresh"
    mkdir -p "$tree" "$fresh"
    (cd "$root" && git ls-files -z | xargs -0 tar cf - --ignore-failed-read) |
        tar xf - -C "$fresh"
    (cd "$fresh" && find . -type f -print0) | while IFS= read -r -d '' file; do
        cmp -s "$fresh/$file" "$tree/$file" && continue
        mkdir -p "$tree/${file%/*}"
        cp -p "$fresh/$file" "$tree/$file"
        touch "$tree/$file"
    done
    # What the tree has no more must not be built.
    (cd "$tree" && find . -path ./build -prune -o -type f -print0) |
        while IFS= read -r -d '' file; do
            [ -e "$fresh/$file" ] || rm -f "$tree/$file"
        done
    rm -rf "$fresh"
    if [ -e "$root/models/$nj_vocabulary" ]; then
        cp -p "$root/models/$nj_vocabulary" "$tree/models/"
    fi
}

build()
{
    (cd "$tree" && cmake --build --preset release --target "$@") \
        >"$work/build.log" 2>&1
}

tests()
{
    (cd "$tree" && ctest --test-dir build/release --stop-on-failure -j 2 "$@") \
        >"$work/test.log" 2>&1
}

# The test programs of a folder: unit_test_boxes ...
programs_of()
{
    local folder file

    for folder in "$@"; do
        for file in "$tree/tests/$folder"/test_*.c; do
            printf '%s\n' "${folder}_$(basename "$file" .c)"
        done
    done
}

# The numbers of the public code first: most mistakes end there, and that is
# one program to link instead of all; then the tests of the layers that hold
# formulas; what takes long comes last. Tests of faults know no formula.
# Status 2: it does not build.
suite()
{
    local slow='parity/(clip|endtoend|unet)$' near
    mapfile -t near < <(programs_of unit engine)

    build parity || return 2
    tests -L parity -E "$slow" || return 1
    tests -R "$slow" || return 1
    build "${near[@]}" || return 2
    tests -L '^(unit|engine)$' || return 1
    build all || return 2
    tests -LE 'cuda|slow|parity|^unit$|^engine$' -E 'fetch_models|fault/' ||
        return 1
}

# Whether one test, such as unit/test_boxes, is still green.
alone()
{
    local program=${1/\//_}

    case $1 in parity/*) program=parity ;; esac
    build "$program" || return 2
    tests -R "^$1\$" || return 1
}

first_failure()
{
    sed -nE 's/^ *[0-9]+\/[0-9]+ Test +#[0-9]+: ([^ ]+) .*(Failed|Exception|Timeout).*/\1/p' \
        "$work/test.log" | head -n 1
}

# Prints the verdict: "killed by TEST", or what is wrong with the mistake.
verdict_on()
{
    local path=$tree/$1 expression=$2 first=$3 status=0

    cp -p "$path" "$work/original"
    sed -i -E "$expression" "$path"
    if cmp -s "$path" "$work/original"; then
        echo "NOT APPLIED"
    else
        [ -z "$first" ] || alone "$first" || status=$?
        [ "$status" != 0 ] || suite || status=$?
        case $status in
        0) echo "SURVIVED" ;;
        1) echo "killed by $(first_failure)" ;;
        *) echo "NOT BUILT" ;;
        esac
    fi
    cp "$work/original" "$path"
}

try_mistake()
{
    local file=$1 expression=$2 what=$3 first=$4 key verdict

    key=$(printf '%s\t%s' "$file" "$expression" | sha256sum | cut -c 1-16)
    verdict=$(cat "$results" "$alive" | sed -n "s/^$key //p" | tail -n 1)
    if [ -z "$verdict" ]; then
        verdict=$(verdict_on "$file" "$expression" "$first")
        case $verdict in
        killed*) echo "$key $verdict" >>"$results" ;;
        *) echo "$key $verdict" >>"$alive" ;;
        esac
    fi
    say "$verdict  $file: $what"
    case $verdict in
    killed*) killed=$((killed + 1)) ;;
    *) survivors=$((survivors + 1)) ;;
    esac
}

# What the verdicts rest on: every file but the list of mistakes and this.
tree_sum()
{
    (cd "$root" && git ls-files -z ':!tests/mutation*' |
        xargs -0 sha256sum --) | sha256sum
}

# A tree that was green once is not tested again.
check_tree()
{
    local sum

    sum=$(tree_sum)
    [ -e "$work/green" ] && [ "$sum" = "$(cat "$work/green")" ] && return
    : >"$alive"
    cmake -S "$tree" --preset release >"$work/build.log" 2>&1 && build all ||
        { cat "$work/build.log"; die "the tree does not build"; }
    suite ||
        { tail -n 30 "$work/test.log"; die "the suite is red to begin with"; }
    printf '%s\n' "$sum" >"$work/green"
}

seconds=1000000
while [ $# -gt 0 ]; do
    case $1 in
    --again) rm -f "$results" ;;
    --seconds)
        seconds=${2:?}
        shift
        ;;
    *) break ;;
    esac
    shift
done
pattern=${1:-.}
mkdir -p "$work"
touch "$results" "$alive"
copy_tree
check_tree
# The mistakes are read from 9: what runs inside may read its standard input.
while IFS=$'\t' read -r -u 9 file expression what first; do
    case $file in '' | \#*) continue ;; esac
    printf '%s' "$file $what" | grep -q -- "$pattern" || continue
    if [ "$SECONDS" -ge "$seconds" ]; then
        say "stopped after $seconds s: the same call goes on"
        exit 75
    fi
    try_mistake "$file" "$expression" "$what" "$first"
done 9<"$root/tests/mutations.txt"
say ""
say "$killed of $((killed + survivors)) mistakes turn the suite red"
[ "$survivors" = 0 ]
