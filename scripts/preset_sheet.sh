#!/usr/bin/env bash
# Makes docs/presets.png: pictures of the bundled demo networks with the
# guidance settings of the presets, row by row.
#
#   scripts/preset_sheet.sh [PROGRAM]     PROGRAM: build/release/nightjar
#
# Size, steps and networks are the demo's, not the preset's. Crowson's presets
# have no clamp, without which 40 steps of the demo networks diverge: they get
# the demo's.
set -euo pipefail
. "$(dirname "$0")/common.sh"

program=${1:-$nj_root/build/release/nightjar}
[ -x "$program" ] || die "'$program' is missing: run scripts/build.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
prompt="a red boat at sunset"
pictures=()

# make PRESET [OPTION...]
make()
{
    local preset=$1
    shift

    "$program" generate "$prompt" --preset "$preset" --seed 7 \
        --unet demo --clip demo --secondary-model none --width 64 --height 64 \
        --timestep-respacing 40 --quiet -o "$scratch/$preset" "$@"
    pictures+=("$scratch/$preset"/*.png)
}

make demo
make kc256 --clamp-max 0.1
make kc512 --clamp-max 0.1
make kc-secondary --clamp-max 0.1
for preset in quick-2021-09 quick-2021-11 dango disco5; do
    make "$preset"
done
"$program" sheet "${pictures[@]}" --columns 4 --cell 192 --quiet \
    -o "$nj_root/docs/presets.png"
say "wrote docs/presets.png"
