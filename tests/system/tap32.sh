#!/bin/sh
# tap32.sh VCPUS: the same as tap.sh with the kernel's 32-bit PAE build.
TEST_KERNEL=$TEST_KERNEL32
. "$(dirname "$0")/tap.sh"
