#!/bin/sh
# boot.sh VCPUS: Debian's kernel boots, works on every vCPU, and powers off with status 0.
. "$(dirname "$0")/lib.sh"
boot 256 "$1" "xenner.run=smoke" -name "boot$1"
expect_status 0
expect_line "guest is up: Linux .* on $1 vCPUs"
expect_line "xen:events: Using FIFO-based ABI"
expect_line "smoke: good on $1 vCPUs"
expect_no_children "boot$1"
