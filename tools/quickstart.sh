#!/usr/bin/env bash
# Set up the environment, then teach a small student with CCKD on real digits:
# see tools/quickstart.py. Arguments go to it.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bash "$root/tools/setup_env.sh"
cd "$root"
# Whatever is left behind, is left in the clone.
export MPLCONFIGDIR=$root/.cache/matplotlib
exec "${VENV:-$root/.venv}/bin/python" tools/quickstart.py "$@"
