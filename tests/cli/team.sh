#!/bin/sh
# Two devices in one run: it learns what one device learns, whatever their shares are; stopped and resumed, or replayed, to the
# last bit; and it goes on when one of them fails. The devices are two of PoCL's.
. "$(dirname "$0")/check.sh"
tiny_model
two_devices

"$FIDUCL" synth --out faces --count 64 --seed 3 --quiet || fail "no faces"
"$FIDUCL" prepare faces --out prepared --split 40,12,12 --quiet || fail "not prepared"
arguments="prepared --model ./tiny.cfg --batch-size 8 --epochs 4 --seed 5"

same_weights() { # RUN RUN
  cmp -s "$1/best.safetensors" "$2/best.safetensors" || fail "$1 and $2 have different weights"
}

expect 0 "4 epochs" train $arguments --out alone --device "$one"
expect 0 "4 epochs" train $arguments --out shared --device "$both" --shares 3,1
same_losses alone shared
grep -q '"member": 1' shared/config.json || fail "the run did not record its second device"
tr -d ' \n' <shared/config.json | grep -qF '"samples":[6,2]' || fail "the run did not record its shares"

# Stopped within an epoch and resumed; and once more from its record.
expect 0 "" train $arguments --out stopped --device "$both" --shares 3,1 --max-steps 7
expect 0 "4 epochs" train --resume stopped
same_weights shared stopped
expect 0 "4 epochs" train --replay shared --out again
same_weights shared again
# Each has the solvers that are recorded of it.
cp -r shared other_solver
awk '/"conv_forward / { sub(/: "[^"]*"/, n++ ? ": \"conv_general\"" : ": \"conv_direct\"") } { print }' \
  shared/config.json >other_solver/config.json
expect 0 "4 epochs" train --replay other_solver --out other_solver_again
sed -n 's/.*"conv_forward .*: "\([^"]*\)".*/\1/p' other_solver_again/config.json | tr '\n' ' ' |
  grep -qx 'conv_direct conv_general ' || fail "devices did not get the solvers that were recorded of them"
expect 0 "4 epochs" train $arguments --out measured --device "$both"
same_losses alone measured
expect 0 "4 epochs" train --replay measured --out measured_again
same_weights measured measured_again
expect 0 "" train $arguments --out moved --device "$one" --max-steps 7
expect 0 "4 epochs" train --resume moved --device "$both" --duty 100%,50%
same_losses alone moved
expect 3 "repeated in one go" train --replay moved --out never
expect 5 "" train --replay shared --out again
expect 2 "all else is as the run recorded it" train --replay shared --out other --epochs 3

# One fails at step 7 and is left out from there on; the run goes on, is resumed without it, and can be replayed.
export FIDUCL_FAULT=fail:1@7
expect 0 "4 epochs" train $arguments --out failed --device "$both" --shares 1,1
unset FIDUCL_FAULT
grep -qF "failed and is dropped: device 1 fails at step 7" stderr.txt || { fail "the failure was not told"; cat stderr.txt; }
same_losses alone failed
tr -d ' \n' <failed/config.json | grep -qF '{"first_step":7,"samples":[8,0]}' || fail "the run did not record the failure"
expect 0 "4 epochs" train --replay failed --out failed_again
same_weights failed failed_again
expect 0 "5 epochs" train --resume failed --epochs 5

# Both fail: what was learned until then is kept, and the run is resumed with those that are there then.
export FIDUCL_FAULT=fail:0@13,fail:1@13
expect 8 "no device is left" train $arguments --out lost --device "$both" --shares 1,1
unset FIDUCL_FAULT
grep -qF "keeps its checkpoint of step 12" stderr.txt || { fail "the checkpoint was not told"; cat stderr.txt; }
expect 0 "4 epochs" train --resume lost
same_losses alone lost
expect 0 "" train $arguments --out halves --device "$both" --shares 1,1
same_weights halves lost

# One of them predicts; and all of it at once.
expect 0 "" evaluate shared --quiet
there shared/evaluation.csv
expect 0 "" predict measured --device "$both" --quiet
expect 0 "" pipeline faces --out whole --models ./tiny.cfg --split 40,12,12 --batch-size 8 --epochs 2 --device "$both" --shares 1,1
tr -d ' \n' <whole/tiny/config.json | grep -qF '"samples":[4,4]' || fail "the pipeline did not share"

expect 2 "3 shares for 2 devices" train $arguments --out bad --device "$both" --shares 1,2,3
expect 2 "'0' is not a whole number" train $arguments --out bad --device "$both" --shares 1,0
expect 2 "3 duties for 2 devices" train $arguments --out bad --device "$both" --duty 10%,20%,30%
expect 2 "a batch of 1 for 2 devices" train prepared --model ./tiny.cfg --batch-size 1 --out bad --device "$both"
[ ! -e bad ] || fail "a mistake left a folder"
finish
