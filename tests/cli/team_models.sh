#!/bin/sh
# What both models learn on two of PoCL's devices: the test of the devices that a variable names.
# usage: team_models.sh PROGRAM TEST
. "$(dirname "$0")/check.sh"
two_devices
FIDUCL_DEVICE=$one FIDUCL_TEST_DEVICES=$both CK_FORK=no "${2:?"usage: team_models.sh PROGRAM TEST"}" named ||
  fail "the test of two devices"
finish
