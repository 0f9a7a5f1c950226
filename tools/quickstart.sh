#!/usr/bin/env bash
# Set up the environment, then teach a small student with CCKD on real digits:
# see tools/quickstart.py. Arguments go to it.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$(realpath -m "${VENV:-$root/.venv}")
bash "$root/tools/setup_env.sh"
# Whatever is left behind, is left in the clone (but for pip's cache).
export XDG_CACHE_HOME=$root/.cache
export MPLCONFIGDIR=$root/.cache/matplotlib
export TORCHINDUCTOR_CACHE_DIR=$root/.cache/torchinductor
exec "$venv/bin/python" "$root/tools/quickstart.py" "$@"
