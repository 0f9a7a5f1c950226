#!/usr/bin/env bash
# Train on two machines, disturb the training, and resume it.
#
#   bash tools/check_machines.sh [DISTURBANCE ...]
#
# Two network namespaces on this machine, joined by a virtual cable, stand for
# the two machines. The ImageNet recipe is trained on toy data, without GPUs,
# by dist_train.sh with NNODES=2. Each disturbance must end the training on both
# machines, with a message, soon after the timeout. The training is then
# resumed, and must end with the weights of an undisturbed one, bit for bit.
# check_machines.py lists the disturbances; all of them should take about 6
# minutes on 2 CPU cores.
#
# Needs Linux with the command ip (iproute2), and root, or a system on which
# users may create namespaces. Everything is in namespaces of its own, which end
# with the script.
#
# VENV  path of the environment; defaults to .venv in this repository
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$(realpath -m "${VENV:-$root/.venv}")
isolated=(unshare --net --mount --pid --fork --kill-child --mount-proc)
[ "$(id -u)" = 0 ] || isolated+=(--map-root-user)
if ! "${isolated[@]}" ip link >/dev/null; then
    echo "check_machines: cannot create network namespaces on this system." \
        "Run this script as root, and install iproute2 if the command ip is" \
        "missing." >&2
    exit 1
fi
bash "$root/tools/setup_env.sh"
exec "${isolated[@]}" "$venv/bin/python" "$root/tools/check_machines.py" "$@"
