#!/bin/sh
# A kernel in ring 3, and user mode on page tables of its own.
. "$(dirname "$0")/lib.sh"
for mode in user-tables=split kernel-ring=3 kernel-ring=1,user-tables=shared; do
    boot 256 2 "xenner.run=smoke" -machine "xenpv,$mode"
    expect_status 0
    expect_line "smoke: good on 2 vCPUs"
done
