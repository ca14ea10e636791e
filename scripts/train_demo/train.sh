#!/usr/bin/env bash
# usage: train.sh OUTDIR
# Trains the demo model from nothing on 2 CPU cores (about an hour and a half) and
# writes it to OUTDIR/model. Stopped and started again, it goes on where it was.
# PYTHON names an interpreter that already has requirements.txt; else a virtual
# environment is made in OUTDIR. PICTURES, LOW and DECAY change the UNet's training;
# STAGE2=1 trains the CLIP further on what the UNet shows it (not in the bundled model).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
[ $# -eq 1 ] || { sed -n '2,8s/^# //p' "$0"; exit 2; }
mkdir -p "$1"
out=$(cd "$1" && pwd)
pictures=${PICTURES:-59200} low=${LOW:-33600} decay=${DECAY:-50800}
export OMP_NUM_THREADS=1 MALLOC_MMAP_THRESHOLD_=8589934592 MALLOC_TRIM_THRESHOLD_=17179869184

if [ -z "${PYTHON:-}" ]; then
    PYTHON=$out/venv/bin/python
    if [ ! -e "$out/venv/ready" ]; then
        python3 -m venv "$out/venv"
        "$out/venv/bin/pip" install -q --extra-index-url https://download.pytorch.org/whl/cpu \
            -r "$here/requirements.txt"
        touch "$out/venv/ready"
    fi
fi
run() { "$PYTHON" "$here/$@"; }
seen() { sed -n 's/.*pictures \([0-9]*\) .*/\1/p' "$out/unet.log" 2>/dev/null | tail -n 1; }

run make_data.py "$out/data" --count 48000 --seed 1
run train_unet.py "$out/data" "$out" --pictures "$pictures" --low-pictures "$low" --decay-from "$decay" &
unet=$!
trap 'kill -TERM $unet 2>/dev/null; wait $unet' EXIT

run train_clip.py "$out/data" "$out" --name stage1 --steps 800
run make_data.py "$out/held" --count 2000 --seed 2
run make_data.py "$out/judge" --count 9000 --seed 3
[ -e "$out/judge.pt" ] || run judge.py train "$out/judge" "$out"
clip=$out/stage1.pt
if [ -n "${STAGE2:-}" ]; then
    clip=$out/clip.pt
    while kill -0 $unet 2>/dev/null && [ "$(seen)" -lt $((low + 8000)) ]; do sleep 20; done
    [ -e "$out/views.npz" ] || run make_views.py "$out/data" "$out/unet.pt" "$out/views.npz"
    run train_clip.py "$out/data" "$out" --name clip --init "$out/stage1.pt" --views "$out/views.npz" --steps 450 \
        --lr 5e-4
fi
run check_clip.py "$clip" "$out/vocab.txt" "$out/held"
wait $unet
trap - EXIT
run export.py --unet "$out/unet.pt" --clip "$clip" --vocabulary "$out/vocab.txt" "$out/model"
echo "the model is in $out/model"
