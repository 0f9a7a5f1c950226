#!/usr/bin/env bash
# Cluster superclasses with several processes. See dist_run.sh for the
# environment variables.
#
#   bash tools/dist_cluster_superclasses.sh CONFIG CHECKPOINT GPUS [ARGUMENTS]
set -euo pipefail

if [ $# -lt 3 ]; then
    echo "usage: $0 CONFIG CHECKPOINT GPUS [ARGUMENTS]" >&2
    exit 2
fi
exec bash "$(dirname "${BASH_SOURCE[0]}")/dist_run.sh" \
    "$3" cluster_superclasses.py "$1" "$2" "${@:4}"
