#!/usr/bin/env bash
# What is made from the tables of commands and options is what is committed,
# and works: help within 80 columns, a manual page without warnings,
# completions that their shells accept and that offer the right words.
#
#   tests/cli/generated.sh PROGRAM
set -euo pipefail
cd "$(dirname "$0")/../.."
program=$1
skipped=()

fail()
{
    echo "generated.sh: $*" >&2
    exit 1
}

need()
{
    command -v "$1" >/dev/null && return 0
    skipped+=("$1")
    return 1
}

scripts/generate.sh --check "$program"

for command in "" $("$program" help | sed -nE 's/^  ([a-z]+).*/\1/p'); do
    long=$("$program" help $command | awk 'length > 80' | head -1)
    [ -z "$long" ] || fail "help $command is wider than 80 columns: $long"
done

# Every option of --help is in the manual page.
sed 's/\\-/-/g' docs/nightjar.1 >"${TMPDIR:-/tmp}/nightjar.$$.1"
trap 'rm -f "${TMPDIR:-/tmp}/nightjar.$$.1"' EXIT
"$program" help generate | sed -nE 's/^ +(-., )?--([a-z-]+).*/\2/p' |
    while read -r option; do
        grep -qE "^\.B (-., )?--$option( |$)" "${TMPDIR:-/tmp}/nightjar.$$.1" ||
            fail "docs/nightjar.1 lacks --$option"
    done

if need man; then
    warnings=$(man --warnings -E UTF-8 -l docs/nightjar.1 2>&1 >/dev/null | head -3)
    [ -z "$warnings" ] || fail "docs/nightjar.1: $warnings"
    MANWIDTH=80 man -l docs/nightjar.1 | grep -q 'EXIT STATUS' ||
        fail "docs/nightjar.1 does not show its sections"
fi

# complete WORD...: what bash offers for the last word.
offered()
{
    bash -c '
        . scripts/completions/nightjar.bash
        COMP_WORDS=("$@")
        COMP_CWORD=$(($# - 1))
        _nightjar
        printf "%s\n" "${COMPREPLY[@]}"' bash "$@"
}

[ "$(offered nightjar gen)" = generate ] || fail "bash: commands"
[ "$(offered nightjar generate --sampl)" = --sampler ] || fail "bash: options"
[ "$(offered nightjar generate --sampler p)" = plms ] || fail "bash: words"
[ "$(offered nightjar generate --out scripts/compl)" = scripts/completions ] ||
    fail "bash: folders"
# Presets are asked of the program as it was typed.
[ "$(offered "$program" generate --preset kc256-)" = kc256-2021-08 ] ||
    fail "bash: presets"
[ "$(offered "$program" presets dan)" = dango ] || fail "bash: presets alone"
[ "$(offered nightjar generate --sweep cutn)" = "cutn=
cutn-batches=" ] || fail "bash: options to sweep"
[ -z "$(offered nightjar generate --sweep thr)" ] ||
    fail "bash: an option that cannot be swept"
[ "$(offered nightjar help rep)" = reproduce ] || fail "bash: help of commands"
[ "$(offered nightjar generate docs/ni)" = docs/nightjar.1 ] || fail "bash: files"
[ -z "$(offered nightjar models --sampl)" ] ||
    fail "bash: an option of another command"

if need zsh; then
    zsh -n scripts/completions/_nightjar || fail "zsh does not take _nightjar"
fi
if need fish; then
    fish -n scripts/completions/nightjar.fish || fail "fish does not take it"
    got=$(fish -c 'source scripts/completions/nightjar.fish
        complete -C "nightjar generate --sampler pl"' | cut -f 1)
    [ "$got" = plms ] || fail "fish offers '$got' for plms"
    got=$(PATH=$(dirname "$program"):$PATH fish -c '
        source scripts/completions/nightjar.fish
        complete -C "nightjar generate --preset dang"
        complete -C "nightjar presets disc"
        complete -C "nightjar generate --sweep cut-po"
        complete -C "nightjar help repr"' | cut -f 1 | tr "\n" " ")
    [ "$got" = "dango disco5 cut-pow= reproduce " ] || fail "fish offers '$got'"
fi
[ ${#skipped[@]} = 0 ] || echo "generated.sh: not here, not tried: ${skipped[*]}"
echo "generated.sh: pages and completions are up to date"
