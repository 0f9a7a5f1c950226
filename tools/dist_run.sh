#!/usr/bin/env bash
# Run a tool in several processes. The scripts dist_*.sh use this script.
#
#   bash tools/dist_run.sh GPUS TOOL.py [ARGUMENTS]
#
# There is one process per GPU. Without GPUs, the processes share the CPU cores
# and use the gloo backend.
#
# NNODES       number of machines; defaults to 1. With more, start this script on
#              each of them, with the same arguments
# NODE_RANK    number of this machine, from 0; only with more machines
# MASTER_ADDR  address of machine 0; only with more machines
# PORT         port of machine 0, to which the processes connect; defaults to
#              29500. Each training on a machine needs its own
# PYTHON       defaults to python on the PATH
set -euo pipefail

if [ "${NNODES:-1}" != 1 ] &&
    { [ -z "${NODE_RANK:-}" ] || [ -z "${MASTER_ADDR:-}" ]; }; then
    echo "dist_run: with NNODES=$NNODES, also set NODE_RANK, the number of" \
        "this machine counted from 0, and MASTER_ADDR, the address of" \
        "machine 0." >&2
    exit 2
fi

gpus=$1 tool=$2
tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
exec "${PYTHON:-python}" -m torch.distributed.run \
    --nnodes "${NNODES:-1}" --node-rank "${NODE_RANK:-0}" \
    --master-addr "${MASTER_ADDR:-127.0.0.1}" --master-port "${PORT:-29500}" \
    --nproc-per-node "$gpus" \
    "$tools/$tool" "${@:3}" --launcher pytorch
