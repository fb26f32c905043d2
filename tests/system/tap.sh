#!/bin/sh
# tap.sh VCPUS [MACHINE]: our own PV kernel (tests/guest) finds nothing wrong with what it runs on.
. "$(dirname "$0")/lib.sh"
run_xenner -m 32 -smp "$1" -kernel "$TEST_KERNEL" -append "vcpus=$1 ${TEST_WORDS:-}" -nographic -name "tap$1" \
    -machine "xenpv${2:+,$2}"
expect_tap
expect_no_children "tap$1"
