#!/usr/bin/env bash
# Set up the environment and run all tests, in TEST_PROCESSES (default: 2)
# processes with one thread each. Tests marked "slow" are run by the tools
# check_*.sh. Arguments are passed to pytest.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$(realpath -m "${VENV:-$root/.venv}")
bash "$root/tools/setup_env.sh"
cd "$root"
# Caches and temporary files are kept in the clone, except for pip's cache.
export XDG_CACHE_HOME=$root/.cache
export MPLCONFIGDIR=$root/.cache/matplotlib
export TORCHINDUCTOR_CACHE_DIR=$root/.cache/torchinductor
export TMPDIR=$root/.cache/tmp
mkdir -p "$TMPDIR"
export OMP_NUM_THREADS=1
exec "$venv/bin/python" -m pytest --basetemp "$root/.cache/pytest" \
    --numprocesses "${TEST_PROCESSES:-2}" --dist loadfile "$@"
