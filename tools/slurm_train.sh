#!/usr/bin/env bash
# Train with Slurm, with one process per GPU:
#
#   [GPUS=8] [GPUS_PER_NODE=8] [CPUS_PER_TASK=5] [SRUN_ARGS=...] \
#       bash tools/slurm_train.sh PARTITION JOB_NAME CONFIG WORK_DIR \
#       [ARGUMENTS OF train.py]
#
# GPUS           total number of processes; defaults to 8
# GPUS_PER_NODE  number of processes per machine; defaults to the smaller of 8
#                and GPUS. Set it to 0 on a cluster without GPUs: there are
#                then GPUS processes with the gloo backend
# CPUS_PER_TASK  number of cores per process; defaults to 5
# SRUN_ARGS      other arguments of srun, such as "--time=2-0 --qos=normal"
# PORT           port of rank 0, to which the other ranks connect; defaults to
#                a random port, so that two jobs can use the same machine
set -euo pipefail

if [ $# -lt 4 ]; then
    echo "usage: $0 PARTITION JOB_NAME CONFIG WORK_DIR" \
        "[ARGUMENTS OF train.py]" >&2
    exit 2
fi
partition=$1 job=$2 config=$3 work_dir=$4
gpus=${GPUS:-8}
per_node=${GPUS_PER_NODE:-$((gpus < 8 ? gpus : 8))}
tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
layout=(--ntasks "$gpus")
if [ "$per_node" -gt 0 ]; then
    layout+=(--gres "gpu:$per_node" --ntasks-per-node "$per_node")
fi
export MASTER_PORT=${PORT:-$((20000 + RANDOM % 20000))}
# --kill-on-bad-exit: if a rank fails, the others would wait for it forever.
# --export: after "sbatch --export=NONE", PATH and MASTER_PORT would be unset.
# shellcheck disable=SC2086  # SRUN_ARGS are several words
exec srun --partition "$partition" --job-name "$job" "${layout[@]}" \
    --cpus-per-task "${CPUS_PER_TASK:-5}" --kill-on-bad-exit=1 \
    --export=ALL ${SRUN_ARGS:-} \
    "${PYTHON:-python}" -u "$tools/train.py" "$config" \
    --work-dir "$work_dir" --launcher slurm "${@:5}"
