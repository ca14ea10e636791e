#!/usr/bin/env bash
# Runs one guided step of each preset with full-size networks of random weights
# on the CPU and prints seconds and peak memory.
#
#     scripts/full_size_step.sh [PRESET...] [-- OPTION...]
#
# What follows -- is given to each run, such as --memory small.
# Pictures are noise; what counts is that the networks of each preset load, fit
# and step. The files (up to 2.3 GB for a network) go to a temporary folder and
# are removed. Needs /usr/bin/time (Debian: time).
set -euo pipefail
. "$(dirname "$0")/common.sh"
build=$nj_root/build/release
make=$build/tests/make_checkpoint
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# checkpoint NAME: a random file of a known model, once
checkpoint()
{
    [ -e "$folder/$1.pt" ] || "$make" "$1" "$folder/$1.pt" >"$folder/log" ||
        die "cannot write $1: $(tail -1 "$folder/log")"
}

# step NAME UNET CLIPS [OPTION...]: CLIPS are parted by commas
step()
{
    local name=$1 unet=$2 clips=$3 args=()
    shift 3
    checkpoint "$unet"
    for clip in ${clips//,/ }; do
        checkpoint "$clip"
        args+=(--clip "$folder/$clip.pt")
    done
    /usr/bin/time -f '%e %M' -o "$folder/time" \
        "$build/nightjar" generate "a red boat" --seed 1 --quiet \
        --out "$folder/$name" --unet "$folder/$unet.pt" --unet-config "$unet" \
        "${args[@]}" "$@" "${options[@]}" || die "$name failed"
    awk -v name="$name" \
        '{printf "%-14s %7.1f s %6.1f GiB\n", name, $1, $2 / 1048576}' \
        "$folder/time"
    rm -rf "${folder:?}/$name" "$folder/$unet.pt"
}

presets=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    presets+=("$1")
    shift
done
options=("${@:2}")
[ ${#presets[@]} -gt 0 ] ||
    presets=(kc256 kc512 kc512-class quick256 quick512 disco5)

# The last step of 2, so that one is run; skipping leaves it.
one=(--timestep-respacing 2 --skip-timesteps 1)
f512=512x512_diffusion_uncond_finetune_008100
f256=256x256_diffusion_uncond
for p in "${presets[@]}"; do
    case $p in
    kc256) step "$p" $f256 ViT-B-16 "${one[@]}" ;;
    kc512) step "$p" $f512 ViT-B-16 "${one[@]}" --cutn 32 --cut-pow .5 ;;
    kc512-class)
        step "$p" 512x512_diffusion ViT-B-16 "${one[@]}" --cutn 48 \
            --cut-pow .5 --class random
        ;;
    quick256) step "$p" $f256 ViT-B-16 "${one[@]}" --cutouts russell \
        --cutn-batches 2 --perlin-init --clamp-max .035 ;;
    quick512) step "$p" $f512 ViT-B-16 "${one[@]}" --cutouts russell \
        --cutn-batches 2 --perlin-init --clamp-max .035 ;;
    disco5)
        checkpoint secondary_model_imagenet_2
        step "$p" $f512 ViT-B-32,ViT-B-16,RN50 "${one[@]}" \
            --cutouts disco --cutn-batches 4 --sampler ddim --eta .8 \
            --clamp-max .05 --width 1280 --height 768 --secondary-model \
            "$folder/secondary_model_imagenet_2.pt"
        ;;
    *) die "no such preset: $p" ;;
    esac
done
