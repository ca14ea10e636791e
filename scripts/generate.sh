#!/usr/bin/env bash
# Writes what is made from the program's tables of commands and options:
# docs/nightjar.1 and scripts/completions/. Run it after an option or a command
# was added or changed, and commit what it wrote.
#
#   scripts/generate.sh [PROGRAM]           PROGRAM: build/release/nightjar
#   scripts/generate.sh --check [PROGRAM]   fail when what is there differs
set -euo pipefail
. "$(dirname "$0")/common.sh"

check=
[ "${1:-}" = --check ] && { check=1; shift; }
program=${1:-$nj_root/build/release/nightjar}
[ -x "$program" ] || die "'$program' is missing: run scripts/build.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
differing=()

# page FORMAT FILE
page()
{
    "$program" help --format "$1" >"$scratch/page"
    cmp -s "$scratch/page" "$nj_root/$2" && return 0
    if [ -n "$check" ]; then
        differing+=("$2")
        diff -u "$nj_root/$2" "$scratch/page" | head -40 || true
    else
        mkdir -p "$nj_root/${2%/*}"
        cp "$scratch/page" "$nj_root/$2"
        say "wrote $2"
    fi
}

page man docs/nightjar.1
page bash scripts/completions/nightjar.bash
page zsh scripts/completions/_nightjar
page fish scripts/completions/nightjar.fish
[ ${#differing[@]} = 0 ] ||
    die "not what the tables say: ${differing[*]}; run scripts/generate.sh and commit"
