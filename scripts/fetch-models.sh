#!/usr/bin/env bash
# Downloads weight files by the names of their cards (models/README.md).
#
#   scripts/fetch-models.sh NAME...    fetch; NAME is a card's or a file's name
#   scripts/fetch-models.sh --list     names of all cards, with sizes
#   --dir DIR                          where to (default: $NIGHTJAR_MODELS,
#                                      else the checkout's models/)
#
# A file arrives as FILE.part and is renamed when its size and sum are right;
# an interrupted download goes on where it stopped; addresses are tried in
# turn. A file without a published sum is trusted the first time and recorded
# in FILE.sha256. Exit status: 0 all are here, 1 some are not, 2 wrong usage.
# NJ_FETCH_STALL: seconds without progress after which an address is given up.
set -euo pipefail
. "$(dirname "$0")/common.sh"

stall=${NJ_FETCH_STALL:-60}
attempts_most=50    # of one address, each with some progress
weak_most=3         # of them with less progress than weak_bytes
weak_bytes=65536
unknown_most=$((16 << 30)) # bytes of a file whose size no card says

# One line a file for every given name: card, file, bytes or "-", sum or "-",
# addresses; fields are separated by tabs. Without a name: all cards.
read_cards()
{
    python3 - "$dir" "$nj_root/models" "$@" <<'PYTHON'
import glob, json, os, sys

KINDS = ("unet", "clip", "upscaler", "lpips", "secondary", "vocabulary")
folders, wanted = sys.argv[1:3], sys.argv[3:]
cards = {}
for folder in folders:
    for path in sorted(glob.glob(folder + "/*.json") +
                       glob.glob(folder + "/*/card.json")):
        try:
            card = json.load(open(path, encoding="utf-8"))
        except ValueError as error:
            sys.exit(f"{path}: {error}")
        if isinstance(card, dict) and isinstance(card.get("name"), str):
            cards.setdefault(card["name"], card)
files = []
for name, card in cards.items():
    for kind in KINDS:
        entry = card.get(kind)
        if isinstance(entry, dict) and entry.get("urls"):
            file = entry["file"]
            if "/" in file or file.startswith("."):
                sys.exit(f"card {name}: bad file name")
            files.append((name, file, entry))
for name in wanted:
    if not any(name in (n, f, os.path.splitext(f)[0]) for n, f, _ in files):
        print(f"no card '{name}' with an address", file=sys.stderr)
        sys.exit(2)
for name, file, entry in files:
    if not wanted or any(w in (name, file, os.path.splitext(file)[0])
                         for w in wanted):
        print("\t".join([name, file, str(entry.get("bytes") or "-"),
                         entry.get("sha256") or "-"] + entry["urls"]))
PYTHON
}

size_of()
{
    stat -c %s "$1" 2>/dev/null || echo 0
}

sum_of()
{
    sha256sum "$1" | cut -d' ' -f1
}

# Recorded on an earlier download; "-" when there is none.
recorded_sum()
{
    if [ -s "$1.sha256" ]; then
        cut -d' ' -f1 "$1.sha256"
    else
        echo -
    fi
}

# Whether a whole file is what its card, or the record, says; prints why not.
check_file()
{
    local file=$1 path=$2 found=

    if [ "$bytes" != - ] && [ "$(size_of "$path")" != "$bytes" ]; then
        say "$file has $(size_of "$path") bytes, $bytes expected"
        return 1
    fi
    if [ "$(size_of "$path")" = 0 ] ||
        [ "$(head -c 1 "$path" | tr -d '\0')" = '<' ]; then
        say "$file is no weight file (an error page?)"
        return 1
    fi
    [ "$sum" = - ] && return 0
    found=$(sum_of "$path")
    [ "$found" = "$sum" ] && return 0
    say "$file has the sum $found, $sum expected"
    return 1
}

# Room for what is still missing, and a little more.
check_space()
{
    local part=$1 free need

    [ "$bytes" = - ] && return 0
    need=$(((bytes - $(size_of "$part")) / 1024 + 1024))
    free=$(df -Pk "$dir" | awk 'NR == 2 { print $4 }')
    [ "$need" -le "$free" ] && return 0
    say "no room in $dir: $((need / 1024)) MB needed, $((free / 1024)) MB free"
    return 1
}

# One request; what is there already is not asked for again. A redirection
# must not leave the web, nor leave encryption. Prints the HTTP status.
request()
{
    local url=$1 part=$2 most=$unknown_most schemes='=http,https'

    case $url in https:*) schemes='=https' ;; esac
    [ "$bytes" = - ] || most=$bytes
    (
        # Whatever the server sends, the file stays within its size.
        ulimit -f $((most / 1024 + 1))
        exec curl --fail --silent --show-error --location --max-redirs 8 \
            --proto '=http,https' --proto-redir "$schemes" \
            --connect-timeout 20 --speed-limit 1 --speed-time "$stall" \
            --continue-at - --write-out '%{http_code}' --output "$part" "$url"
    )
}

# Goes on with one address while every attempt brings something.
download_from()
{
    local url=$1 part=$2 before gain code status attempt weak=0

    for ((attempt = 0; attempt < attempts_most; attempt++)); do
        before=$(size_of "$part")
        [ "$bytes" != - ] && [ "$before" -ge "$bytes" ] && return 0
        status=0
        code=$(request "$url" "$part") || status=$?
        if [ "$status" = 0 ] &&
            { [ "$bytes" = - ] || [ "$(size_of "$part")" -ge "$bytes" ]; }; then
            return 0
        elif [ "$before" -gt 0 ] &&
            { [ "$status" = 33 ] || [ "$status" = 36 ] || [ "$code" = 416 ]; }
        then
            say "cannot go on at byte $before, from the beginning"
            rm -f "$part"
            continue
        fi
        gain=$(($(size_of "$part") - before))
        [ "$gain" -ge "$weak_bytes" ] || weak=$((weak + 1))
        if [ "$gain" -le 0 ] || [ "$weak" -ge "$weak_most" ]; then
            return 1
        fi
    done
    return 1
}

# One address, and a second time from the beginning if what came together
# from two downloads is wrong.
try_address()
{
    local file=$1 url=$2 part=$3 had

    had=$(size_of "$part")
    download_from "$url" "$part" || return 1
    check_file "$file" "$part" && return 0
    rm -f "$part"
    [ "$had" = 0 ] && return 1
    download_from "$url" "$part" && check_file "$file" "$part" && return 0
    rm -f "$part"
    return 1
}

record_sum()
{
    local path=$1 part=$2

    printf '%s  %s\n' "$(sum_of "$part")" "${path##*/}" >"$path.sha256.part" &&
        mv -f "$path.sha256.part" "$path.sha256"
}

# Runs under the file's lock: a second copy of this script waits and then
# finds the file.
fetch_locked()
{
    local file=$1 path="$dir/$1" part="$dir/$1.part" published=$sum url
    shift

    [ "$sum" = - ] && sum=$(recorded_sum "$path")
    if [ -e "$path" ]; then
        check_file "$file" "$path" && say "$file is here" && return 0
        say "remove $path to fetch it again"
        return 1
    fi
    check_space "$part" || return 1
    for url in "$@"; do
        say "$file from $url"
        try_address "$file" "$url" "$part" || continue
        if [ "$published" = - ] && [ "$sum" = - ]; then
            record_sum "$path" "$part" || return 1
        fi
        { sync "$part" && mv "$part" "$path"; } || return 1
        say "$file is here ($(size_of "$path") bytes)"
        return 0
    done
    say "$file: no address gave it"
    return 1
}

fetch()
{
    local file=$2 bytes=$3 sum=$4 lock
    shift 4

    exec {lock}>"$dir/.$file.lock"
    flock "$lock"
    fetch_locked "$file" "$@"
}

list()
{
    local name file bytes rest

    read_cards | while IFS=$'\t' read -r name file bytes rest; do
        [ "$bytes" = - ] && bytes='?'
        printf '%14s  %s\n' "$bytes" "$name"
    done
}

main()
{
    local dir names=() plan line fields failures=0

    dir=$(models_dir)
    while [ $# -gt 0 ]; do
        case $1 in
        --dir) dir=${2:?--dir needs a folder}; shift ;;
        --list) list; exit ;;
        -*) say "unknown option $1; see the head of $0" >&2; exit 2 ;;
        *) names+=("$1") ;;
        esac
        shift
    done
    [ ${#names[@]} -gt 0 ] || { say "usage: $0 [--dir DIR] NAME..." >&2; exit 2; }
    mkdir -p "$dir"
    plan=$(read_cards "${names[@]}") || exit $?
    while IFS= read -r line; do
        IFS=$'\t' read -r -a fields <<<"$line"
        (fetch "${fields[@]}") || failures=$((failures + 1))
    done <<<"$plan"
    [ "$failures" = 0 ]
}

main "$@"
