#!/bin/sh
# The commands one after the other on a few synthetic faces, and the exit codes of typical errors.
. "$(dirname "$0")/check.sh"

expect 0 "platform" devices
expect 0 '"devices"' devices --json
expect 0 "driver_version" devices -v
expect 0 "base_model" summary base_model
expect 0 "{" summary base_model --json --batch-size 7
expect 0 "in 3 parts of at most 11" summary base_model --memory-limit 100M
expect 0 "of 150.0 MiB, which was asked for" summary base_model --device "${FIDUCL_DEVICE:-auto}" --memory-limit 150M
expect 2 "'much' is not a size such as 512M" summary base_model --memory-limit much
expect 10 "even with one image at a time" summary base_model --memory-limit 50M

expect 0 "64 faces in faces" synth --out faces --count 64 --seed 3
there faces/face_images.npz faces/facial_keypoints.csv
expect 5 "--force" synth --out faces --count 64
expect 0 "64 faces" synth --out faces --count 64 --seed 3 --force --quiet
[ -s stderr.txt ] && fail "--quiet prints to stderr"
mkdir mine && touch mine/precious
expect 5 "only a folder that fiducl made" synth --out mine --count 1 --force
there faces/face_images.npz
[ -e mine/precious ] || fail "--force removed a file that is not fiducl's"

expect 0 "64 images analyzed" analyze faces --out analysis
expect 0 "train: 40 rows" prepare faces --out prepared --split 40,12,12
expect 5 "not empty" prepare faces --out prepared --split 40,12,12
expect 4 "missing" analyze missing

cp faces/facial_keypoints.csv prepared/
expect 2 "prepared/facial_keypoints.csv" prepare --images faces/face_images.npz \
  --keypoints prepared/facial_keypoints.csv --out prepared --force
expect 2 "a split into 60, 12 and 12 rows" prepare faces --out prepared --split 60,12,12 --force
there prepared/facial_keypoints.csv prepared/manifest.json
rm prepared/facial_keypoints.csv

expect 7 "no such device" train prepared --model base_model --device "no such device" --out none
[ -e none ] && fail "a wrong device left a folder"

small="--batch-size 16 --no-augment"
expect 0 "recipe standard for base_model: 2 epochs, batch 16" train prepared --model base_model --out run --epochs 2 $small
[ "$(head -c 15 stdout.txt)" = "recipe standard" ] || fail "the first line does not name the recipe"
grep -q "^device [0-9]" stderr.txt || fail "nothing says which device it is"
there run/config.json run/best.safetensors run/history.csv run/checkpoint.safetensors
expect 5 "not empty" train prepared --model base_model --out run --epochs 1 $small
expect 0 "begun: 0 epochs" train prepared --model base_model --out begun --max-steps 0 $small --quiet
[ "$(wc -l <stdout.txt)" -eq 2 ] || fail "--quiet: not the recipe and the result"
grep -q -e "^device" -e "MiB" stderr.txt && fail "--quiet prints a log"
rm begun/best.safetensors
expect 3 "'begun' has no weights yet" predict begun
expect 4 "missing/steps.csv" train prepared --model base_model --out run --force --step-log missing/steps.csv $small
expect 2 "no solver is named" train prepared --model base_model --out run --force --solver conv=nothing $small
expect 2 "run/best.safetensors" train prepared --model base_model --out run --force --init-weights run/best.safetensors
there run/best.safetensors
expect 0 "run: 2 epochs" train --resume run
expect 0 "run: 3 epochs" train --resume run --epochs 3
[ "$(wc -l <run/history.csv)" -eq 4 ] || fail "the history has not 3 epochs"
expect 0 "predictions in run/predictions.csv" predict run
[ "$(wc -l <run/predictions.csv)" -eq 13 ] || fail "not one prediction for each test image"
expect 0 "mean" evaluate run --split validation
grep -q "^mean,validation,12," run/evaluation.csv || fail "no yardstick in evaluation.csv"
expect 0 "predictions in found" predict run --images faces/face_images.npz --out found
[ "$(wc -l <found/predictions.csv)" -eq 65 ] || fail "not one prediction for each image of an array"
if command -v gnuplot >/dev/null; then
  expect 0 "figures in run" plot run
  there run/loss.svg run/loss.png run/samples.svg run/samples.png run/errors.svg run/errors.png
else
  expect 13 "gnuplot" plot run
fi

# Tuning, with a cache of its own: a budget that is over at once, a table with a total, and a file that training reads.
FIDUCL_CACHE_DIR=$WORK/cache
export FIDUCL_CACHE_DIR
tiny_model
expect 0 "The budget of 1e-06 s is used up" tune --model ./tiny.cfg --batch-size 8 --budget 0.000001
grep -rq "	tuned	" cache/solvers && fail "something is tuned without any time"
# Two layers: five operations of training, and prediction of one image and of many, two each.
mkdir cache/auto && echo "{}" >cache/auto/0123456789abcdef0123456789abcdef.json
expect 0 "9 of 9 operations" tune --model ./tiny.cfg --batch-size 8
[ -e cache/auto ] && fail "what --device auto measured with other solvers is still there"
grep -q "conv_backward_weights in=96x96x1" stdout.txt || fail "an operation is missing from the table"
[ "$(cat cache/solvers/*.txt | grep -c "	tuned	")" -eq 9 ] || fail "not one tuned solver for each operation"
expect 0 "9 of 9 operations" tune --model ./tiny.cfg --batch-size 8
# What the file says is used: another choice in it becomes another choice of the run.
sed -i -e '/conv_forward/s/	tuned	/	-	/' -e '/	conv_general	conv_forward/s/	-	/	tuned	/' cache/solvers/*.txt
expect 0 "tuned_run: 1 epoch" train prepared --model ./tiny.cfg --out tuned_run --epochs 1 --batch-size 8
grep "conv_forward" tuned_run/config.json | grep -q "conv_general" || fail "the run does not use what tuning chose"
# A variant is asked for by name and recorded with it.
expect 0 "variant: 1 epoch" train prepared --model ./tiny.cfg --out variant --epochs 1 --batch-size 8 \
  --solver conv=conv_tiled:16x32x8
grep "conv_backward_weights" variant/config.json | grep -q "conv_tiled:16x32x8" || fail "the run does not record a variant"
expect 0 "variant: 2 epochs" train --resume variant --epochs 2
expect 2 "no solver is named 'conv_tiled:1x1x1'" train prepared --model ./tiny.cfg --out none \
  --solver conv_forward=conv_tiled:1x1x1

cp -r prepared edited
sed -i 's/"seed": "[0-9]*"/"seed": "77"/' edited/manifest.json
expect 3 "edited/manifest.json' was edited" evaluate run --data edited

# A batch of 16 where there is room for one of 8 and a tenth more; then for half of that.
expect 10 "even with one image at a time" train prepared --model ./tiny.cfg --out none --memory-limit 1K
expect 2 "'0' is not a size" train prepared --model ./tiny.cfg --out none --memory-limit 0
[ -e none ] && fail "memory that is not enough left a folder"
room_for() {
  "$FIDUCL" summary ./tiny.cfg --batch-size "$1" --device "${FIDUCL_DEVICE:-auto}" --json |
    sed -n 's/.*"total": \([0-9]*\),*/\1/p'
}
limit=$(($(room_for 8) * 11 / 10))
expect 0 "a batch of 16 in 1 part does not fit into the memory of" \
  train prepared --model ./tiny.cfg --out parts --epochs 1 --batch-size 16 --memory-limit $limit
grep -q "together on the device" stderr.txt || fail "the plan of memory is not shown"
grep -q "a batch of 16 in 2 parts of at most 8" parts/summary.txt || fail "the run's summary does not have the parts"
grep -q "\"memory_limit\": $limit" parts/config.json || fail "the limit is not recorded"
grep -q '"parts": 2' parts/config.json || fail "the parts are not recorded"
expect 0 "it is computed in 4 parts" train --resume parts --epochs 2 --memory-limit $(($(room_for 4) * 11 / 10))
expect 10 "even with one image at a time" train --resume parts --epochs 3 --memory-limit 1K
expect 0 "parts: 3 epochs" train --resume parts --epochs 3

echo "changed" >>prepared/manifest.json
expect 3 "" evaluate run
finish
