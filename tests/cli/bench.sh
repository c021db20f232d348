#!/bin/sh
# Benchmarks of a tiny model: tables, files, what is replaced and what is left alone, a check that fails.
. "$(dirname "$0")/check.sh"

tiny_model
tiny="--model ./tiny.cfg --batch-size 8 --repeats 2"
FIDUCL_CACHE_DIR=$WORK/cache
export FIDUCL_CACHE_DIR

expect 0 "as_shipped" bench infer $tiny --out speed.json
grep -q '"format": "fiducl-benchmark"' speed.json || fail "speed.json is not a benchmark"
grep -q "^infer/tiny/batch8" stdout.txt || fail "the table does not have the workload"
expect 5 "--force" bench infer $tiny --out speed.json
# Without --out every run has a file of its own.
expect 0 "benchmark-infer-2" bench infer $tiny
set -- benchmark-infer-*T*Z.json
[ $# -eq 1 ] || fail "one benchmark without --out wrote: $*"
there "$1"
echo "precious" >precious.json
expect 5 "only a benchmark" bench infer $tiny --out precious.json --force
[ "$(cat precious.json)" = "precious" ] || fail "a file that is no benchmark was replaced"

# What tuning chose is used and named, unless it is left aside.
expect 0 "operations" tune --model ./tiny.cfg --batch-size 8
expect 0 "tuned" bench train $tiny --out speed.json --force
[ "$(grep -c '^device [0-9]*, ' stderr.txt)" -eq 1 ] || fail "the device is not named once"
grep -q '"solvers": "tuned"' speed.json || fail "the file does not say that the solvers are tuned"
grep -q '"share_of_kernels"' speed.json || fail "there is no time by kernel"
expect 0 "as_shipped" bench train $tiny --as-shipped --out shipped.json

# After an interrupt the file has what there is, and says so. Rounds go on for ever, so that it comes among them.
"$FIDUCL" bench infer --model ./tiny.cfg --batch-size 8 --repeats 1000 --out partial.json >stdout.txt 2>stderr.txt &
program=$!
await grep -q "repeats" stderr.txt
interrupt $program "an interrupted benchmark"
grep -q '"partial": true' partial.json || fail "what was measured before an interrupt is not in the file"
grep -q "^PARTIAL" stdout.txt || fail "the table does not say that it is partial"
grep -q "marked as partial, in partial.json" stderr.txt || fail "no word of the partial file"

# With a batch that is larger than the faces are many.
expect 11 "accuracy/tiny" bench accuracy --model ./tiny.cfg --seeds 1 --max-epochs 1 --batch-size 2304 --target 0.000001 \
  --out missed.json
grep -q '"passed": false' missed.json || fail "a missed target is not in the file"
grep -q "WRONG" stdout.txt || fail "a missed target is not in the table"
expect 3 "with a failed check of accuracy/tiny" bench accuracy --model ./tiny.cfg --seeds 1 --max-epochs 1 --batch-size 2304 \
  --target 0.000001 --out missed.json --add
# Added to runs that were right, here to another target, it takes nothing with it.
expect 0 "accuracy/tiny" bench accuracy --model ./tiny.cfg --seeds 1 --max-epochs 1 --batch-size 2304 --target 1000 \
  --out reached.json
sed 's/--target=1000/--target=0.000001/; s/"target_mae": 1000[.0]*/"target_mae": 0.000001/' reached.json >earlier.json
cp earlier.json before.json
expect 11 "'earlier.json' is as it was before this run" bench accuracy --model ./tiny.cfg --seeds 1 --max-epochs 1 \
  --batch-size 2304 --target 0.000001 --out earlier.json --add
grep -q "WRONG" stdout.txt || fail "a missed target of a run that was to be added is not in the table"
cmp -s earlier.json before.json || fail "a wrong run changed the runs before it"

# Whether the two clocks agree within their bound depends on the machine, the table and the figure do not.
"$FIDUCL" bench ops $tiny --out ops.json >stdout.txt 2>stderr.txt
code=$?
[ $code -eq 0 ] || [ $code -eq 11 ] || { fail "bench ops ends with $code"; cat stderr.txt >&2; }
grep -q "^conv  *backward_weights" stdout.txt || fail "an operation is missing from the table"
there ops.json
if command -v gnuplot >/dev/null; then
  there ops_roofline_tiny.svg ops_roofline_tiny.png ops_roofline_tiny.csv
  # They are of the first run.
  cksum ops_roofline_tiny.* >before.txt
  "$FIDUCL" bench ops $tiny --out ops.json --add >stdout.txt 2>stderr.txt
  code=$?
  # 3 where the first one's clocks did not agree.
  [ $code -eq 0 ] || [ $code -eq 11 ] || [ $code -eq 3 ] ||
    { fail "bench ops --add ends with $code"; cat stderr.txt >&2; }
  cksum ops_roofline_tiny.* | cmp -s - before.txt || fail "a run that was added changed the figures"
  rm ops.json
  expect 5 "ops_roofline_tiny.svg" bench ops $tiny --out ops.json
fi
finish
