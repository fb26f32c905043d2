#!/bin/sh
# How guests end, and what the program says of it: power-off, halt, reboot, crash.
. "$(dirname "$0")/lib.sh"
boot 128 1 "xenner.demo"
expect_status 0

boot 128 1 "xenner.demo xenner.end=reboot" -no-reboot
expect_status 3

boot 128 1 "xenner.demo xenner.end=crash panic=1"
expect_status 4
expect_line "Kernel panic"
grep -q "the guest crashed" "$work/err" || fail "no crash report"
grep -q "rip    ffffffff8" "$work/err" || fail "the crash report has no registers"
