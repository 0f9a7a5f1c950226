#!/usr/bin/env bash
# Run a tool in several processes. The scripts dist_*.sh use this script.
#
#   bash tools/dist_run.sh GPUS TOOL.py [ARGUMENTS]
#
# There is one process per GPU. Without GPUs, the processes share the CPU cores
# and use the gloo backend.
#
# NNODES, NODE_RANK, MASTER_ADDR, PORT  see torch.distributed.run
# PYTHON                                defaults to python on the PATH
set -euo pipefail

gpus=$1 tool=$2
tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
exec "${PYTHON:-python}" -m torch.distributed.run \
    --nnodes "${NNODES:-1}" --node-rank "${NODE_RANK:-0}" \
    --master-addr "${MASTER_ADDR:-127.0.0.1}" --master-port "${PORT:-29500}" \
    --nproc-per-node "$gpus" \
    "$tools/$tool" "${@:3}" --launcher pytorch
