#!/usr/bin/env bash
# Check what needs a GPU, and measure the benchmarks on it.
#
#   bash tools/check_gpu.sh
#
# This runs the tests marked "gpu" (training of each kind of recipe, also with
# mixed precision and compiled, resuming, NCCL, and that a training step does
# not wait for the GPU), and tools/benchmarks/loss.py and train_step.py. The
# report is a text in Markdown. One H200 takes 4 to 5 minutes. A part that takes
# longer than LIMIT seconds (default: 300) is ended, and counts as failed.
#
# OUT_DIR         folder of the report and the logs; defaults to
#                 work_dirs/check_gpu
# PYTHON          interpreter that has the packages; by default, setup_env.sh
#                 creates the environment VENV
# TEST_PROCESSES  processes that run the tests; defaults to 4
# BATCH           batch size of the training step; defaults to 256
# ROWS            rows of its table, separated by semicolons
set -uo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
out=$(realpath -m "${OUT_DIR:-$root/work_dirs/check_gpu}")
cd "$root"
if [ -z "${PYTHON:-}" ]; then
    bash tools/setup_env.sh || exit
    PYTHON=$(realpath -m "${VENV:-$root/.venv}")/bin/python
fi
# Caches and temporary files are kept in the clone.
export XDG_CACHE_HOME=$root/.cache
export MPLCONFIGDIR=$root/.cache/matplotlib
export TORCHINDUCTOR_CACHE_DIR=$root/.cache/torchinductor
export TMPDIR=$root/.cache/tmp
export PYTHONPATH=$root${PYTHONPATH:+:$PYTHONPATH}
mkdir -p "$TMPDIR" "$out"

if ! "$PYTHON" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())'
then
    echo "check_gpu: PyTorch finds no GPU with $PYTHON." >&2
    exit 1
fi

# Each part is run, also if another one fails.
failed=
part() {  # NAME COMMAND…
    local name=$1 start=$SECONDS
    shift
    echo "check_gpu: $name"
    if ! timeout "${LIMIT:-300}" "$@" >"$out/$name.log" 2>"$out/$name.err"; then
        failed+=" $name"
        tail -n 40 "$out/$name.log" "$out/$name.err"
    fi
    echo "check_gpu: $name took $((SECONDS - start)) s"
}

default_rows=
for precision in '' ', TF32' ', AMP'; do
    for row in stock 'student alone' 'student, prepared' flagship stored; do
        default_rows+="$row$precision;"
    done
done
IFS=';' read -ra rows <<<"${ROWS:-$default_rows}"
part tests "$PYTHON" -m pytest -m gpu tests/gpu --basetemp "$TMPDIR/gpu" \
    -p no:cacheprovider --numprocesses "${TEST_PROCESSES:-4}" \
    --dist worksteal --durations 40 -rs --tb short
part loss "$PYTHON" tools/benchmarks/loss.py --device cuda
part train_step "$PYTHON" tools/benchmarks/train_step.py \
    --batch "${BATCH:-256}" --repetitions 6 --rows "${rows[@]}"

{
    echo "# Check on a GPU"
    echo
    "$PYTHON" - <<'END'
import platform

import cv2
import numpy
import torch

print(f'{torch.cuda.device_count()} × {torch.cuda.get_device_name()}, torch '
      f'{torch.__version__}, numpy {numpy.__version__}, OpenCV '
      f'{cv2.__version__}, Python {platform.python_version()}')
END
    echo
    commit=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)
    changed=$(git status --porcelain 2>/dev/null | head -c 1)
    echo "mmcckd $commit${changed:++}," \
        "failed:${failed:- nothing}, $SECONDS s"
    for name in tests loss train_step; do
        printf '\n## %s\n\n' "$name"
        if [ $name = tests ]; then
            grep -E '^(FAILED|ERROR|SKIPPED)|(passed|failed|skipped) in|s call' \
                "$out/tests.log" | sed 's/^/    /'
        else
            grep -v '^[0-9/: -]* - mmengine' "$out/$name.log"
        fi
    done
} >"$out/report.md"
cat "$out/report.md"
[ -z "$failed" ]
