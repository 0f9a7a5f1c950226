#!/usr/bin/env bash
# Check the numerical precision: values and gradients of the kernels against
# float64, mixed precision on this machine, overflows of the loss scale, and
# that students that are trained in bfloat16 reach the accuracy of those that
# are trained in float32 (configs/studies/precision.yml). Arguments are passed
# to pytest.
#
# Should take about 5 minutes on 2 cores.
set -euo pipefail

tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
exec bash "$tools/run_tests.sh" -m "slow or not slow" \
    tests/functional/test_kernel_precision.py \
    tests/compat/test_mmengine_amp.py \
    tests/engine/test_skipped_updates_hook.py \
    tests/studies/test_precision.py "$@"
