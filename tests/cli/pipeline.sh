#!/bin/sh
# The pipeline on a few synthetic faces: what it leaves, what it refuses, and that an interrupted one goes on.
. "$(dirname "$0")/check.sh"

"$FIDUCL" synth --out faces --count 64 --seed 3 --quiet || fail "no faces"
arguments="faces --split 40,12,12 --models base_model --batch-size 16 --no-augment"

expect 2 "'0' is not" pipeline $arguments --out result --epochs 0
[ -e result ] && fail "wrong arguments left a folder"
expect 7 "" pipeline $arguments --out result --device "no such device"
[ -e result ] && fail "a wrong device left a folder"
mkdir mine && touch mine/precious
expect 5 "only a folder that fiducl made" pipeline $arguments --out mine --force
[ -e mine/precious ] || fail "--force removed a file that is not fiducl's"

# Interrupted once the first of many epochs is done.
"$FIDUCL" pipeline $arguments --out result --epochs 6 >stdout.txt 2>stderr.txt &
pid=$!
tries=0
while [ ! -s result/base_model/history.csv ] && [ $tries -lt 900 ] && kill -0 $pid 2>/dev/null; do
  sleep 0.1
  tries=$((tries + 1))
done
kill -INT $pid
wait $pid
code=$?
[ $code -eq 14 ] || { fail "an interrupted pipeline ends with $code"; cat stdout.txt stderr.txt >&2; }
grep -qF "go on with: fiducl pipeline --resume --out result" stderr.txt || fail "no hint how to go on"

expect 5 "not empty" pipeline $arguments --out result --epochs 6
expect 2 "--epochs 7 differs" pipeline $arguments --out result --epochs 7 --resume
expect 2 "--seed 0 differs" pipeline --out result --seed 0 --resume
mkdir elsewhere
expect 2 "differs" pipeline elsewhere --out result --resume
expect 0 "mean" pipeline $arguments --out result --epochs 6 --resume
grep -q "resumed" stderr.txt || fail "the training began anew"
[ "$(wc -l <result/base_model/history.csv)" -eq 7 ] || fail "the history has not 6 epochs"
there result/pipeline.json result/prepared/manifest.json result/base_model/evaluation.csv result/comparison.csv
grep -q "^base_model,test,12," result/comparison.csv || fail "comparison.csv has no row of the model"
grep -q "^mean,test,12," result/comparison.csv || fail "comparison.csv has no yardstick"
if command -v gnuplot >/dev/null; then
  there result/base_model/loss.png result/base_model/samples.svg result/base_model/errors.png
  before=$(cksum result/base_model/best.safetensors)
  expect 0 "result is finished" pipeline --resume --out result
  [ "$before" = "$(cksum result/base_model/best.safetensors)" ] || fail "a finished pipeline trained again"
fi

# What is wrong shows before --force removes anything.
cp -r faces result/inside
expect 2 "--split" pipeline $arguments --split 60,12,12 --out result --force
expect 2 "no solver is named 'nothing'" pipeline $arguments --solver conv=nothing --out result --force
expect 4 "none.csv" pipeline $arguments --group-by none.csv:who --out result --force
expect 2 "result/inside" pipeline result/inside --models base_model --out result --force
expect 2 "result/base_model/model.cfg" pipeline faces --models result/base_model/model.cfg --out result --force
there result/comparison.csv result/inside/face_images.npz result/base_model/best.safetensors
rm -r result/inside

# From another folder the recorded paths still hold.
(cd elsewhere && "$FIDUCL" pipeline --resume --out ../result --quiet >stdout.txt) || fail "resuming from another folder"
expect 0 "mean" pipeline $arguments --out result --epochs 1 --force --quiet
[ "$(wc -l <result/base_model/history.csv)" -eq 2 ] || fail "--force did not begin anew"
finish
