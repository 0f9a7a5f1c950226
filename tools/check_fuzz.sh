#!/usr/bin/env bash
# Try 10,000 inputs (or INPUTS, more than 100) in each property test of
# tests/fuzz: damaged files for every reader of files, and extreme or wrong
# arguments for kernels, loss, samplers and evaluate_reid. Only documented
# errors are allowed, within 20 s, without allocating what a damaged length
# asks for. Prints the number of inputs and the time of each test.
#
# Takes about TIME on 2 cores. PYTHON=python3 uses an interpreter that has all
# packages, instead of the environment of tools/setup_env.sh. Arguments are
# passed to pytest, such as tests/fuzz/test_cifar_100.py.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$(realpath -m "${VENV:-$root/.venv}")
if [[ -z "${PYTHON:-}" ]]; then
    bash "$root/tools/setup_env.sh"
fi
cd "$root"
export PYTHONPATH=$root${PYTHONPATH:+:$PYTHONPATH}
export XDG_CACHE_HOME=$root/.cache
export MPLCONFIGDIR=$root/.cache/matplotlib
export TMPDIR=$root/.cache/tmp
mkdir -p "$TMPDIR"
export OMP_NUM_THREADS=1
[[ $# -gt 0 ]] || set -- tests/fuzz
exec "${PYTHON:-$venv/bin/python}" -m pytest \
    --basetemp "$root/.cache/pytest-fuzz" -p no:cacheprovider \
    --numprocesses "${TEST_PROCESSES:-2}" --dist loadfile --durations=0 \
    --hypothesis-profile=long --hypothesis-show-statistics "$@"
