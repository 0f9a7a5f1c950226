#!/usr/bin/env bash
# Disturb trainings, and check that they continue with nothing lost: kill -9 at
# random moments and at each step of a save, SIGTERM, full disks, and ranks
# that are lost. Two recipes are killed KILLS (default: 20) times each, and
# must end with the weights of a run that was not disturbed. KILL_SEED repeats
# the kills of an earlier call. Arguments are passed to pytest.
#
# Should take about 15 minutes on 2 cores. As root, disks are also really filled.
set -euo pipefail

tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export KILLS=${KILLS:-20}
exec bash "$tools/run_tests.sh" -m "slow or not slow" tests/faults "$@"
