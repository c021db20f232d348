#!/bin/sh
# What tools/check-matrix makes of results as ctest writes them.
set -u
PYTHON=${1:?"usage: SCRIPT PYTHON CHECK-MATRIX"} MATRIX=${2:?"usage: SCRIPT PYTHON CHECK-MATRIX"}
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
cd "$WORK" || exit 1
mkdir results
failures=0

fail() {
  echo "FAILED: $*" >&2
  failures=$((failures + 1))
}

# results NAME: a file of results with the test cases on stdin.
results() {
  { echo '<?xml version="1.0" encoding="UTF-8"?><testsuite name="(empty)" tests="1">' && cat && echo '</testsuite>'; } \
    >"results/$1.xml"
}

# show CODE NAME...: prints tables.txt, and must end with CODE.
show() {
  code=$1
  shift
  "$PYTHON" "$MATRIX" --show --results results "$@" >tables.txt 2>stderr.txt
  got=$?
  [ $got -eq "$code" ] || { fail "exit code $got, wanted $code"; cat stderr.txt >&2; }
}

# has LINE: a line of the tables as it must be.
has() {
  grep -qxF -e "$1" tables.txt || { fail "no line '$1' in"; cat tables.txt >&2; }
}

# told TEXT: stderr has it.
told() {
  grep -qF -e "$1" stderr.txt || { fail "nobody says '$1'"; cat stderr.txt >&2; }
}

# Everything passes; a program that is no suite counts as one check.
results pocl <<'end'
<testcase name="ops_conv" classname="ops_conv" time="90" status="run"><system-out>Running suite(s): convolution
device: Portable Computing Language, 3.1, cpu-x
100%: Checks: 7, Failures: 0, Errors: 0
</system-out></testcase>
<testcase name="device_two" classname="device_two" time="31" status="run"><system-out>100%: Checks: 2, Failures: 0, Errors: 0
100%: Checks: 3, Failures: 0, Errors: 0
</system-out></testcase>
<testcase name="script" classname="script" time="0" status="run"><system-out/></testcase>
end
show 0 pocl
has "| PoCL | 13 | 0 | 0 | Portable Computing Language, 3.1, cpu-x |"
[ "$(grep -c '^|' tables.txt)" -eq 3 ] || { fail "notes where all passed"; cat tables.txt >&2; }

# Whatever may happen. Of ops_gate's 5 checks 2 are not supported, of train_runs' 4 one fails.
results oclgrind <<'end'
<testcase name="ops_gate" classname="ops_gate" time="1" status="run"><system-out>device: Oclgrind, 21.10, simulator
not supported: too slow
left out: a tile | of 64
not supported: too slow
left out: a tile | of 64
100%: Checks: 5, Failures: 0, Errors: 0
</system-out></testcase>
<testcase name="ops_pool" classname="ops_pool" time="1" status="run"><system-out>device: Oclgrind, 21.10, simulator
not supported: too slow
100%: Checks: 4, Failures: 0, Errors: 0
</system-out></testcase>
<testcase name="net_parity" classname="net_parity" time="1" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/>
<system-out>not supported: ten steps
</system-out></testcase>
<testcase name="net_silent" classname="net_silent" time="1" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/>
<system-out/></testcase>
<testcase name="train_runs" classname="train_runs" time="1" status="fail"><failure message="Failed"/>
<system-out>75%: Checks: 4, Failures: 1, Errors: 0
/where/runs.c:45:F:all:learns:3: loss is 7: too much
</system-out></testcase>
<testcase name="crashes" classname="crashes" time="1" status="fail"><failure message="SEGFAULT"/>
<system-out>not supported: said before
</system-out></testcase>
<testcase name="races" classname="races" time="1" status="fail"><failure message="Error regular expression found"/>
<system-out>Read-write data race at global memory address 0x1
100%: Checks: 6, Failures: 0, Errors: 0
</system-out></testcase>
<testcase name="not_built" classname="not_built" time="0" status="notrun"><skipped message="Unable to find executable"/>
<system-out/></testcase>
<testcase name="switched_off" classname="switched_off" time="0" status="disabled"><system-out/></testcase>
end
show 1 oclgrind intel
has "| Oclgrind | 15 | 5 | 6 | Oclgrind, 21.10, simulator |"
has "| Intel's runtime | no results |  |  |  |"
has "| Oclgrind | not supported | 3 | ops_gate, ops_pool | too slow |"
has "| Oclgrind | left out | 2 | ops_gate | a tile \\| of 64 |"
has "| Oclgrind | not supported | 1 | net_parity | ten steps |"
has "| Oclgrind | not supported | 1 | net_silent | SKIP_RETURN_CODE=77 |"
has "| Oclgrind | not supported | 1 | crashes | said before |"
has "| Oclgrind | failed | 1 | train_runs | learns:3: loss is 7: too much |"
has "| Oclgrind | failed | 1 | crashes | SEGFAULT |"
has "| Oclgrind | failed | 1 | races | Error regular expression found |"
has "| Oclgrind | failed | 1 | not_built | Unable to find executable |"
has "| Oclgrind | failed | 1 | switched_off | disabled |"
[ "$(grep -c '^| Oclgrind' tables.txt)" -eq 11 ] || { fail "there are other notes"; cat tables.txt >&2; }

# All of them without names. One that has no results is no success.
show 1
has "| PoCL | 13 | 0 | 0 | Portable Computing Language, 3.1, cpu-x |"
has "| rusticl on llvmpipe | no results |  |  |  |"
show 1 pocl intel

# What cannot be.
results rusticl <<'end'
<testcase name="ops_gate" classname="ops_gate" time="1" status="run"><system-out>not supported: a
not supported: b
100%: Checks: 1, Failures: 0, Errors: 0
</system-out></testcase>
end
show 1 rusticl
told "ops_gate: of 1 checks"
results rusticl <<'end'
<testcase name="ops_gate" classname="ops_gate" time="1" status="fail"><failure message="Failed"/><system-out>50%: Checks: 2, Failures: 1, Errors: 0
</system-out></testcase>
end
show 1 rusticl
told "but 0 failures are told"
results rusticl </dev/null
show 1 rusticl
told "has no tests"
echo "<testsuite>" >results/rusticl.xml
show 1 rusticl
told "check-matrix: "
show 2 beignet
told "unknown: beignet; there are pocl, intel, oclgrind, rusticl"
[ "$failures" -eq 0 ] || { echo "$failures failures" >&2; exit 1; }
