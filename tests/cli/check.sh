# For the scripts beside it: FIDUCL is the program, WORK a folder that goes away at the end.
set -u
FIDUCL=${1:?"usage: SCRIPT PROGRAM"}
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
cd "$WORK" || exit 1
failures=0

fail() {
  echo "FAILED: $*" >&2
  failures=$((failures + 1))
}

# expect CODE TEXT ARGUMENT...: runs the program, which must end with CODE and print TEXT somewhere.
expect() {
  code=$1 text=$2
  shift 2
  "$FIDUCL" "$@" >stdout.txt 2>stderr.txt </dev/null
  got=$?
  if [ "$got" -ne "$code" ] || ! grep -qF -e "$text" stdout.txt stderr.txt; then
    fail "fiducl $*: exit code $got, wanted $code and '$text'"
    cat stdout.txt stderr.txt >&2
  fi
}

# await COMMAND...: until it succeeds, a minute at most.
await() {
  tries=0
  until "$@" || [ $tries -ge 600 ]; do
    sleep 0.1
    tries=$((tries + 1))
  done
}

# interrupt TARGET WHAT: the process `program`, or with -PID its group, which must end as interrupted.
interrupt() {
  kill -TERM "$1"
  wait $program
  [ $? -eq 14 ] || { fail "$2 ends otherwise than with 14"; cat stderr.txt; }
}

# there FILE...: each exists and is not empty.
there() {
  for file in "$@"; do
    [ -s "$file" ] || fail "no $file"
  done
}

# same_losses RUN RUN: both have four epochs, with the same training losses but for what rounding becomes in 20 steps or so, some
# 1e-6 to begin with and less than a hundred times that.
same_losses() {
  awk -F, 'FNR == 1 { next }
           NR == FNR { loss[$1] = $4; next }
           { n++; d = ($4 - loss[$1]) / loss[$1]; if (d < -1e-4 || d > 1e-4) bad = 1 }
           END { exit bad || n != 4 }' "$1/history.csv" "$2/history.csv" ||
    { fail "$1 and $2 learned different things"; cat "$1/history.csv" "$2/history.csv"; }
}

# several_ranks MPIEXEC: for together().
several_ranks() {
  MPIEXEC=$1
  # Root, more processes than cores, and none of them bound to one: Open MPI 4, then 5.
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1 \
    OMPI_MCA_hwloc_base_binding_policy=none PRTE_ALLOW_RUN_AS_ROOT=1 PRTE_ALLOW_RUN_AS_ROOT_CONFIRM=1 \
    PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe PRTE_MCA_hwloc_default_binding_policy=none
}

# together N CODE TEXT ARGUMENT...: as expect, with N processes.
together() {
  n=$1 code=$2 text=$3
  shift 3
  "$MPIEXEC" -n "$n" "$FIDUCL" "$@" >stdout.txt 2>stderr.txt </dev/null
  got=$?
  if [ "$got" -ne "$code" ] || ! grep -qF -e "$text" stdout.txt stderr.txt; then
    fail "$n processes of fiducl $*: exit code $got, wanted $code and '$text'"
    cat stdout.txt stderr.txt >&2
  fi
}

# tiny_model: writes tiny.cfg, a model of two layers that trains in a moment.
tiny_model() {
  cat >tiny.cfg <<'end'
layers = (
  { type = "conv"; filters = 4; kernel = 3; stride = 8; activation = "relu"; },
  { type = "flatten"; },
  { type = "dense"; units = 30; }
);
end
}

# break_kernel FILE TEXT REPLACEMENT: FIDUCL_KERNEL_DIR becomes a copy of SOURCES, the kernels, with this fault, TEXT a basic
# regular expression of sed; earlier faults are gone.
break_kernel() {
  rm -rf kernels
  cp -r "$SOURCES" kernels
  sed "s/$2/$3/" "$SOURCES/$1" >"kernels/$1"
  cmp -s "$SOURCES/$1" "kernels/$1" && fail "cl/$1 has no '$2' to break"
  FIDUCL_KERNEL_DIR=$WORK/kernels
  export FIDUCL_KERNEL_DIR
}

# used RUN OPERATION: the solvers that the run has for what begins so, a line each.
used() {
  grep -o "\"$2 [^\"]*\": \"[^\"]*\"" "$1/config.json" | sed 's/.*: "\(.*\)"/\1/'
}

# two_devices: sets one, two and both to selectors of two of PoCL's devices; ends the script where they cannot be had.
two_devices() {
  "$FIDUCL" devices --json >devices.json || fail "no devices"
  grep -q '"Portable Computing Language"' devices.json ||
    { echo "SKIPPED: without PoCL there are no two devices that are alike"; exit 77; }
  export POCL_DEVICES="pthread pthread" FIDUCL_DEVICE=
  "$FIDUCL" devices --json | sed -n 's/.*"selector": "\(Portable[^"]*\)".*/\1/p' >selectors.txt
  one=$(sed -n 1p selectors.txt) two=$(sed -n 2p selectors.txt)
  [ -n "$two" ] || { echo "SKIPPED: this PoCL has no second device"; exit 77; }
  both="$one,$two"
}

finish() {
  [ "$failures" -eq 0 ] || { echo "$failures failures" >&2; exit 1; }
}
