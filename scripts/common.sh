# Shared by the scripts: where the checkout is, how to speak, what is needed.
# Sourced, never run.

nj_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Debian's names of what the build and the tests need.
nj_build_packages=(gcc g++ cmake ninja-build pkg-config python3 python3-venv
    unzip ca-certificates)
nj_library_packages=(libcjson-dev libstb-dev libcmocka-dev libutf8proc-dev
    libpng-dev libjpeg-dev libwebp-dev libexif-dev zlib1g-dev libssl-dev)

nj_torch_version=2.11.0
nj_open_clip_version=3.3.0
nj_vocabulary=bpe_simple_vocab_16e6.txt.gz
nj_vocabulary_sha256=924691ac288e54409236115652ad4aa250f48203de50a9e4722a6ecd48d6804a

say()
{
    printf '%s\n' "$*"
}

die()
{
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# Seconds since the script began, for "took" lines.
took()
{
    printf '%d s' "$SECONDS"
}

# The folder with include/ and lib/ of libtorch, or nothing.
find_torch()
{
    local dir

    for dir in "${NJ_TORCH_DIR:-}" \
        "$nj_root"/.venv/lib/python3*/site-packages/torch; do
        if [ -e "$dir/include/ATen/ATen.h" ]; then
            printf '%s\n' "$dir"
            return 0
        fi
    done
    dir=$(python3 -c 'import torch; print(torch.__path__[0])' 2>/dev/null) &&
        [ -e "$dir/include/ATen/ATen.h" ] && printf '%s\n' "$dir"
}

# The models folder that setup fills.
models_dir()
{
    printf '%s\n' "${NIGHTJAR_MODELS:-$nj_root/models}"
}

# The first python that can import what the peers of the benchmark need.
find_bench_python()
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
