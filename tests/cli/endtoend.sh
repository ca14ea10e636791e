#!/usr/bin/env bash
# Runs the program itself on the cases of a folder and compares its pictures
# with those of the public Python code, within each case's own tolerance.
#
#   tests/cli/endtoend.sh NIGHTJAR DIR...
#
# DIR: a folder of cases of kind `endtoend` (tests/fixtures/endtoend). One PASS
# or FAIL line a case; exit status 1 when one fails or a DIR holds none.
# endtoend_case is looked for in tests/ beside NIGHTJAR; NJ_THREADS: threads
# of the program (1).
set -euo pipefail

[ $# -ge 2 ] || { echo "usage: ${0##*/} NIGHTJAR DIR..." >&2; exit 2; }
nightjar=$1
shift
reader=$(dirname "$nightjar")/tests/endtoend_case
[ -x "$nightjar" ] && [ -x "$reader" ] ||
    { echo "${0##*/}: '$nightjar' or '$reader' is not there" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

run_case()
{
    local case=$1 out=$work/out arguments

    rm -rf "$out"
    "$reader" arguments "$case" >"$work/arguments" || return 1
    mapfile -d '' arguments <"$work/arguments"
    # A prompt may be anything: -- keeps it from being an option.
    "$nightjar" generate "${arguments[@]:1}" --out "$out" --quiet \
        --device cpu --threads "${NJ_THREADS:-1}" -- "${arguments[0]}" || return 1
    "$reader" compare "$case" "$out"
}

try_case()
{
    local case=$1

    if run_case "$case" >"$work/log" 2>&1; then
        echo "PASS $case"
    else
        echo "FAIL $case"
        failures=$((failures + 1))
    fi
    sed 's/^/    /' "$work/log"
}

for folder in "$@"; do
    cases=0
    for file in "${folder%/}"/*/case.json; do
        [ -e "$file" ] || continue
        cases=$((cases + 1))
        try_case "${file%/case.json}"
    done
    [ "$cases" -gt 0 ] && continue
    echo "FAIL $folder: no case in this folder"
    failures=$((failures + 1))
done
[ "$failures" = 0 ]
