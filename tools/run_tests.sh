#!/usr/bin/env bash
# Set up the environment and run all tests; arguments go to pytest.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bash "$root/tools/setup_env.sh"
cd "$root"
# Whatever is left behind, is left in the clone.
export MPLCONFIGDIR=$root/.cache/matplotlib
exec "${VENV:-$root/.venv}/bin/python" -m pytest \
    --basetemp "$root/.cache/pytest" "$@"
