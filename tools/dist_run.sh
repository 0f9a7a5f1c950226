#!/usr/bin/env bash
# What the dist_*.sh have in common: run a tool in several processes.
#
#   bash tools/dist_run.sh GPUS TOOL.py [ARGUMENTS]
#
# One process a GPU; without GPUs they share the cores and talk by gloo.
#
# NNODES, NODE_RANK, MASTER_ADDR, PORT  as for torch.distributed.run
# PYTHON                                defaults to the one on the PATH
set -euo pipefail

gpus=$1 tool=$2
tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
exec "${PYTHON:-python}" -m torch.distributed.run \
    --nnodes "${NNODES:-1}" --node-rank "${NODE_RANK:-0}" \
    --master-addr "${MASTER_ADDR:-127.0.0.1}" --master-port "${PORT:-29500}" \
    --nproc-per-node "$gpus" \
    "$tools/$tool" "${@:3}" --launcher pytorch
