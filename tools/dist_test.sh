#!/usr/bin/env bash
# Test with several processes. See dist_run.sh for the environment
# variables.
#
#   bash tools/dist_test.sh CONFIG CHECKPOINT GPUS [ARGUMENTS OF test.py]
set -euo pipefail

if [ $# -lt 3 ]; then
    echo "usage: $0 CONFIG CHECKPOINT GPUS [ARGUMENTS OF test.py]" >&2
    exit 2
fi
exec bash "$(dirname "${BASH_SOURCE[0]}")/dist_run.sh" \
    "$3" test.py "$1" "$2" "${@:4}"
