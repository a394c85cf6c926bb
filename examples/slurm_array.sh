#!/bin/sh
# One batch in as many parts as the array has tasks, none of which knows of another:
#   sbatch examples/slurm_array.sh cases.csv results/
#   facedeidln batch-merge results/        # when all have ended
# A task that was stopped goes on with the same command: sbatch --array=7 would change N, so use scontrol requeue JOB_7.
#SBATCH --array=0-63
#SBATCH --cpus-per-task=2
#SBATCH --mem=4G
#SBATCH --time=08:00:00
facedeidln batch "$1" "$2" --quiet --jobs "${SLURM_CPUS_PER_TASK:-1}" --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT"
code=$?
[ "$code" -eq 3 ] && exit 0 # some cases wait for a person: that is a result, and no failure of the task
exit "$code"
