#!/usr/bin/env bash
# Build a wheel of the full mmcv for the torch of an environment, for the CPU,
# and print its path. tools/setup_env.sh --full calls it.
#
#   bash tools/build_mmcv.sh VENV
#
# The build needs a C++ compiler and takes about 6 minutes on two cores. The
# wheel is kept in .cache/wheels, so that this is done once for each version.
#
# The source package of mmcv 2.1.0 does not build with torch 2.14: its setup.py
# asks for C++17, and torch's headers stop with "C++20 or later compatible
# compiler is required to use PyTorch." Here, setup.py asks for C++20, which is
# the only change. This script can be deleted when mmcv has wheels for the
# pinned torch, or when a source package that the plugin accepts builds as it
# is (onedl-mmcv 2.3.6 has the same line).
#
# MAX_JOBS  number of compilers at a time, about 1 GB of memory each; defaults
#           to the number of cores
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$1
python=$venv/bin/python
mmcv=$(sed -n 's/^mmcv==//p' "$root/requirements/lock-full.txt")
torch=$("$python" -c 'from importlib import metadata
print(metadata.version("torch"))')
wheels=$root/.cache/wheels/mmcv-$mmcv-for-torch-$torch
if ! ls "$wheels"/*.whl >/dev/null 2>&1; then
    echo "build_mmcv: building mmcv $mmcv for torch $torch" \
        "(about 6 minutes on two cores)" >&2
    build=$root/.cache/build-mmcv
    rm -rf "$build"
    mkdir -p "$build" "$wheels"
    export PATH=$venv/bin:$PATH  # ninja, for several compilers at a time
    # Without a GPU in sight, mmcv builds only what runs on the CPU.
    export CUDA_VISIBLE_DEVICES='' FORCE_CUDA=0 MMCV_WITH_OPS=1 CFLAGS='-O2 -g0'
    export MAX_JOBS=${MAX_JOBS:-$(nproc)}
    pip=("$python" -m pip --disable-pip-version-check)
    {
        "${pip[@]}" download --quiet --no-deps --no-build-isolation \
            --no-binary mmcv -d "$build" "mmcv==$mmcv"
        tar -xzf "$build/mmcv-$mmcv.tar.gz" -C "$build"
        sed -i 's/-std=c++17/-std=c++20/' "$build/mmcv-$mmcv/setup.py"
        "${pip[@]}" wheel --quiet --no-deps --no-build-isolation \
            -w "$build" "$build/mmcv-$mmcv"
    } >&2
    mv "$build"/*.whl "$wheels"  # only a complete one
    rm -rf "$build"
fi
ls "$wheels"/*.whl
