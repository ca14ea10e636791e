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

nightjar=${NJ_PROGRAM:-$nj_root/build/release/nightjar}
[ -x "$nightjar" ] || die "$nightjar is missing: run scripts/build.sh"
python=$(find_bench_python) ||
    die "no python3 with torch and numpy: pip install -r scripts/bench/requirements.txt"
exec "$python" "$nj_root/scripts/bench/bench.py" --nightjar "$nightjar" \
    --python "$python" "$@"
