#!/bin/sh
# `fiducl bench scaling` as a person calls it, on two of PoCL's devices: table, file, figures, simulation, mistakes.
. "$(dirname "$0")/check.sh"
tiny_model
two_devices
tiny="--model ./tiny.cfg --batch-size 8 --repeats 2"

expect 0 "scaling/tiny/batch8/together" bench scaling $tiny --device "$both" --shares 3,1 --duty 100%,90% --out scaling.json
for row in alone/0 alone/1 together; do
  grep -q "^scaling/tiny/batch8/$row " stdout.txt || fail "the table does not have $row"
done
tr -d ' \n' <scaling.json | grep -qF '"samples":6,' || fail "the file does not say what the first one computed"
tr -d ' \n' <scaling.json | grep -qF '"duty":0.9' || fail "the file does not say that the second one rested"
if command -v gnuplot >/dev/null; then
  for figure in speed_tiny time_tiny; do
    there "scaling_$figure.svg" "scaling_$figure.png" "scaling_$figure.csv"
  done
  rm scaling.json
  expect 5 "scaling_speed_tiny.svg" bench scaling $tiny --device "$both" --out scaling.json
fi

expect 2 "nobody to share with" bench scaling $tiny --device "$one" --out none.json
expect 2 "3 shares for 2 devices" bench scaling $tiny --device "$both" --shares 1,2,3 --out none.json
expect 2 "3 duties for 2 devices" bench scaling $tiny --device "$both" --duty 10,20,30 --out none.json
expect 2 "a batch of 1 for 2 devices" bench scaling --model ./tiny.cfg --batch-size 1 --device "$both" --out none.json
expect 2 "--shares cannot be given with \`fiducl bench train\`" bench train --shares 1,1
# Refused before anything is measured, which would be remembered.
export FIDUCL_CACHE_DIR="$WORK/cache"
for explain in "" --explain; do
  expect 2 "nobody to share with" bench scaling $tiny --device auto $explain --out none.json
done
export FIDUCL_DEVICE=auto
expect 2 "nobody to share with" bench scaling $tiny --out none.json
[ ! -e cache/auto ] || fail "devices were measured in vain"
[ ! -e none.json ] || fail "a mistake left a file"
finish
