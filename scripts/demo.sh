#!/usr/bin/env bash
# First look: sets up, builds, and makes pictures with the bundled model.
#
#   scripts/demo.sh                      4 prompts x 3 seeds
#   scripts/demo.sh "a red boat" ...     your prompts x 3 seeds
#   NJ_DEMO_OUT=DIR                      where the pictures go
#
# Works from any folder. A second run downloads and builds nothing.
set -euo pipefail
. "$(dirname "$0")/common.sh"

prompts=("$@")
[ $# -gt 0 ] || prompts=(
    "a red boat on the sea at sunset"
    "a yellow balloon over the mountains by day"
    "a white lighthouse by the sea at night"
    "a red house in the green hills at dawn"
)
out=${NJ_DEMO_OUT:-$PWD/nightjar-demo}

# Whatever is built already is not built again: starting must be quick.
up_to_date()
{
    local program=$nj_root/build/release/nightjar

    [ -x "$program" ] && [ -e "$nj_root/build/release/build.ninja" ] &&
        [ -n "$(find_torch)" ] &&
        ninja -C "$nj_root/build/release" -n nightjar 2>/dev/null |
        grep -q 'no work to do'
}

if ! up_to_date; then
    say "setting up (only what is missing) ..."
    "$nj_root/scripts/setup.sh"
    say "building ..."
    "$nj_root/scripts/build.sh" release
fi
nightjar=$nj_root/build/release/nightjar

"$nightjar" generate "${prompts[@]}" --n 3 --seed 1 --out "$out"
"$nightjar" sheet "$out" --columns 3 --out "$out/sheet.png" >/dev/null
"$nightjar" gallery "$out" >/dev/null

say ""
say "pictures:       $out"
say "contact sheet:  $out/sheet.png"
say "page:           $out/index.html"
say ""
say "Try next:"
say "  $nightjar generate \"a blue balloon over the dunes\" --n 4 --out boats"
say "  $nightjar generate --help"
say "  $nj_root/scripts/fetch-models.sh 256x256_diffusion_uncond ViT-B-16"
