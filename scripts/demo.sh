#!/usr/bin/env bash
# First look: sets up, builds, and makes pictures with the bundled model.
#
#   scripts/demo.sh                      4 prompts x 3 seeds
#   scripts/demo.sh "a red boat" ...     your prompts x 3 seeds
#   NJ_DEMO_OUT=DIR                      where the pictures go
#                                        (default: ./nightjar-demo)
#
# Works from any folder. A second run downloads and builds nothing, and makes
# only the pictures that are not there yet.
set -euo pipefail
. "$(dirname "$0")/common.sh"

case ${1:-} in
-h | --help)
    sed -n '2,10{s/^# \{0,1\}//;p}' "$0"
    exit
    ;;
esac
prompts=("$@")
[ $# -gt 0 ] || prompts=(
    "a red boat on the sea at sunset"
    "a white house in the hills by day"
    "a red lighthouse by the sea at night"
    "a red hot air balloon over the sea at dawn"
)
out=${NJ_DEMO_OUT:-$PWD/nightjar-demo}
nightjar=$nj_root/build/release/nightjar

# Whatever is built already is not built again: starting must be quick. Where
# sources changed, ninja builds what they changed.
brought_up_to_date()
{
    [ -x "$nightjar" ] && [ -e "$nj_root/build/release/build.ninja" ] &&
        [ -n "$(find_torch)" ] &&
        ninja -C "$nj_root/build/release" nightjar >/dev/null 2>&1
}

# What a shell reads as this one word.
quoted()
{
    case $1 in
    *[!A-Za-z0-9/._+@%=:,-]*) printf "'%s'" "${1//\'/\'\\\'\'}" ;;
    *) printf '%s' "$1" ;;
    esac
}

if ! brought_up_to_date; then
    say "setting up (only what is missing) ..."
    "$nj_root/scripts/setup.sh"
    say "building ..."
    "$nj_root/scripts/build.sh" release nightjar
fi

# The demo model by name: real weights that may be there are for real runs.
"$nightjar" generate "${prompts[@]}" --unet demo -n 3 --seed 1 --out "$out"
"$nightjar" sheet "$out" --columns 3 --quiet
"$nightjar" gallery "$out" --quiet
pictures=("$out"/prompt--*.png)

say ""
say "pictures:       $out"
say "contact sheet:  $out/sheet.png"
say "page:           $out/index.html"
say ""
say "Try next:"
say "  $(quoted "$nightjar") generate 'a blue balloon over the dunes' -n 4 --out balloons"
say "  $(quoted "$nightjar") info $(quoted "${pictures[0]}")"
say "  $(quoted "$nj_root/scripts/fetch-models.sh") 256x256_diffusion_uncond ViT-B-16"
