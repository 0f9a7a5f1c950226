#!/usr/bin/env bash
# Check that two trainings with the same seed are equal to the last bit: for
# each kind of recipe, with one and two ranks, and with 0 and 2 workers,
# persistent or not. It should take 15 minutes on 2 CPU cores. Arguments are
# passed to pytest. See run_tests.sh for the environment variables.
set -euo pipefail

exec env TEST_PROCESSES=0 bash "$(dirname "${BASH_SOURCE[0]}")/run_tests.sh" \
    -m "slow or not slow" tests/engine/test_determinism.py "$@"
