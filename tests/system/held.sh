#!/bin/sh
# What the host holds back while a vCPU is busy comes when that sleeps, and in time when it doesn't:
# tests/guest/test_held.c.
. "$(dirname "$0")/lib.sh"

truncate -s 1M "$work/img"
run_xenner -m 32 -kernel "$TEST_KERNEL" -append "run=held" -nographic -name "held" \
    -drive "file=$work/img,format=raw"
expect_tap
expect_no_children held
