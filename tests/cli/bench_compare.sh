#!/bin/sh
# Comparing benchmarks: made-up files, whose verdicts are clear.
. "$(dirname "$0")/check.sh"

# benchmark FILE VERSION UNIT SAMPLE...: a benchmark with one workload and six repeats; the last sample is the median of all.
benchmark() {
  file=$1 version=$2 unit=$3
  shift 3
  cat >"$file" <<JSON
{"format": "fiducl-benchmark", "format_version": 1, "created": "2026-01-31T23:59:59Z", "command": ["bench"],
 "fiducl": {}, "libraries": {}, "system": {}, "device": {"name": "a device", "driver_version": "1"},
 "results": [{"workload": "train/m/batch32", "workload_version": $version, "solvers": "as_shipped", "metric": "speed",
  "unit": "$unit", "better": "higher", "samples": [$1, $2, $1, $2, $1, $2, $1], "calibration": [9, 9, 9, 9, 9, 9, 9],
  "median": $1, "min": $1, "max": $2, "check": {"passed": true, "what": "nothing", "error": 0, "bound": 1},
  "energy_joules": null, "details": {}}]}
JSON
}

benchmark old.json 1 images/s 100 100.2
benchmark same.json 1 images/s 100.1 100.3
benchmark slow.json 1 images/s 95 95.2
benchmark fast.json 1 images/s 105 105.2
benchmark version.json 2 images/s 100 100.2
benchmark unit.json 1 steps/s 100 100.2

expect 0 "0 slower" bench compare --verdicts old.json same.json
expect 0 "1 faster" bench compare --verdicts old.json fast.json
expect 15 "1 workload is slower in 'slow.json' than in 'old.json'" bench compare --verdicts old.json slow.json
expect 15 "fast.json against old.json" bench compare --verdicts old.json slow.json fast.json
expect 0 "0.950" bench compare old.json slow.json
expect 0 "[3] fast.json: a device, driver 1" bench compare old.json slow.json fast.json
expect 3 "is version 1 in 'old.json' and version 2 in 'version.json'" bench compare old.json version.json
expect 3 "in steps/s (higher is better) in 'unit.json'" bench compare --verdicts old.json unit.json
sed 's/train/infer/' old.json >other.json
expect 3 "'old.json' and 'other.json' have no workload in common" bench compare old.json other.json
expect 3 "no workload in common" bench compare --verdicts old.json other.json
expect 2 "--repeats cannot be given with \`fiducl bench compare\`" bench compare old.json same.json --repeats 3
sed 's/"created"/"partial": true, &/' old.json >partial.json
expect 0 "driver 1, 2026-01-31T23:59:59Z, partial" bench compare old.json partial.json
expect 0 "'partial.json' is partial" bench compare --verdicts old.json partial.json
expect 2 "at least two files" bench compare old.json
expect 4 "missing.json" bench compare old.json missing.json
# Runs, each with the minute of its beginning: what scatters between them is in the verdict.
# runs FILE MINUTE SPEED...: a run of two equal repeats a speed, two minutes apart.
runs() {
  file=$1 minute=$2 samples= calibration= began=
  shift 2
  for speed in "$@"; do
    samples="$samples$speed, $speed, " calibration="${calibration}9, 9, "
    began="$began{\"began\": \"2026-01-31T10:$minute:00Z\", \"samples\": 2}, "
    minute=$((minute + 2))
  done
  # The third speed is the median of all.
  sed -e "s/\"samples\": .*\"calibration\": [^]]*\]/\"samples\": [${samples%, }], \"calibration\": [${calibration%, }]/" \
    -e "s/\"median\": [^,]*/\"runs\": [${began%, }], \"median\": $3/" -e 's/"format_version": 1/"format_version": 2/' old.json >"$file"
}
runs a.json 10 98 99 100 103 101
runs apart.json 30 93.1 94.05 95 97.85 95.95
runs turn.json 11 93.1 94.06 95 97.84 95.96
expect 0 "0 slower" bench compare --verdicts a.json apart.json
expect 0 "Of 1 the runs were compared; measured in turn (--add)" bench compare --verdicts a.json apart.json
expect 15 "pair by pair" bench compare --verdicts a.json turn.json
expect 0 "what differs between two runs" bench compare --verdicts old.json same.json

# A baseline that cannot be read is found before anything is measured.
expect 4 "missing.json" bench device --compare missing.json --out new.json
[ -e new.json ] && fail "measured before the baseline was read"
printf '{}' >empty.json
expect 3 "empty.json" bench device --compare empty.json --out new.json

finish
