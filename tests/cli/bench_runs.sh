#!/bin/sh
# Benchmarks of several processes: in one file, apart from each other, and only what belongs together.
. "$(dirname "$0")/check.sh"

tiny_model
tiny="--model ./tiny.cfg --batch-size 8 --repeats 2"
FIDUCL_CACHE_DIR=$WORK/cache
export FIDUCL_CACHE_DIR

runs() { grep -c '"began"' "$1"; }
expect 0 "2 runs, each by a process of its own" bench infer $tiny --runs 2 --out runs.json
grep -q "^run 1 of 2" stderr.txt && grep -q "^run 2 of 2" stderr.txt || fail "nobody says which run it is"
[ "$(grep -c '^infer/tiny/batch8' stdout.txt)" -eq 1 ] || fail "the table is not one of all runs"
[ "$(runs runs.json)" -eq 2 ] || fail "runs.json does not have two runs"
[ "$(sed -n 's/.*"began": "\(.*\)",/\1/p' runs.json | sort -u | wc -l)" -eq 2 ] || fail "both runs began at once"
expect 5 "--force" bench infer $tiny --runs 2 --out runs.json
expect 0 "3 runs" bench infer $tiny --add --out runs.json
expect 0 "2 runs" bench infer $tiny --runs 2 --force --out runs.json
cp runs.json before.json
# The calibrating kernel is that of the run before, whichever is the fastest at this moment.
sed 's/"calibration_vector": [0-9]*/"calibration_vector": 4/' runs.json >narrow.json
expect 0 "3 runs" bench infer $tiny --add --out narrow.json
# What does not belong together is found before anything is measured, and nothing is lost.
expect 3 "a run with another command cannot be added to 'runs.json'" bench infer $tiny --as-shipped --add --out runs.json
expect 3 '"--threads=1"' bench infer $tiny --threads 1 --add --out runs.json
expect 3 "a run with another command" bench train $tiny --add --runs 2 --out runs.json
grep -q "run 1 of 2 failed" stderr.txt || fail "no word of the run that failed"
sed 's/"kernels": "/&0/' runs.json >other.json
expect 3 "a run with another fiducl.kernels cannot be added to 'other.json'" bench infer $tiny --add --out other.json
printf '{"format": "devices"}' >precious.json
expect 3 "not a benchmark" bench infer $tiny --add --out precious.json
expect 2 "--out FILE" bench infer $tiny --add
expect 2 "give one of them" bench infer $tiny --add --force --out runs.json
expect 2 "'/dev/null' is none" bench infer $tiny --runs 2 --out /dev/null
expect 2 "--runs" bench infer $tiny --runs 0 --out other.json
cmp -s runs.json before.json || fail "a refused run changed the file"

# Two that measure at the same time, of which each begins before the other one's run is in the file.
: >first.txt
"$FIDUCL" bench infer $tiny --add --out both.json >first.txt 2>&1 &
program=$!
await grep -q "warming up" first.txt
expect 0 "infer/tiny/batch8" bench infer $tiny --add --out both.json
wait $program || { fail "a run beside another one could not be added"; cat first.txt; }
[ "$(runs both.json)" -eq 2 ] || fail "one of two runs that were measured at the same time is lost"

# After an interrupt, here of the process that starts the others, the runs before it are kept.
"$FIDUCL" bench infer --model ./tiny.cfg --batch-size 8 --repeats 5 --runs 1000 --out stopped.json >stdout.txt 2>stderr.txt &
program=$!
await grep -q "^run 3 of" stderr.txt
interrupt $program "a benchmark of several runs"
[ "$(runs stopped.json)" -ge 2 ] || fail "the runs before an interrupt are not in the file"
[ "$(grep -c '"samples": 5' stopped.json)" -eq "$(runs stopped.json)" ] || fail "a run that is not whole is in the file"
grep -q '"partial": false' stopped.json || fail "whole runs are called partial"
grep -q "^infer/tiny/batch8" stdout.txt || fail "the runs before an interrupt are not shown"
grep -q "the runs before it are in stopped.json" stderr.txt || fail "no word of the runs that are kept"

# All of the process group get the signal, as from systemd: the first run keeps what it has measured.
setsid "$FIDUCL" bench infer --model ./tiny.cfg --batch-size 8 --repeats 1000 --runs 2 --out group.json >stdout.txt 2>stderr.txt &
program=$!
await grep -q "repeats" stderr.txt
interrupt -$program "a group"
grep -q '"partial": true' group.json || fail "what the first run measured before an interrupt of the group is lost"
expect 3 "'group.json', which is partial" bench infer --model ./tiny.cfg --batch-size 8 --repeats 1000 --add --out group.json

finish
