#!/bin/sh
# A run that `train --resume --device` moves to another device and back: it says so, records both, and learns what it would
# have learned. The other device is PoCL's second CPU device where that can be had, else any other that is listed.
. "$(dirname "$0")/check.sh"
tiny_model

"$FIDUCL" devices --json >devices.json || fail "no devices"
if grep -q '"Portable Computing Language"' devices.json; then
  export POCL_DEVICES="pthread basic" FIDUCL_DEVICE=
  here="portable computing language:pthread" other="portable computing language:basic"
else
  n=$(grep -c '"index"' devices.json)
  [ "$n" -ge 2 ] || { echo "SKIPPED: one device alone is listed, so that no run can be moved"; exit 77; }
  here=0 other=1
fi
"$FIDUCL" devices >listed.txt
[ "$here" = 0 ] || [ "$(grep -c 'Portable Computing Language' listed.txt)" -ge 2 ] ||
  { echo "SKIPPED: this PoCL has no second device"; exit 77; }

"$FIDUCL" synth --out faces --count 64 --seed 3 --quiet || fail "no faces"
"$FIDUCL" prepare faces --out prepared --split 40,12,12 --quiet || fail "not prepared"
arguments="prepared --model ./tiny.cfg --batch-size 8 --epochs 4 --seed 5"
expect 0 "4 epochs" train $arguments --out stayed --device "$here"

# Within an epoch, and at the end of one.
expect 0 "" train $arguments --out moved --device "$here" --max-steps 7
expect 0 "4 epochs" train --resume moved --device "$other"
grep -qF "another device or driver than before" stderr.txt || { fail "the move was not told"; cat stderr.txt; }
grep -qF "results may differ" stderr.txt || fail "that bits may differ was not told"
[ "$(grep -c '"first_step"' moved/config.json)" -eq 2 ] || fail "the run did not record both devices"
grep -q '"first_step": 8' moved/config.json || fail "the run did not record where the other device began"
expect 0 "5 epochs" train --resume moved --epochs 5 --device "$here"
[ "$(grep -c '"first_step"' moved/config.json)" -eq 3 ] || fail "the run did not record the way back"

# 15 steps of a network of two layers amplify a difference of rounding (some 1e-6) by less than a hundred times.
awk -F, 'FNR == 1 { next }
         NR == FNR { loss[$1] = $4; next }
         $1 <= 4 { n++; d = ($4 - loss[$1]) / loss[$1]; if (d < -1e-4 || d > 1e-4) bad = 1 }
         END { exit bad || n != 4 }' stayed/history.csv moved/history.csv ||
  { fail "the moved run learned something else"; cat stayed/history.csv moved/history.csv; }
finish
