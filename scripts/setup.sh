#!/usr/bin/env bash
# Installs what is missing to build nightjar and to run its tests, and nothing
# when all is there.
#
#   scripts/setup.sh                 Debian or Ubuntu packages, libtorch, and
#                                    CLIP's vocabulary
#   scripts/setup.sh --deps-dir DIR  instead: unpack the small libraries into
#                                    DIR, to be carried to a machine without a
#                                    network and used there with NJ_DEPS_DIR=DIR
#   NJ_TORCH_DIR=DIR                 use that libtorch and install none
#   NJ_TORCH_CUDA=1                  install libtorch with its CUDA libraries
set -euo pipefail
. "$(dirname "$0")/common.sh"

as_root()
{
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "not root and no sudo: ask an administrator to run: $*"
    fi
}

missing_packages()
{
    local name

    for name in "$@"; do
        dpkg-query -W -f '${Status}\n' "$name" 2>/dev/null |
            grep -q 'ok installed' || printf '%s\n' "$name"
    done
}

# Packages that another program already provides (a newer cmake, a python3
# with venv) count as there.
install_packages()
{
    local missing

    command -v dpkg-query >/dev/null ||
        die "no dpkg: install these yourself: ${nj_library_packages[*]}"
    mapfile -t missing < <(missing_packages "${nj_library_packages[@]}")
    command -v cc >/dev/null || missing+=(gcc)
    command -v c++ >/dev/null || missing+=(g++)
    command -v cmake >/dev/null || missing+=(cmake)
    command -v ninja >/dev/null || missing+=(ninja-build)
    command -v curl >/dev/null || missing+=(curl)
    python3 -c 'import venv, ensurepip' 2>/dev/null ||
        missing+=(python3 python3-venv)
    [ ${#missing[@]} = 0 ] && return 0
    say "installing packages: ${missing[*]}"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends ca-certificates \
        "${missing[@]}" >/dev/null
}

install_torch()
{
    local extra=(--no-deps nvidia-cuda-runtime nvidia-cuda-cupti)

    [ -n "$(find_torch)" ] && return 0
    say "installing libtorch $nj_torch_version into .venv (about 1.3 GB)"
    [ "${NJ_TORCH_CUDA:-}" = 1 ] && extra=()
    python3 -m venv "$nj_root/.venv"
    "$nj_root/.venv/bin/pip" install -q --disable-pip-version-check \
        "torch==$nj_torch_version" "${extra[@]}"
}

sum_of()
{
    sha256sum "$1" | cut -d ' ' -f 1
}

# The file is OpenAI's; it travels in the wheel of open_clip_torch (MIT).
install_vocabulary()
{
    local folder target scratch pip

    folder=$(models_dir)
    target=$folder/$nj_vocabulary
    [ -e "$target" ] && [ "$(sum_of "$target")" = "$nj_vocabulary_sha256" ] &&
        return 0
    say "fetching CLIP's vocabulary (1.4 MB)"
    mkdir -p "$folder"
    scratch=$(mktemp -d)
    pip=$nj_root/.venv/bin/pip
    if [ ! -x "$pip" ]; then
        python3 -m venv "$scratch/venv"
        pip=$scratch/venv/bin/pip
    fi
    "$pip" download -q --disable-pip-version-check --no-deps -d "$scratch" \
        "open_clip_torch==$nj_open_clip_version"
    python3 - "$scratch" "$target.part" <<'PYTHON'
import glob, sys, zipfile
wheel = glob.glob(sys.argv[1] + "/*.whl")[0]
name = "open_clip/bpe_simple_vocab_16e6.txt.gz"
with zipfile.ZipFile(wheel) as z, open(sys.argv[2], "wb") as out:
    out.write(z.read(name))
PYTHON
    rm -rf "$scratch"
    [ "$(sum_of "$target.part")" = "$nj_vocabulary_sha256" ] ||
        die "the vocabulary's sha256 is not the expected one: $target.part"
    mv "$target.part" "$target"
}

# Unpacks the -dev packages and the shared libraries they need.
fill_deps_dir()
{
    local dir=$1 scratch name

    mkdir -p "$dir"
    dir=$(cd "$dir" && pwd)
    scratch=$(mktemp -d)
    for name in "${nj_library_packages[@]}"; do
        apt-cache depends --recurse --no-recommends --no-suggests \
            --no-conflicts --no-breaks --no-replaces --no-enhances "$name"
    done | grep -E '^(lib|zlib)' | grep -vE '^(libc6|libgcc|libstdc|libcrypt)' |
        sort -u >"$scratch/names"
    (cd "$scratch" && xargs apt-get download -qq <names)
    for name in "$scratch"/*.deb; do
        dpkg -x "$name" "$dir"
    done
    rm -rf "$scratch" "$dir/usr/share/doc" "$dir/usr/share/man"
    # One folder of libraries, whose links stay inside: those to /lib of this
    # machine would be broken on another, which would then take libz.a instead.
    if [ -d "$dir/lib" ]; then
        cp -a "$dir/lib/." "$dir/usr/lib/"
        rm -rf "$dir/lib"
    fi
    find "$dir/usr/lib" -type l -lname '/*' | while read -r name; do
        ln -sfn "$(basename "$(readlink "$name")")" "$name"
    done
    name=$(find "$dir/usr/lib" -xtype l -name '*.so*' | head -1)
    [ -z "$name" ] || die "a link that leads nowhere: $name"
    say "unpacked the small libraries into $dir; use: NJ_DEPS_DIR=$dir"
}

main()
{
    case "${1:-}" in
    "") ;;
    --deps-dir)
        fill_deps_dir "${2:?a folder is expected after --deps-dir}"
        return
        ;;
    *) die "unknown option '$1'; expected nothing or --deps-dir DIR" ;;
    esac
    [ -n "${NJ_DEPS_DIR:-}" ] || install_packages
    install_torch
    install_vocabulary
}

main "$@"
