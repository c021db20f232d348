#!/bin/sh
# Ten steps of both models that 1, 2 and 4 processes take together: the losses are those of one process alone.
# usage: ranks_steps.sh PROGRAM MPIEXEC
. "$(dirname "$0")/check.sh"
several_ranks "${2:?"usage: ranks_steps.sh PROGRAM MPIEXEC"}"

# The last step has a batch of 12.
"$FIDUCL" synth --out faces --count 332 --seed 3 --quiet || fail "no faces"
"$FIDUCL" prepare faces --out prepared --split 300,16,16 --quiet || fail "not prepared"

# same_steps LOG LOG: ten losses each, as far apart as docs/kernels.md allows.
same_steps() {
  awk -F, 'FNR == 1 { next }
           NR == FNR { loss[$1] = $2; next }
           { n++; d = $2 / loss[$1] - 1; if (!(d > -1e-4 && d < 1e-4)) bad = 1 }
           END { exit bad || n != 10 }' "$1" "$2" || { fail "$1 and $2 have different losses"; cat "$1" "$2"; }
}

for model in base_model model_v1; do
  # The rate of the recipe `original`, as in tests/train/devices.c.
  arguments="prepared --model $model --batch-size 32 --epochs 1 --lr 1e-5 --schedule constant --seed 5"
  expect 0 "1 epoch" train $arguments --out $model --step-log $model.csv
  together 1 0 "1 epoch" train $arguments --out $model-1 --step-log $model-1.csv
  together 2 0 "1 epoch" train $arguments --out $model-2 --step-log $model-2.csv --shares 3,1
  together 4 0 "1 epoch" train $arguments --out $model-4 --step-log $model-4.csv
  for n in 1 2 4; do same_steps $model.csv $model-$n.csv; done
done
finish
