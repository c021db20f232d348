#!/bin/sh
# What tools/simulate-scaling predicts, where a formula or a hand calculation says what must come out.
PYTHON=${1:?"usage: SCRIPT PYTHON SIMULATE"} SIMULATE=${2:?"usage: SCRIPT PYTHON SIMULATE"}
exec "$PYTHON" "$(dirname "$0")/simulate_scaling.py" "$SIMULATE"
