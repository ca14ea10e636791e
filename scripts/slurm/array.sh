#!/usr/bin/env bash
# One job over many nodes: every task of a Slurm array makes its share of the
# pictures, all into one folder.
#
#   sbatch --array=1-8 --gres=gpu:1 scripts/slurm/array.sh \
#       --prompts prompts.txt --seeds 1..50 -o /shared/tonight
#
# What sbatch is given wins over the lines below. Arguments are those of
# `nightjar generate`; seeds have to be named, so that all tasks mean the same
# pictures. NIGHTJAR names the program where it is not in the path.
#
# Before its time is up, or when it is preempted with a grace time, a task is
# told with SIGTERM: it finishes the pictures it is making and asks to be queued
# again. The folder says how far it came, so the next start goes on there; a
# task that is killed without a word loses the pictures in flight, no more.
#
#SBATCH --job-name=nightjar
#SBATCH --array=1-4
#SBATCH --time=08:00:00
#SBATCH --signal=B:TERM@300
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=nightjar-%A_%a.log
set -u

restarts_max=${NIGHTJAR_RESTARTS_MAX:-100}
restarts=${SLURM_RESTART_COUNT:-0}
program=${NIGHTJAR:-nightjar}

echo "task ${SLURM_ARRAY_TASK_ID:?sbatch starts this script} on $(hostname)," \
    "start $((restarts + 1))"
"$program" generate "$@" --shard slurm &
child=$!
trap 'echo "asked to end: finishing the pictures in flight"
      kill -TERM "$child" 2>/dev/null' TERM
# A signal ends `wait` early, the child goes on.
while :; do
    wait "$child"
    status=$?
    kill -0 "$child" 2>/dev/null || break
done
echo "exit status $status"
if [ "$status" = 130 ] && [ "$restarts" -lt "$restarts_max" ]; then
    echo "queued again"
    scontrol requeue "$SLURM_JOB_ID"
    # Slurm ends this start now.
    sleep 60
fi
exit "$status"
