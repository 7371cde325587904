#!/usr/bin/env bash
# 2-GRPO on a Ray cluster that is already there, handed in to its dashboard. The job goes on when this shell ends.
#
#   configs/cluster/ray-job.sh http://HEAD:8265              # a new run
#   configs/cluster/ray-job.sh http://HEAD:8265 --resume     # goes on from the newest checkpoint
#
# Start it in the folder that holds `.venv`, the data and `runs`, which every node sees at the same path. The packages
# are those with which Ray was started, so start Ray with the same `.venv`.
set -euo pipefail

dashboard=${1:?name the address of the dashboard, such as http://HEAD:8265}
shift
config=configs/openrlhf-2grpo.yaml
name=twogrpo-$(date +%Y%m%d-%H%M%S)

# Nothing is uploaded: the job changes into this folder. `ray job logs --follow` shows it again, `ray job stop` ends it.
exec ray job submit --address "$dashboard" --submission-id "$name" -- \
    env --chdir="$PWD" .venv/bin/twogrpo online "$config" "$@"
