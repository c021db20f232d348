#!/bin/sh
# Faults put into copies of the kernels: the self-test notices each, training goes around a solver that is wrong where there is
# another, and does not begin where there is none.
. "$(dirname "$0")/check.sh"
SOURCES=${2:?"usage: SCRIPT PROGRAM KERNELS"}
FIDUCL_CACHE_DIR=$WORK/cache
export FIDUCL_CACHE_DIR
tiny_model

# noticed TEXT ARGUMENT...: the self-test finds something, and says TEXT.
noticed() {
  text=$1
  shift
  expect 11 "$text" selftest --quick --first "$@"
}

expect 2 "there is no operation 'convolve'" selftest --operation convolve
expect 2 "there is no solver 'conv_magic'" selftest --solver conv_magic
expect 2 "none of the solvers" selftest --operation adam --solver dropout
expect 2 "--quick leaves the models' shapes out" selftest --quick --model base_model

# Without a fault, as a table and as JSON.
expect 0 " 0 failed, " selftest --quick --operation finite_check --operation pool_backward --operation loss
grep -q "^finite_check .* exact$" stdout.txt || fail "the table has no exact operation"
grep -q "^pool_backward .* 16 eps " stdout.txt || fail "the table does not say what the tolerance is"
grep -q "^pool_backward *pool_blocks .* [1-9][0-9]* *[0-9.e-]* *16 eps" stdout.txt ||
  fail "windows that overlap are not counted as not supported"
expect 0 '"format": "fiducl-selftest"' selftest --quick --operation adam --json - -q
grep -q '"outcome": "passed"' stdout.txt || fail "the JSON has no case that passed"
grep -q "^operation " stdout.txt && fail "a table among the JSON"
expect 0 "passed" selftest --operation loss --model ./tiny.cfg --json cases.json
grep -q '"shape": "model"' cases.json || fail "a model's shapes are missing"

# One fault of each kind.
break_kernel conv_general.cl "max(0, -top)" "max(1, -top)" # border
noticed "conv_general: y[" --operation conv_forward --solver conv_general
grep -q "wrong  conv_forward in=" stdout.txt || fail "the shape is not named"
grep -q "times the bound" stdout.txt || fail "how wrong is not said"
break_kernel sum_parts.cl "i >= N_WEIGHTS + N_BIASES" "i >= N_WEIGHTS + N_BIASES - 1" # last channel
noticed "conv_general: db was not written everywhere" --operation dense_backward_weights --solver conv_general
break_kernel sum_parts.cl "if (i >= N_WEIGHTS + N_BIASES) return;" "" # beyond the end
noticed "was written beyond its end" --operation dense_backward_weights --solver conv_general
break_kernel adam.cl "min(begin + PER_ITEM, n_vectors)" "min(begin + PER_ITEM, n_vectors - 1)" # partial tile
noticed "adam: " --operation adam
break_kernel masked_mse.cl "i += n_partials" "i += n_partials + 1" # stride
noticed "masked_mse: dx was not written everywhere" --operation loss
break_kernel dropout.cl "unit >= " "unit < " # sign
noticed "dropout: " --operation dropout_forward
break_kernel finite_check.cl "together |= partial" "together = partial" # accumulator
noticed "finite_check: flag[" --operation finite_check
break_kernel activation.cl "LOAD(x, i) + LOAD(x2, i)" "LOAD(x, i) + LOAD(x2, 0)" # index
noticed "add: y[" --operation add
break_kernel pool_forward.cl "IS_GREATER_OR_NAN(candidate, best)" "(candidate > best)" # NaN
noticed "should be nan" --operation pool_forward
break_kernel conv_tiled.cl "multiply(sums, left, right, item);" "multiply(sums, left, right, (item + 1) % ITEMS);"
noticed "conv_tiled:16x32x8: " --operation conv_forward --solver conv_tiled:16x32x8
break_kernel adam.cl "flag\[0\] != 0" "flag[0] != nothing" # does not build
noticed "does not build" --operation adam
grep -q "^broken  adam" stdout.txt || fail "a kernel that does not build is not called broken"

# Training: another solver where there is one, with a warning that names kernel, shape and error; else it does not begin.
unset FIDUCL_KERNEL_DIR
"$FIDUCL" synth --out faces --count 40 --seed 1 --quiet >/dev/null || fail "no faces"
"$FIDUCL" prepare faces --out prepared --split 24,8,8 --quiet >/dev/null || fail "not prepared"
train="train prepared --model ./tiny.cfg --epochs 1 --batch-size 8"
expect 0 "good: 1 epoch" $train --out good
usual=$(used good conv_forward) other=conv_general
if [ "$usual" = conv_direct ]; then
  break_kernel conv_direct.cl "value += biases\[v\]" "value -= biases[v]"
  expect 0 "fiducl: warning: conv_forward in=96x96x1 out=12x12x4 kernel=3x3 stride=8x8" $train --out around
  grep -q "conv_direct: y\[.*times the bound.*: a wrong result, so this solver is not used" stderr.txt ||
    fail "the warning does not say which solver is how wrong"
  other=$(used around conv_forward)
  [ "$other" ] && [ "$other" != conv_direct ] || fail "the wrong solver is used all the same"
  grep -q "	fail	.*	conv_direct	conv_forward in=96x96x1" cache/solvers/*.txt || fail "the failure is not remembered"
  expect 0 "is not used" $train --out again # and said again
  expect 11 "conv_direct: y[" $train --out none --solver conv_forward=conv_direct
  break_kernel conv_direct.cl "value += biases\[v\]" "value += undeclared"
  expect 0 "solver conv_direct is not used: cl/conv_direct.cl does not build" $train --out around --force
fi
unset FIDUCL_KERNEL_DIR
expect 0 "good: 1 epoch" $train --out good --force
[ "$(used good conv_forward)" = "$usual" ] || fail "the failure of other kernels is held against the right ones"

# What a step ends with has one solver each.
break_kernel adam.cl "LOAD(w, i) - step_size" "LOAD(w, i) + step_size"
expect 11 "adam count=" $train --out none
grep -q "adam: w\[.*times the bound" stderr.txt || fail "the error does not say how wrong the kernel is"
break_kernel masked_mse.cl "squares += difference" "squares = difference"
expect 11 "masked_mse: stats[" $train --out none
break_kernel finite_check.cl "found = together << 1" "found = 0"
expect 11 "finite_check: flag[" $train --out none
[ -e none ] && fail "a training that did not begin left a folder"
finish
