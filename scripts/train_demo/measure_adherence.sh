#!/usr/bin/env bash
# How well the demo model follows its prompts: makes the 24 prompts of
# prompts.py with 8 seeds, guided and unguided, trains the judge, and counts;
# then how often the bundled CLIP ranks the right caption of ten first.
#
#   scripts/train_demo/measure_adherence.sh OUTDIR [SEEDS]    SEEDS: 1000..1007
#
# Stopped and started again it goes on. On one core: 192 guided pictures take
# about 20 minutes, 192 unguided ones about 8, the judge 4.
# PYTHON: an interpreter with requirements.txt; NIGHTJAR: the program.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../common.sh"

[ $# -ge 1 ] || die "usage: $0 OUTDIR [SEEDS]"
mkdir -p "$1"
out=$(cd "$1" && pwd)
seeds=${2:-1000..1007}
nightjar=${NIGHTJAR:-$nj_root/build/release/nightjar}
[ -x "$nightjar" ] || die "'$nightjar' is missing: run scripts/build.sh"
if [ -z "${PYTHON:-}" ]; then
    PYTHON=$out/venv/bin/python
    if [ ! -e "$out/venv/ready" ]; then
        python3 -m venv "$out/venv"
        "$PYTHON" -m pip install -q -r "$here/requirements.txt"
        touch "$out/venv/ready"
    fi
fi

make() # FOLDER [OPTION...]
{
    local folder=$1
    shift
    "$nightjar" generate --prompts "$out/prompts.txt" --seeds "$seeds" \
        --unet demo --threads 1 --out "$folder" "$@"
}

(cd "$here" && "$PYTHON" -c 'from prompts import PROMPTS
print("\n".join(text for text, _ in PROMPTS))') >"$out/prompts.txt"
make "$out/guided"
make "$out/unguided" --clip-guidance-scale 0
if [ ! -e "$out/judge.pt" ]; then
    "$PYTHON" "$here/make_data.py" "$out/judge" --count 9000 --seed 3
    "$PYTHON" "$here/judge.py" train "$out/judge" "$out"
fi
"$PYTHON" "$here/measure_adherence.py" "$out/judge.pt" "$out/guided" \
    "$out/unguided" --out "$out/adherence.md" --json "$out/adherence.jsonl"
"$PYTHON" "$here/make_data.py" "$out/held" --count 1000 --seed 2
"$PYTHON" "$here/check_clip.py" "$nj_root/models/demo/clip.safetensors" \
    "$nj_root/models/demo/vocab.txt" "$out/held"
