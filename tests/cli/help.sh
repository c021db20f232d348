#!/bin/sh
# Help, version, and what wrong arguments get.
. "$(dirname "$0")/check.sh"

expect 0 "Commands:" --help
expect 0 "fiducl " --version
expect 2 "Usage: fiducl COMMAND"
expect 2 "did you mean 'train'?" trian
expect 2 "did you mean 'evaluate'?" eval
expect 2 "unknown command 'cook'" cook
expect 2 "unknown option '--colour'" --colour

commands="devices synth analyze prepare summary tune train predict evaluate plot pipeline bench selftest cache"
for command in $commands; do
  expect 0 "Examples:" "$command" --help
  for text in "Usage: fiducl $command" "Exit codes:" "   2  wrong arguments" "--quiet"; do
    grep -qF -e "$text" stdout.txt || fail "$command --help: no '$text'"
  done
  [ -s stderr.txt ] && fail "$command --help writes to stderr"
  expect 2 "unknown option '--colour'" "$command" --colour
  grep -qF "Try: fiducl $command --help" stderr.txt || fail "$command --colour: no hint"
  # Nothing but the listed commands.
  "$FIDUCL" --help | grep -q "^  $command " || fail "$command is not in the list of commands"
done
[ "$("$FIDUCL" --help | sed -n '/^Commands:/,/^$/p' | grep -c '^  ')" -eq "$(echo "$commands" | wc -w)" ] || fail "the list of commands"

expect 2 "--out is missing" synth
expect 2 "unexpected argument 'two'" summary one two
expect 2 "'0' is not a whole number from 1" synth --out faces --count 0
expect 2 "'many' is not a whole number" synth --out faces --count many
expect 2 "--count is given twice" synth --out faces --count 1 --count 2
expect 2 "missing argument" synth --out
expect 2 "DATA is missing" analyze
expect 2 "not both" analyze faces --images a.npz --keypoints b.csv
expect 2 "neither three counts nor three shares" prepare . --out prepared --split 1,2
expect 2 "neither three counts nor three shares" prepare . --out prepared --split 0.8,0.1,0.2
expect 2 "is not FILE:COLUMN" prepare . --out prepared --group-by groups.csv
expect 2 "--budget: 'soon' is not a number above 0" tune --budget soon
expect 2 "--batch-size: '0' is not a whole number" tune --batch-size 0
expect 2 "there is no benchmark 'speed'; there are device, ops" bench speed
expect 2 "unexpected argument 'ops'" bench device ops
expect 2 "--model cannot be given with \`fiducl bench device\`, which takes --device" bench device --model base_model
expect 2 "--seeds cannot be given with" bench train --seeds 2
expect 2 "--duty cannot be given with" bench train --duty 50
expect 2 "--sustained cannot be given with" bench infer --sustained 1
expect 2 "--repeats cannot be given with" bench accuracy --repeats 2
expect 2 "--verdicts cannot be given with" bench all --verdicts
expect 2 "--repeats: '0' is not a whole number" bench train --repeats 0
expect 2 "--sustained: 'long' is not a number above 0" bench train --sustained long
expect 4 "is not a folder that can be written to" bench device --out missing/benchmark.json
expect 2 "PREPARED is missing" train
expect 2 "--model is missing" train prepared
expect 2 "'fast' is no schedule of the learning rate" train prepared --model base_model --schedule fast
expect 2 "--lr: '-1' is not a number above 0" train prepared --model base_model --lr -1
expect 2 "contradict" train prepared --model base_model --augment --no-augment
expect 2 "recipe" train prepared --model base_model --recipe none
expect 2 "--lr cannot be given with --resume" train --resume run --lr 1
expect 2 "leave 'prepared' out" train prepared --resume run
expect 2 "RUN is missing" evaluate
expect 2 "none of train, validation, test" evaluate run --split all
expect 2 "--split is for prepared data" predict run --images faces.npy --split train
expect 2 "not both" predict run --data faces --images faces.npy
expect 4 "none.csv" analyze --keypoints none.csv
expect 2 "--out is missing" pipeline faces
expect 2 "give one of them" pipeline --out result --resume --force
expect 3 "is not the folder of a run" evaluate .
[ -z "$(ls | grep -v '^std')" ] || fail "wrong arguments left files: $(ls)"

# A result that cannot be written is an error.
if [ -w /dev/full ]; then
  "$FIDUCL" --version >/dev/full 2>stderr.txt
  [ $? -eq 4 ] || fail "a full disk behind stdout goes unnoticed"
fi
finish
