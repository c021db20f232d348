#!/bin/sh
# Faults that kernels have only where pooling is fused into a convolution: training notices each, takes the next solver that
# pools, or computes the pooling on its own where none is right, and learns the same.
. "$(dirname "$0")/check.sh"
SOURCES=${2:?"usage: SCRIPT PROGRAM KERNELS"}
FIDUCL_CACHE_DIR=$WORK/cache
export FIDUCL_CACHE_DIR

# Two convolutions with pooling and one without between them, which have as many channels as Winograd's method is likely to be
# the fastest with, so that it is taken without measuring.
cat >pooled.cfg <<'end'
layers = (
  { type = "conv"; filters = 32; kernel = 3; stride = 2; padding = "same"; activation = "relu"; },
  { type = "max_pool"; window = 2; },
  { type = "conv"; filters = 64; kernel = 3; padding = "same"; activation = "leaky_relu"; alpha = 0.1; },
  { type = "conv"; filters = 64; kernel = 3; padding = "same"; activation = "relu"; },
  { type = "max_pool"; window = 2; },
  { type = "flatten"; },
  { type = "dense"; units = 30; }
);
end
first="in=96x96x1" alone="in=24x24x32" second="in=24x24x64" pooled="in=24x24x64 .*pool=2x2,places"
# With few epochs the learning rate is soon so high that a wrong place shows in the second loss already: with the place of every
# maximum in the other row, losses were off by 2.9e-3, 1.3e-2 and 1.1e-2, where 1.2e-3, 2.4e-3 and 3.6e-3 are allowed.
STEPS=4
train="train prepared --model ./pooled.cfg --epochs 4 --max-steps $STEPS --batch-size 8 --seed 3"

# learn RUN [OPTION...]: trains, keeping what it says in RUN.txt and each step's loss in RUN.csv.
learn() {
  run=$1
  shift
  expect 0 "$run: " $train --out "$run" --step-log "$run.csv" "$@"
  cat stdout.txt stderr.txt >"$run.txt"
}

# With Winograd's method, whose rounding may decide between pixels that are nearly equal, the loss after n steps is held to n
# times 1.2e-3 of it (docs/kernels.md); that before the first step, which no maximum's place has a part in, to rounding.
same_losses() {
  paste -d , good.csv "$1.csv" | awk -F , -v steps=$STEPS '
    NR == 1 { for (i = 1; i <= NF / 2; i++) if ($i == "loss") at = i; half = NF / 2; next }
    { n++; error = ($at - $(at + half)) / $at; if (error < 0) error = -error
      bound = n == 1 ? 1e-6 : (n - 1) * 1.2e-3
      if (!(error <= bound)) { print "step " n ": " $at " and " $(at + half); bad = 1 } }
    END { if (n != steps) print n " steps"; exit bad || n != steps || !at }' || fail "$1 learns something else"
}

# warned RUN OPERATION SOLVER WHAT: a line names the operation with its shape, the solver, and how wrong it is.
warned() {
  grep -q "fiducl: warning: $2 .* on .*: $3: $4.* times the bound, .*: a wrong result, so this solver is not used" "$1.txt" ||
    fail "$1: no warning that $3 is wrong for $2"
}

expect 0 "40 faces" synth --out faces --count 40 --seed 1
expect 0 "train: 32 rows" prepare faces --out prepared --split 32,4,4
learn good
if [ "$(used good "conv_forward $pooled")" != conv_winograd ] || [ ! "$(used good "conv_forward $first.*pool=2x2,places")" ]; then
  echo "no solver of this device pools by Winograd's method: left out" >&2
  exit 77
fi
[ "$(used good "pool_forward")" ] && fail "a pooling is on its own, though all kernels are right"
[ "$(used good "conv_forward $alone")" = conv_winograd ] || fail "Winograd's method is not used without pooling"

# Forward, the places of Winograd's: the next solver pools in its place, and what does not pool is not concerned.
break_kernel conv_winograd.cl "vstore16(place, 0, all_places + at)" "vstore16(place ^ (uchar16)(1), 0, all_places + at)"
learn forward
warned forward "conv_forward $pooled" conv_winograd "place\["
[ "$(used forward "conv_forward $pooled")" = conv_direct ] || fail "the next solver that pools is not used"
[ "$(used forward "conv_forward $alone")" = conv_winograd ] || fail "the fault of pooling is held against the rest"
[ "$(used forward "pool_forward")" ] && fail "a pooling is on its own, though a solver is right"
same_losses forward

# Backward, where it spreads what places name: to the weights another one pools, to the data none does.
break_kernel winograd.h "cell_gradient(gradient, place, pixel)" "cell_gradient(gradient, place, 3 - pixel)"
learn backward
warned backward "conv_backward_weights $pooled" conv_winograd "dw\["
warned backward "conv_backward_data $pooled" conv_winograd "dx\["
[ "$(used backward "conv_[a-z_]* $pooled")" ] && fail "a convolution pools whose gradient is wrong then"
[ "$(used backward "conv_forward $second")" ] && [ "$(used backward "pool_forward max in=24x24x64")" = pool_direct ] &&
  [ "$(used backward "pool_backward max in=24x24x64")" ] || fail "its pooling is not on its own"
[ "$(used backward "conv_forward $first.*pool=2x2,places")" ] || fail "the other pooling is on its own as well"
same_losses backward

# All that pool: nothing does.
break_kernel pool_cells.h "wins ? (int16)(pixel)" "wins ? (int16)(pixel ^ 2)"
learn separate
warned separate "conv_forward $pooled" conv_winograd "place\["
warned separate "conv_forward $pooled" conv_direct "place\["
warned separate "conv_forward $first.*pool=2x2,places" conv_direct "place\["
[ "$(used separate "conv_[a-z_]* .*pool=2x2")" ] && fail "a wrong solver pools"
[ "$(used separate "pool_forward" | wc -l)" -eq 2 ] || fail "not every pooling is on its own"
same_losses separate

# One that is asked for by name: it is used without pooling, and the warning given all the same.
learn asked --solver conv_forward=conv_direct
grep -q "fiducl: warning: conv_forward $pooled.*: conv_direct: place\[.*so the solver that was asked for is not used" asked.txt ||
  fail "no warning that what was asked for is not used"
[ "$(used asked "conv_forward" | sort -u)" = conv_direct ] || fail "what was asked for is not used where it can be"
[ "$(used asked "pool_forward" | wc -l)" -eq 2 ] || fail "not every pooling is on its own beside what was asked for"
same_losses asked

# One that does not build, where no other pools.
break_kernel conv_winograd.cl "if (accumulate) value += vload16(0, all_dst + at)" "value += undeclared"
learn unbuilt
grep -q "warning: conv_backward_data $pooled.*solver conv_winograd is not used: cl/conv_winograd.cl does not build" unbuilt.txt ||
  fail "no warning of what does not build"
[ "$(used unbuilt "pool_forward max in=24x24x64")" = pool_direct ] || fail "pooling stays where its gradient has no solver"
same_losses unbuilt
finish
