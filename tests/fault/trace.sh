#!/usr/bin/env bash
# trace.sh LIBRARY: a program that dies under trace.c says where, and still
# dies of the same signal; one that does not says nothing.
set -euo pipefail
library=$1

fail()
{
    echo "trace.sh: $*" >&2
    exit 1
}

status=0
said=$(LD_PRELOAD=$library bash -c 'ulimit -c 0; kill -ABRT $$' 2>&1) || status=$?
[ "$status" = 134 ] || fail "the status is $status"
grep -q 'it died here' <<<"$said" && grep -q "${library##*/}(" <<<"$said" ||
    fail "it does not say where: $said"
[ -z "$(LD_PRELOAD=$library bash -c true 2>&1)" ] || fail "it speaks unasked"
echo "trace.sh: a death leaves a trace"
