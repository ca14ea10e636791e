#!/usr/bin/env bash
# scripts/fetch-models.sh against a server that cuts, lies, stalls and
# redirects. One line a case; exit status 1 when one fails.
# shellcheck disable=SC2016 # conditions are evaluated by verdict
set -uo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
failures=0
# So that a busy machine's pauses are no stalls; `impatient` where they matter.
export NJ_FETCH_STALL=30

cleanup()
{
    exec 7>&- # the server ends with its standard input
    wait
    rm -rf "$work"
}
trap cleanup EXIT

start_server()
{
    # The same bytes each time, so that a failure comes again.
    python3 -c 'import random, sys
sys.stdout.buffer.write(b"P" + random.Random(1).randbytes(299999))' \
        >"$work/data"
    mkfifo "$work/life"
    python3 "$root/tests/cli/fetch_server.py" "$work/data" "$work/port" \
        "$work/log" <"$work/life" &
    exec 7>"$work/life"
    server=$!
    until [ -e "$work/port" ]; do
        kill -0 $server || exit 1
        sleep 0.1
    done
    port=$(cat "$work/port")
    sum=$(sha256sum "$work/data" | cut -d' ' -f1)
}

# A fresh models folder with one card: size, sum, faults tried in turn.
card()
{
    local bytes=$1 hash=$2 urls="" fault
    shift 2

    dir="$work/models"
    rm -rf "$dir"
    mkdir "$dir"
    : >"$work/log"
    for fault in "$@"; do
        urls="$urls${urls:+, }\"http://127.0.0.1:$port/$fault/$RANDOM$RANDOM\""
    done
    [ "$hash" = null ] || hash="\"$hash\""
    printf '{"name": "m", "clip": {"file": "m.pt", "bytes": %s, "sha256": %s, "urls": [%s]}}\n' \
        "$bytes" "$hash" "$urls" >"$dir/m.json"
}

fetch() # [NAME]
{
    timeout 60 "$root/scripts/fetch-models.sh" --dir "$dir" "${1:-m}" \
        >"$work/out" 2>&1
}

# More than the pauses of a busy machine: what comes after must not be given up.
impatient()
{
    NJ_FETCH_STALL=10 "$@"
}

arrived()
{
    cmp -s "$work/data" "$dir/m.pt" && [ ! -e "$dir/m.pt.part" ]
}

absent()
{
    [ ! -e "$dir/m.pt" ]
}

requests()
{
    wc -l <"$work/log"
}

# verdict NAME CONDITION...: the condition is a command.
verdict()
{
    local name=$1
    shift

    if "$@"; then
        echo "PASS $name"
    else
        echo "FAIL $name"
        sed 's/^/    /' "$work/out"
        failures=$((failures + 1))
    fi
}

# The download must succeed / fail; the file must be whole / not there.
succeeds()
{
    fetch && arrived
}

fails()
{
    fetch
    [ $? = 1 ] && absent
}

# The download is ended by a signal when a part has arrived.
killed()
{
    # timeout hands the signal on to all that it started.
    timeout 60 "$root/scripts/fetch-models.sh" --dir "$dir" m \
        >"$work/out" 2>&1 &
    until [ -s "$dir/m.pt.part" ]; do
        kill -0 $! 2>/dev/null || return 1
        sleep 0.1
    done
    kill $!
    wait $!
    [ $? = 143 ] && absent
}

says()
{
    grep -q "$1" "$work/out"
}

plain_cases()
{
    card 300000 "$sum" good
    verdict "a good address" succeeds
    verdict "a file that is here is not fetched again" \
        eval 'fetch && arrived && [ "$(requests)" = 1 ]'
    card null null good
    verdict "neither size nor sum known" succeeds
    verdict "its sum is recorded" grep -q "^$sum  m.pt" "$dir/m.pt.sha256"
    card 300000 "$sum" missing broken good
    verdict "404 and 500, then a mirror" succeeds
    card 300000 "$sum" redirect
    verdict "a redirection" succeeds
    card 300000 "$sum" slow
    verdict "slow, but never silent" succeeds
    verdict "an unknown name is a usage error" \
        eval 'fetch nobody; [ $? = 2 ] && says "no card .nobody."'
}

broken_cases()
{
    card 300000 "$sum" cut
    verdict "connections cut every 64 KiB are resumed" \
        eval 'succeeds && [ "$(requests)" = 5 ] && grep -q "bytes=65536-" "$work/log"'
    card 300000 "$sum" stuck good
    verdict "an address that sends nothing is left" succeeds
    card 300000 "$sum" stall good
    verdict "an address that falls silent is left" impatient succeeds
    card 300000 "$sum" norange
    verdict "a server without ranges, cut once" succeeds
    card 300000 "$sum" wrong good
    verdict "wrong bytes, then a mirror" succeeds
    card 300000 "$sum" wrong
    verdict "wrong bytes everywhere" eval 'fails && [ ! -e "$dir/m.pt.part" ]'
    card 300000 "$sum" short good
    verdict "a smaller file, then a mirror" succeeds
    card 300000 "$sum" endless good
    verdict "an endless answer, then a mirror" succeeds
    card null null html
    verdict "an error page in place of the file" eval 'fails && says "error page"'
    card 300000 "$sum" loop good
    verdict "a circle of redirections, then a mirror" succeeds
    card 300000 "$sum" toserver
    verdict "a redirection to a local file" fails
    card 300000 "$sum" missing
    verdict "no address has it" fails
}

resume_cases()
{
    card 300000 "$sum" good
    head -c 123456 "$work/data" >"$dir/m.pt.part"
    verdict "an earlier part is gone on with" \
        eval 'succeeds && grep -q "good bytes=123456-" "$work/log"'
    card 300000 "$sum" good
    head -c 123456 /dev/zero >"$dir/m.pt.part"
    verdict "an earlier part of another file is thrown away" succeeds
    card null "$sum" good
    cp "$work/data" "$dir/m.pt.part"
    verdict "a part that is already whole" succeeds
    card 300000 "$sum" good
    (head -c 400000 /dev/zero) >"$dir/m.pt.part"
    verdict "a part that is too long" succeeds
    card 300000 "$sum" half
    verdict "killed in the middle, nothing has the final name" killed
    verdict "and the next run goes on" \
        eval 'succeeds && grep -q "half bytes=[1-9]" "$work/log"'
}

safety_cases()
{
    card 300000 "$sum" good
    echo other >"$dir/m.pt"
    verdict "a wrong file that is here is kept and named" \
        eval 'fetch; [ $? = 1 ] && [ "$(cat "$dir/m.pt")" = other ] && says "remove"'
    card 900000000000000000 "$sum" good
    verdict "no room: nothing is asked for" \
        eval 'fails && says "no room" && [ "$(requests)" = 0 ]'
    card null null changed
    verdict "trusted on first use" eval 'succeeds && rm "$dir/m.pt"'
    verdict "and refused when it comes changed" \
        eval 'fails && grep -q "^$sum" "$dir/m.pt.sha256"'
    card 300000 "$sum" good
    sed -i 's/"m.pt"/"..\/m.pt"/' "$dir/m.json"
    verdict "a file name that leads elsewhere" \
        eval '! fetch && [ ! -e "$work/m.pt" ]'
}

two_at_once()
{
    local one two

    card 300000 "$sum" slow
    "$root/scripts/fetch-models.sh" --dir "$dir" m >"$work/out.1" 2>&1 &
    one=$!
    "$root/scripts/fetch-models.sh" --dir "$dir" m >"$work/out" 2>&1 &
    two=$!
    wait $one && wait $two && arrived && [ "$(requests)" = 1 ]
}

start_server
plain_cases
broken_cases
resume_cases
safety_cases
verdict "two copies side by side fetch once" two_at_once
echo "$failures failed"
[ "$failures" = 0 ]
