#!/usr/bin/env bash
# Try 10,000 inputs (or INPUTS, more than 100) in each test of tests/fuzz:
# damaged files for every reader of files, and extreme or wrong arguments for
# kernels, loss, samplers and evaluate_reid. Only documented errors are
# allowed, within 20 s of processor time, and without allocating what a damaged
# length asks for. Prints the number of inputs of each test and its time.
# Arguments are passed to pytest.
#
# Should take about 40 minutes on 2 cores.
set -euo pipefail

tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
exec bash "$tools/run_tests.sh" --hypothesis-profile=long \
    --hypothesis-show-statistics --durations=0 --disable-warnings \
    tests/fuzz "$@"
