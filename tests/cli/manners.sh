#!/bin/sh
# What a training leaves to others: Ctrl-Z, --duty, --threads, niceness. Linux' /proc says what a process does.
. "$(dirname "$0")/check.sh"
[ -r /proc/self/stat ] || exit 77

# field FILE N: field N of a stat file, counted behind the name, which may have spaces: 1 is the state.
field() {
  sed 's/.*) //' "$1" 2>/dev/null | cut -d ' ' -f "$2"
}

# wait_until COMMAND...: for at most 60 s.
wait_until() {
  for _ in $(seq 600); do
    "$@" && return 0
    sleep 0.1
  done
  fail "never: $*"
}

is_stopped() { [ "$(field "/proc/$1/stat" 1)" = T ]; }
goes_on() { [ "$(grep -c "going on after [4-9] s" stderr.txt)" -eq "$1" ]; }
has_history() { [ -s "$1/history.csv" ]; }

# Processor time of a process in ticks: user and system.
ticks() {
  echo $(($(field "/proc/$1/stat" 12) + $(field "/proc/$1/stat" 13)))
}

tiny_model
expect 0 "64 faces" synth --out faces --count 64 --seed 3
expect 0 "train: 40 rows" prepare faces --out prepared --split 40,12,12
options="prepared --model ./tiny.cfg --batch-size 4 --epochs 40"
expect 0 "whole: 40 epochs" train $options --out whole

# Stopped twice, with a nice parent, several threads and rests, and continued: every thread is as nice, nothing works while it is
# stopped, files are whole, and the weights are the same bits. It rests so long that even a fast machine is not done between stops.
nice -n 7 "$FIDUCL" train $options --out stopped --threads 3 --duty 6.25% >stdout.txt 2>stderr.txt </dev/null &
pid=$!
wait_until has_history stopped
for task in /proc/$pid/task/*; do
  [ "$(field "$task/stat" 17)" = "$(field "/proc/$pid/stat" 17)" ] || fail "a thread is not as nice as its process"
done
several=$(ls /proc/$pid/task | wc -l)
[ "$(field "/proc/$pid/stat" 17)" -ge 7 ] || fail "the process is not nice"
for turn in 1 2; do
  kill -TSTP $pid
  wait_until is_stopped $pid
  before=$(ticks $pid)
  sleep 4
  is_stopped $pid || fail "it did not stay stopped"
  [ "$(ticks $pid)" -eq "$before" ] || fail "it worked while it was stopped"
  ls -a stopped | grep -q "\.tmp" && fail "a half-written file while it is stopped: $(ls -a stopped)"
  kill -CONT $pid
  wait_until goes_on $turn
done
wait $pid || fail "the stopped training failed: $(cat stderr.txt)"
grep -q "duty 6.25%: the device '.*' rests 93.75% of the time" stderr.txt || fail "nothing says that it rests"
[ "$(grep -c "stopped; .*kill -CONT $pid" stderr.txt)" -eq 2 ] || fail "nothing says that it was stopped"
cmp whole/best.safetensors stopped/best.safetensors || fail "other weights after a stop"
# The columns that are not times.
for run in whole stopped; do cut -d , -f 1-6 $run/history.csv >$run.csv; done
cmp whole.csv stopped.csv || fail "another history after a stop"
# No epoch of a moment has the four seconds that it was stopped in it.
awk -F , 'NR > 1 && $7 >= 4 { exit 1 }' stopped/history.csv || fail "the history counts the time of a stop"
tr -d ' \n' <stopped/config.json | grep -q '"duty":\[0.0625\]' || fail "the run does not record its duty"

# A rest ends with an interrupt: 1 % of work, and a checkpoint soon after the signal.
"$FIDUCL" train $options --out rests --duty 1 >stdout.txt 2>stderr.txt </dev/null &
pid=$!
wait_until has_history rests
[ "$(ls /proc/$pid/task | wc -l)" -eq $((several - 2)) ] || fail "--threads 3 are not two more than usual"
begin=$(date +%s)
kill -INT $pid
wait $pid
[ $? -eq 14 ] || fail "an interrupted rest: $(cat stderr.txt)"
[ $(($(date +%s) - begin)) -le 5 ] || fail "a rest did not end with an interrupt"
expect 0 "rests: 40 epochs" train --resume rests --duty 100
tr -d ' \n' <rests/config.json | grep -q '"duty":\[1.0\]' || fail "the run does not record its new duty"
cmp whole/best.safetensors rests/best.safetensors || fail "other weights after a rest"

# A first start compiles in processes of its own. An interrupt ends them, stopped ones too, before there is a run.
if [ "$(nproc)" -gt 1 ] && [ -r "/proc/$$/task/$$/children" ]; then
  mkdir cold
  FIDUCL_CACHE_DIR=$PWD/cold POCL_CACHE_DIR=$PWD/cold/pocl \
    "$FIDUCL" train $options --out interrupted >stdout.txt 2>stderr.txt </dev/null &
  pid=$!
  children=
  # One that has only just been made still holds up the program: it is not to be stopped until it is a program of its own.
  until grep -qs compile-programs $(for child in $children; do echo "/proc/$child/cmdline"; done) /dev/null ||
    ! read -r state <"/proc/$pid/stat" || [ "${state##*) Z}" != "$state" ]; do
    read -r children <"/proc/$pid/task/$pid/children"
  done 2>/dev/null
  children=$(for child in $children; do grep -qs compile-programs "/proc/$child/cmdline" && echo "$child"; done)
  [ -n "$children" ] || fail "nothing was compiled ahead: $(cat stderr.txt)"
  kill -STOP $children
  begin=$(date +%s)
  kill -INT $pid
  wait $pid
  [ $? -eq 14 ] || fail "an interrupt while kernels are compiled: $(cat stderr.txt)"
  [ $(($(date +%s) - begin)) -le 5 ] || fail "compiling did not end with an interrupt"
  grep -q "interrupted while kernels were compiled" stderr.txt || fail "it does not say what it did: $(cat stderr.txt)"
  [ ! -e interrupted ] || fail "a run whose kernels were not there"
  for child in $children; do [ ! -e "/proc/$child" ] || fail "$child is left"; done
fi

expect 2 "--duty: '0' is not from 1% to 100%" train prepared --model ./tiny.cfg --duty 0
expect 2 "--duty: '60%%' is not" train prepared --model ./tiny.cfg --duty 60%%
expect 2 "--threads: '0' is not a whole number from 1 to 64" train prepared --model ./tiny.cfg --threads 0
finish
