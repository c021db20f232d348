#!/bin/sh
# Parts of a device, and --device auto between two devices, which PoCL is asked for.
. "$(dirname "$0")/check.sh"
unset FIDUCL_DEVICE
FIDUCL_CACHE_DIR=$WORK/cache POCL_DEVICES="basic pthread"
export FIDUCL_CACHE_DIR POCL_DEVICES
tiny_model
expect 0 "64 faces" synth --out faces --count 64 --seed 3
expect 0 "train: 40 rows" prepare faces --out prepared --split 40,12,12
train="train prepared --model ./tiny.cfg --epochs 1 --batch-size 8 --out"

# recorded RUN: the device in its config.json.
recorded() {
  sed -n 's/^  "device": "\(.*\)",*$/\1/p' "$1/config.json"
}

expect 0 '"divides_by_counts": true' devices --json
expect 7 "it has" $train none --device pthread:100000cores
expect 7 "one core at least" $train none --device pthread:0cores
[ -e none ] && fail "a part that cannot be had left a folder"
if [ "$(nproc)" -gt 1 ]; then
  expect 0 "can be divided: --device" devices
  expect 0 "part: 1 epoch" $train part --device pthread:1core
  grep -q "^device [0-9]*, .*pthread.*:1core$" stderr.txt || fail "nothing says that it is a part: $(cat stderr.txt)"
  case $(recorded part) in
    *pthread*:1core) ;;
    *) fail "the run records '$(recorded part)'" ;;
  esac
  expect 0 "part: 2 epochs" train --resume part --epochs 2
  grep -q "solvers are chosen anew" stderr.txt && fail "the resumed run is on another device"
  expect 0 "predictions in part" predict part
  grep -q "^device .*:1core$" stderr.txt || fail "the prediction is not on the run's part"
fi

expect 2 "--explain is for --device auto" $train none --explain
expect 2 "--explain is for --device auto" predict part --device cpu --explain
# Mistakes are found before anything is measured.
expect 2 "no solver is named" $train none --device auto --solver conv=nothing
[ -e cache/auto ] && fail "devices were measured in vain"

expect 0 "first: 1 epoch" $train first --device auto
grep -q "ms a step  images/s  device" stderr.txt || fail "there is no table: $(cat stderr.txt)"
[ "$(grep -c '^[* ] *[0-9.][0-9.]* *[0-9][0-9]*  .*:' stderr.txt)" -ge 2 ] || fail "not two devices are in the table: $(cat stderr.txt)"
chosen=$(sed -n 's/^\* *[0-9.]* *[0-9]*  //p' stderr.txt)
[ -n "$chosen" ] && [ "$chosen" = "$(recorded first)" ] || fail "'$chosen' was chosen and '$(recorded first)' was used"
[ "$(ls cache/auto | wc -l)" -eq 1 ] || fail "the choice is not kept: $(ls cache/auto)"
grep -q "\"chosen\": \"$chosen\"" cache/auto/*.json || fail "the file has another choice"
expect 0 "1 choice of --device auto is kept" cache

# From the cache: a line, all of it on request, and for a run's model too.
expect 0 "auto: $chosen, " $train second --device auto
grep -q "images/s  device" stderr.txt && fail "what is known is shown as if it were new"
expect 0 "(from the cache)" $train none --device auto --explain
grep -q "^\* .*$chosen" stdout.txt || fail "--explain does not show the table: $(cat stdout.txt)"
[ -e none ] && fail "--explain trains"
expect 0 "auto: $chosen, " predict first --device auto
expect 0 "(from the cache)" evaluate first --device auto --explain
[ -e first/evaluation.csv ] && fail "--explain evaluates"
expect 0 "auto: $chosen, " train --resume first --epochs 2 --device auto
FIDUCL_DEVICE=auto
export FIDUCL_DEVICE
expect 0 "(from the cache)" $train none --explain
unset FIDUCL_DEVICE
expect 0 "(from the cache)" bench train --model ./tiny.cfg --batch-size 8 --device auto --explain
expect 0 "(from the cache)" selftest --model ./tiny.cfg --batch-size 8 --device auto --explain
[ "$(ls cache/auto | wc -l)" -eq 1 ] || fail "it was measured again: $(ls cache/auto)"

expect 0 "(from the cache)" tune --model ./tiny.cfg --batch-size 8 --device auto --explain

# Measured anew among parts, of which that of the first device cannot be had, and after clearing.
expect 0 "basic" $train none --device auto:2cores --explain
grep -q "from the cache" stdout.txt && fail "parts are taken for whole devices"
[ "$(ls cache/auto | wc -l)" -eq 2 ] || fail "not two choices are kept: $(ls cache/auto)"
expect 0 "files removed" cache --clear
[ -e cache/auto ] && fail "--clear keeps choices"

# A single device is what is taken.
POCL_DEVICES=pthread
if [ "$("$FIDUCL" devices --json | grep -c '"index"')" -eq 1 ]; then
  expect 0 "is the only device" $train single --device auto
  case $(recorded single) in
    *pthread*) ;;
    *) fail "the only device is not used: '$(recorded single)'" ;;
  esac
fi

# The pipeline: each model's own.
POCL_DEVICES="basic pthread"
expect 0 "result" pipeline faces --out result --models ./tiny.cfg --epochs 1 --batch-size 8 --split 40,12,12 --device auto -q
[ -n "$(recorded result/tiny)" ] || fail "the pipeline records no device"
expect 0 "is finished" pipeline --resume --out result --device auto
finish
