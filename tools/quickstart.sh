#!/usr/bin/env bash
# Set up the environment, then train small students of letters with and without
# CC by tools/quickstart.py, which gets all arguments.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$(realpath -m "${VENV:-$root/.venv}")
bash "$root/tools/setup_env.sh"
# Caches are kept in the clone, except that of pip.
export XDG_CACHE_HOME=$root/.cache
export MPLCONFIGDIR=$root/.cache/matplotlib
export TORCHINDUCTOR_CACHE_DIR=$root/.cache/torchinductor
# mmcv-lite warns when it is imported.
exec "$venv/bin/python" -W 'ignore:Fail to import' \
    "$root/tools/quickstart.py" "$@"
