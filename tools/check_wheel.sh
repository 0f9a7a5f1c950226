#!/usr/bin/env bash
# Install mmcckd as its users do, and train a recipe without the repository.
#
#   bash tools/check_wheel.sh
#
# A wheel is built from a clean clone of HEAD, and installed by pip with the
# extra "openmmlab" into an empty environment in a temporary folder. There,
# each config of the wheel is loaded by its name, a teacher and a student of
# the digits are trained by the tools of the wheel, the student's training is
# resumed, and the student is tested and exported.
#
# This takes about 6 minutes on 2 CPU cores, and 6 GB in TMPDIR, mostly for
# torch's CUDA libraries.
#
# PYTHON  Python of the environment, 3.10 to 3.12; defaults to python3
# PINS    further requirements, such as "torch==2.4.1 numpy==2.0.2"; defaults
#         to none, so that pip takes the newest versions
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/check_wheel.XXXXXX")
trap 'rm -rf "$work"' EXIT
unset PYTHONPATH PYTHONHOME VIRTUAL_ENV  # nothing of the repository is found
export PYTHONNOUSERSITE=1

git clone --quiet "file://$root" "$work/clone"
"${PYTHON:-python3}" -m venv "$work/environment"
python=$work/environment/bin/python
pip=("$python" -m pip --disable-pip-version-check --quiet)
"${pip[@]}" wheel --no-deps --wheel-dir "$work" "$work/clone"
changes=$(git -C "$work/clone" status --porcelain)
if [ -n "$changes" ]; then
    echo "check_wheel: the build changed the clone:"$'\n'"$changes" >&2
    exit 1
fi
rm -rf "$work/clone"
wheel=$(echo "$work"/mmcckd-*.whl)
echo "check_wheel: built $(basename "$wheel")"
"${pip[@]}" install "mmcv-lite==2.1.0" "$wheel[openmmlab]" ${PINS:-}
if ! "$python" -c 'import cv2' 2>/dev/null; then
    echo "check_wheel: opencv-python finds no libGL; opencv-python-headless" \
        "replaces it"
    "${pip[@]}" uninstall --yes opencv-python
    "${pip[@]}" install opencv-python-headless
fi

mkdir "$work/elsewhere"
cd "$work/elsewhere"
mim=$("$python" - <<'END'
import platform
import warnings
from pathlib import Path

warnings.simplefilter('ignore')  # mmcv-lite warns when it is imported

import cv2
import mmcckd
import numpy
import torch
import torchvision
from mmengine.hub import get_config

mim = Path(mmcckd.__file__).parent / '.mim'
names = [
    path.relative_to(mim / 'configs') for path in mim.rglob('configs/**/*.py')
]
names = sorted(name for name in names if name.parts[0] != '_base_')
for name in names:
    get_config(f'mmcckd::{name}')
with open('report.txt', 'w') as file:
    print(f'check_wheel: Python {platform.python_version()}, '
          f'torch {torch.__version__}, torchvision {torchvision.__version__}, '
          f'NumPy {numpy.__version__}, OpenCV {cv2.__version__}',
          f'check_wheel: {len(names)} configs are loaded', sep='\n', file=file)
print(mim)
END
)
cat report.txt

run() {
    local tool=$1
    shift
    if ! "$python" "$mim/tools/$tool.py" "$@" >"$tool.log" 2>&1; then
        cat "$tool.log" >&2
        echo "check_wheel: tools/$tool.py failed; its output is above" >&2
        exit 1
    fi
}
student=mmcckd::cckd/r18w16_r10w6_digits.py
run train mmcckd::baseline/r18w16_digits.py  # the teacher that it looks for
run train "$student" --cfg-options train_cfg.max_epochs=40
run train "$student" --resume
checkpoint=work_dirs/r18w16_r10w6_digits/epoch_80.pth
run test "$student" "$checkpoint"
accuracy=$(grep -o 'accuracy/top1: [0-9.]*' test.log | tail -n 1)
echo "check_wheel: $accuracy % of the test images of the digits"
if ! awk -v "a=${accuracy##* }" 'BEGIN { exit !(a > 70) }'; then
    echo "check_wheel: the student has not learned; expected above 70 %" >&2
    exit 1
fi
run export_student "$checkpoint" student.pth
ls student*
echo "check_wheel: done"
