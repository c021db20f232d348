#!/bin/sh
# Several processes in one run, started by mpirun: they learn what one learns, refuse to differ, and end together; what was saved
# last is taken up again, also by another number of them.
# usage: ranks.sh PROGRAM MPIEXEC
. "$(dirname "$0")/check.sh"
several_ranks "${2:?"usage: ranks.sh PROGRAM MPIEXEC"}"
tiny_model

"$FIDUCL" synth --out faces --count 64 --seed 3 --quiet || fail "no faces"
"$FIDUCL" prepare faces --out prepared --split 40,12,12 --quiet || fail "not prepared"
arguments="prepared --model ./tiny.cfg --batch-size 8 --epochs 4 --seed 5"
expect 0 "4 epochs" train $arguments --out alone

for n in 1 2 4; do
  together $n 0 "4 epochs" train $arguments --out ranks$n
  same_losses alone ranks$n
done
[ "$(grep -c '^ranks4: ' stdout.txt)" -eq 1 ] || fail "more than one of the processes spoke"

# Sums are made in the order of ranks: the same shares give the same bits.
together 2 0 "4 epochs" train $arguments --out fixed --shares 3,1
together 2 0 "4 epochs" train $arguments --out fixed_again --shares 3,1
same_losses alone fixed
cmp -s fixed/best.safetensors fixed_again/best.safetensors || fail "the same shares gave different weights"
together 2 2 "3 shares for 2 devices" train $arguments --out bad --shares 1,2,3
expect 3 "repeated in one go" train --replay fixed --out bad

# Stopped and resumed by another number of them.
together 2 0 "" train $arguments --out moved --max-steps 7
together 3 0 "4 epochs" train --resume moved
same_losses alone moved
together 2 0 "" train $arguments --out back --max-steps 7
expect 0 "4 epochs" train --resume back
same_losses alone back

# Those that would compute different things.
"$MPIEXEC" -n 1 "$FIDUCL" train $arguments --out bad : -n 1 "$FIDUCL" train $arguments --out bad --no-shuffle \
  >stdout.txt 2>stderr.txt </dev/null && fail "ranks with different recipes trained"
grep -qF "recipe" stderr.txt || { fail "the difference was not named"; cat stderr.txt; }
together 2 2 "is for one process" summary --model ./tiny.cfg
[ ! -e bad ] || fail "a mistake left a folder"

# One is lost in the third epoch, where it hangs until it is killed: the others end, and from the last checkpoint one process, or
# another number of them, learns what those would have learned.
export FIDUCL_FAULT=hang:0@13
"$MPIEXEC" -n 1 sh -c 'unset FIDUCL_FAULT; exec "$@"' sh "$FIDUCL" train $arguments --out killed : \
  -n 1 sh -c 'echo $$ >victim; exec "$@"' sh "$FIDUCL" train $arguments --out killed >stdout.txt 2>stderr.txt </dev/null &
job=$!
unset FIDUCL_FAULT
tries=0
until [ "$(cat killed/history.csv 2>/dev/null | wc -l)" -eq 3 ] || [ $tries -ge 300 ]; do sleep 0.2; tries=$((tries + 1)); done
kill -KILL "$(cat victim)"
wait "$job" && fail "a training without one of its ranks ended well"
there killed/checkpoint.safetensors killed/config.json
cp -r killed killed_alone
expect 0 "4 epochs" train --resume killed_alone
same_losses alone killed_alone
together 3 0 "4 epochs" train --resume killed
same_losses alone killed

# A signal ends all after the same step, with a checkpoint.
long="prepared --model ./tiny.cfg --batch-size 8 --epochs 100000 --seed 5"
"$MPIEXEC" -n 2 "$FIDUCL" train $long --out stopped >stdout.txt 2>stderr.txt </dev/null &
job=$!
await test -s stopped/history.csv
kill -INT "$(pgrep -P "$job" | head -n 1)"
wait "$job" && fail "an interrupted training ended well"
grep -qF "interrupted after step" stderr.txt || { fail "the interrupt was not told"; cat stderr.txt; }
there stopped/checkpoint.safetensors
finish
