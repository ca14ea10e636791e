#!/usr/bin/env bash
# Rules about the source tree that no compiler checks: includes point down,
# only the command line prints or exits, only torch/ and cuda/ hold C++, sizes
# of files and functions, formatting, and that tests/mutations.txt fits it.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$nj_root"
failures=0

fail()
{
    say "check_tree: $*"
    failures=$((failures + 1))
}

# What a layer may include, besides itself.
declare -A below=(
    [base]=""
    [image]="base"
    [weights]="base"
    [text]="base"
    [diffusion]="base"
    [torch]="base cuda"
    [cuda]="base torch"
    [model]="base weights text torch"
    [engine]="base weights text diffusion image torch model cuda"
    [job]="base weights text diffusion image engine"
    [run]="base weights text diffusion image engine job"
    [album]="base weights text diffusion image engine job run"
    [cli]="base weights text diffusion image engine job run album"
)

check_includes()
{
    local layer file included

    for layer in "${!below[@]}"; do
        for file in src/"$layer"/*.[ch]* src/"$layer"/*/*.[ch]*; do
            [ -e "$file" ] || continue
            while read -r included; do
                case " $layer ${below[$layer]} " in
                *" ${included%%/*} "*) ;;
                *) fail "$file includes $included: not below $layer" ;;
                esac
            done < <(sed -nE 's/^#include "([a-z]+\/[^"]+)".*/\1/p' "$file")
        done
    done
}

# Layers without tensors, and engine.h, must not see th.h.
check_tensor_free()
{
    local file

    for file in src/{base,image,weights,text,diffusion,job,run,album,cli}/*.[ch] \
        src/engine/engine.h; do
        [ -e "$file" ] || continue
        grep -q '"torch/' "$file" && fail "$file includes the tensor interface"
        case $file in
        src/job/* | src/run/* | src/album/* | src/cli/*)
            grep -E '#include "engine/' "$file" | grep -qv engine/engine.h &&
                fail "$file includes more of the engine than engine.h"
            ;;
        esac
    done
    return 0
}

check_printing()
{
    local hits

    hits=$(grep -nE '\b(printf|puts|putchar|perror|exit|abort)\(|\b(stdout|stderr)\b' \
        src/{base,image,weights,text,diffusion,torch,cuda,model,engine,job,run,album}/* \
        src/engine/module/* 2>/dev/null |
        grep -vE '^\S+:[0-9]+:\s*(/?\*|//)' || true)
    [ -z "$hits" ] || fail "only src/cli and src/main.c print or exit: $hits"
}

check_languages()
{
    local stray

    stray=$(git ls-files 'src/*.cpp' 'src/*.hpp' 'src/*.cu' 'src/*.cuh' |
        grep -vE '^src/(torch|cuda)/' || true)
    [ -z "$stray" ] || fail "C++ or CUDA outside torch/ and cuda/: $stray"
}

check_sizes()
{
    local file

    while read -r file; do
        [ "$(wc -l <"$file")" -le 500 ] || case $file in
            *table*) ;;
            *) fail "$file has $(wc -l <"$file") lines, at most 500 expected" ;;
        esac
    done < <(git ls-files 'src/*.[ch]' 'src/*.cpp' 'src/*.hpp' 'src/*.cu' 'src/*.cuh' \
        'include/*.h' 'tests/*.[ch]')
    python3 scripts/check_functions.py || failures=$((failures + 1))
}

check_format()
{
    local formatter hits

    formatter=$(command -v clang-format-14 || command -v clang-format || true)
    if [ -z "$formatter" ] || ! "$formatter" --version | grep -q 'version 14'; then
        say "check_tree: clang-format 14 is not here: formatting not checked"
        return
    fi
    hits=$(git ls-files 'src/*.[ch]' 'tests/*.[ch]' 'include/*.h' |
        xargs "$formatter" --dry-run --Werror 2>&1 |
        sed -nE 's/^([^:]+):[0-9]+:.*error.*/\1/p' | sort -u || true)
    [ -z "$hits" ] || fail "not formatted (clang-format -i): $hits"
}

check_unfinished()
{
    local hits

    hits=$(git grep -nIE '\bTODO\b|\bFIXME\b|\bXXX\b|not implemented|for now' -- src \
        include scripts tests ':!scripts/check_tree.sh' || true)
    [ -z "$hits" ] || fail "unfinished: $hits"
}

# A deliberate mistake that no longer fits the source tests nothing.
check_mistakes()
{
    local file expression what

    while IFS=$'\t' read -r file expression what _; do
        case $file in '' | \#*) continue ;; esac
        if [ ! -e "$file" ] || sed -E "$expression" "$file" | cmp -s - "$file"; then
            fail "tests/mutations.txt: no place in $file for: $what"
        fi
    done <tests/mutations.txt
}

check_includes
check_tensor_free
check_printing
check_languages
check_sizes
check_format
check_unfinished
check_mistakes
[ "$failures" = 0 ] || die "$failures rules broken"
say "check_tree: all rules hold"
