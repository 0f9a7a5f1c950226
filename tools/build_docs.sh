#!/usr/bin/env bash
# Build the documentation, guide and API reference, as HTML.
#
#   bash tools/build_docs.sh [OUT]
#
# OUT   output folder; defaults to docs/_build/html in this repository
# VENV  see tools/setup_env.sh, which is called first
#
# Warnings are errors, including references that cannot be resolved.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$(realpath -m "${VENV:-$root/.venv}")
out=$(realpath -m "${1:-$root/docs/_build/html}")
bash "$root/tools/setup_env.sh"

cd "$root"
# All temporary files and caches stay in the clone.
export XDG_CACHE_HOME=$root/.cache MPLCONFIGDIR=$root/.cache/matplotlib
export TORCHINDUCTOR_CACHE_DIR=$root/.cache/torchinductor
rm -rf docs/_build docs/api/generated  # they may have old pages
start=$SECONDS
# The first -W is Python's: mmcv-lite warns when it is imported.
"$venv/bin/python" -W 'ignore:Fail to import' -m sphinx -b html \
    -W --keep-going -n -E -q -d docs/_build/doctrees docs "$out"
echo "build_docs: $out/index.html, built in $((SECONDS - start)) s"
