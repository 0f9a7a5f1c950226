#!/usr/bin/env bash
# Train with several processes. See dist_run.sh for the environment
# variables.
#
#   bash tools/dist_train.sh CONFIG GPUS [ARGUMENTS OF train.py]
set -euo pipefail

if [ $# -lt 2 ]; then
    echo "usage: $0 CONFIG GPUS [ARGUMENTS OF train.py]" >&2
    exit 2
fi
exec bash "$(dirname "${BASH_SOURCE[0]}")/dist_run.sh" \
    "$2" train.py "$1" "${@:3}"
