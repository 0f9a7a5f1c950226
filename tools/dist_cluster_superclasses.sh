#!/usr/bin/env bash
# Cluster superclasses with several processes, one a GPU (without GPUs they
# share the cores):
#
#   bash tools/dist_cluster_superclasses.sh CONFIG CHECKPOINT GPUS [ARGUMENTS]
#
# NNODES, NODE_RANK, MASTER_ADDR, PORT  as for torch.distributed.run
set -euo pipefail

if [ $# -lt 3 ]; then
    echo "usage: $0 CONFIG CHECKPOINT GPUS [ARGUMENTS]" >&2
    exit 2
fi
config=$1 checkpoint=$2 gpus=$3
tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
exec "${PYTHON:-python}" -m torch.distributed.run \
    --nnodes "${NNODES:-1}" --node-rank "${NODE_RANK:-0}" \
    --master-addr "${MASTER_ADDR:-127.0.0.1}" --master-port "${PORT:-29500}" \
    --nproc-per-node "$gpus" \
    "$tools/cluster_superclasses.py" "$config" "$checkpoint" \
    --launcher pytorch "${@:4}"
