#!/usr/bin/env bash
# Build the documentation, guide and API reference, as HTML.
#
#   bash tools/build_docs.sh [OUT]
#
# OUT   where to; defaults to docs/_build/html in this repository
# VENV  as for tools/setup_env.sh, which this calls first
#
# Any warning is an error, as is a reference to what does not exist.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$(realpath -m "${VENV:-$root/.venv}")
out=$(realpath -m "${1:-$root/docs/_build/html}")
bash "$root/tools/setup_env.sh"

cd "$root"
export XDG_CACHE_HOME=$root/.cache MPLCONFIGDIR=$root/.cache/matplotlib
rm -rf docs/_build docs/api/generated  # pages of what may be gone
start=$SECONDS
# The first -W is Python's, for what mmcv-lite says when it is imported.
"$venv/bin/python" -W 'ignore:Fail to import' -m sphinx -b html \
    -W --keep-going -n -E -q -d docs/_build/doctrees docs "$out"
echo "build_docs: $out/index.html, built in $((SECONDS - start)) s"
