#!/bin/sh
# The verdict of tools/compare-devices on runs as it keeps them, three seeds of the reduced model.
set -u
PYTHON=${1:?"usage: SCRIPT PYTHON COMPARE-DEVICES"} COMPARE=${2:?"usage: SCRIPT PYTHON COMPARE-DEVICES"}
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
cd "$WORK" || exit 1
failures=0

fail() {
  echo "FAILED: $*" >&2
  cat stdout.txt stderr.txt >&2
  failures=$((failures + 1))
}

# run TRAINING DEVICE SEED MAE LOSS...: a run that ended at that validation MAE, with the losses of its steps.
run() {
  folder=runs/$1/$2.$3 mae=$4
  shift 4
  mkdir -p "$folder"
  { echo "epoch,train_loss,val_loss,val_mae" && echo "1,0.1,0.1,9" && echo "2,0.1,0.1,$mae"; } >"$folder/history.csv"
  { echo "step,loss" && printf '%s\n' "$@" | nl -w 1 -s ,; } >"$folder.csv"
  touch "$folder.finished"
}

# agreeing: runs of the means 2.0 and 2.1 px, each with a standard deviation of 0.1, and differences below every bound:
# 9e-5 of step 1, 2.3e-3 of step 2, 5.9e-3 of step 5. Step 6 is off by 1.
agreeing() {
  rm -rf runs
  run two_steps pocl 0 9 0.5 0.4
  run two_steps intel 0 9 0.500045 0.40092
  for seed in 0 1 2; do
    run reduced pocl $seed $(echo "1.9 2.0 2.1" | cut -d ' ' -f $((seed + 1))) 0.5 0.4 0.3 0.2 0.1 0.09 0.08
    run reduced intel $seed $(echo "2.0 2.1 2.2" | cut -d ' ' -f $((seed + 1))) 0.500045 0.40092 0.3 0.2 0.10059 0.18 0.08
  done
  run reduced moved 0 2.05 0.5
}

# verdict CODE [ARGUMENT...]
verdict() {
  code=$1
  shift
  "$PYTHON" "$COMPARE" --show --quick --device pocl --device intel --out runs "$@" >stdout.txt 2>stderr.txt
  got=$?
  [ $got -eq "$code" ] || fail "exit code $got, wanted $code"
}

has() {
  grep -qxF -e "$1" stdout.txt || fail "no line '$1' in"
}

# disagrees LINE: it is the one thing that is wrong.
disagrees() {
  verdict 1
  has "DISAGREE: $1"
  [ "$(grep -c DISAGREE stdout.txt)" -eq 1 ] || fail "more is wrong than '$1'"
  ! grep -q 'All agree' stdout.txt || fail "agreed all the same"
}

# The pooled standard deviation is 0.1 with 4 degrees of freedom: 4.60 * 0.1 * sqrt(1/3 + 1/3) = 0.3756, and with
# sqrt(1 + 1/3) 0.5312.
agreeing
verdict 0
has "| two_steps | intel | 0 | 9.0e-05 | 2.3e-03 | 2.3e-03 (step 2 of 2) |"
has "| reduced | intel | 2 | 9.0e-05 | 5.9e-03 | 1.0e+00 (step 6 of 7) |"
has "| reduced | pocl | 3 | 2.0000 | 0.1000 |  |  |  |"
has "| reduced | intel | 3 | 2.1000 | 0.1000 | +0.1000 | 0.3756 | 0.1000 |"
has "| reduced | moved | 1 | 2.0500 |  | +0.0500 | 0.5312 | 0.1500 |"
has "All agree: the first steps within rounding, the ends within the spread of seeds."
cmp -s stdout.txt runs/verdict.md || fail "verdict.md is another one"

# Losses.
run reduced intel 1 2.1 0.500055 0.4 0.3 0.2 0.1
disagrees "reduced on intel, seed 1: the loss of step 1 is 0.500055, on pocl 0.5: off by 0.00011, 0.0001 allowed"
agreeing
run reduced intel 2 2.2 0.5 0.4 0.3 0.2 0.0993
disagrees "reduced on intel, seed 2: the loss of step 5 is 0.0993, on pocl 0.1: off by 0.007, 0.006 allowed"
agreeing
run two_steps intel 0 9 0.5 0.401
disagrees "two_steps on intel, seed 0: the loss of step 2 is 0.401, on pocl 0.4: off by 0.0025, 0.0024 allowed"
agreeing
run reduced intel 0 2.0 0.5 0.4 nan 0.2 0.1
disagrees "reduced on intel, seed 0: the loss of step 3 is nan, on pocl 0.3: off by nan, 0.0036 allowed"

# Ends.
agreeing
for seed in 0 1 2; do run reduced intel $seed 2.$((seed + 3)) 0.5 0.4 0.3 0.2 0.1; done
disagrees "reduced: the validation MAE ends at 2.4000 px on intel, at 2.0000 px on pocl: +0.4000 px, 0.3756 allowed"
agreeing
run reduced moved 0 1.4 0.5
disagrees "reduced: the validation MAE ends at 1.4000 px on moved, at 2.0000 px on pocl: -0.6000 px, 0.5312 allowed"
agreeing
run reduced moved 0 nan 0.5
disagrees "reduced: the validation MAE ends at nan px on moved, at 2.0000 px on pocl: +nan px, 0.5312 allowed"

# What is not there was not compared.
agreeing
rm runs/reduced/intel.1.finished
disagrees "reduced on intel, seed 1: there is no finished run"
agreeing
rm runs/reduced/moved.0.finished
disagrees "reduced on moved, seed 0: there is no finished run"
agreeing
rm runs/two_steps/intel.0.csv
disagrees "two_steps on intel, seed 0: step 1 is missing, or on pocl"
agreeing
run reduced pocl 0 1.9 0.5 0.4 0.3 0.2
disagrees "reduced on intel, seed 0: step 5 is missing, or on pocl"
agreeing
verdict 1 --device oclgrind
has "DISAGREE: two_steps on oclgrind, seed 0: step 1 is missing, or on pocl"
verdict 1 --seeds 4
has "DISAGREE: reduced on intel, seed 3: there is no finished run"
agreeing
rm -r runs/reduced/intel.*
verdict 1
has "DISAGREE: reduced on intel, seed 2: there is no finished run"
has "| reduced | pocl | 3 | 2.0000 | 0.1000 |  |  |  |"
rm -rf runs
verdict 1
has "DISAGREE: reduced on pocl, seed 0: there is no finished run"

# What makes no comparison.
verdict 2 --seeds 1
"$PYTHON" "$COMPARE" --show --device pocl --out runs >stdout.txt 2>stderr.txt
[ $? -eq 2 ] || fail "one device was compared"
mkdir -p runs
echo '{"quick": false}' >runs/settings.json
"$PYTHON" "$COMPARE" --quick --out runs --program /nowhere >stdout.txt 2>stderr.txt
[ $? -eq 1 ] && grep -q "name another --out" stderr.txt || fail "runs of other settings were gone on with"
[ "$failures" -eq 0 ] || { echo "$failures failures" >&2; exit 1; }
