#!/usr/bin/env bash
# Times nightjar and its PyTorch peers alternately and prints the ratios.
#
#   scripts/bench.sh [--quick] [--json] [--rounds N] [--threads N]
#                    [--nets demo,256] [--device cpu|cuda]
#
# Needs a python3 with torch and numpy: NJ_BENCH_PYTHON, else .venv's, else
# python3 (scripts/bench/requirements.txt). --quick takes less than 10 minutes
# on 2 cores.
set -euo pipefail
. "$(dirname "$0")/common.sh"

# The first python that can import what the peers need.
find_python()
{
    local python

    for python in "${NJ_BENCH_PYTHON:-}" "$nj_root/.venv/bin/python3" python3; do
        [ -n "$python" ] || continue
        "$python" -c 'import numpy, torch' 2>/dev/null || continue
        printf '%s\n' "$python"
        return 0
    done
    return 1
}

nightjar=${NJ_PROGRAM:-$nj_root/build/release/nightjar}
[ -x "$nightjar" ] || die "$nightjar is missing: run scripts/build.sh"
python=$(find_python) ||
    die "no python3 with torch and numpy: pip install -r scripts/bench/requirements.txt"
exec "$python" "$nj_root/scripts/bench/bench.py" --nightjar "$nightjar" \
    --python "$python" "$@"
