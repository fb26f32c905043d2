#!/bin/sh
# More memory than fits below the PCI hole, and more vCPUs than this machine has; vCPUs go and come.
. "$(dirname "$0")/lib.sh"
boot 4608 2 "xenner.run=smoke,memory"
expect_status 0
expect_line "smoke: good on 2 vCPUs"
expect_line "memory: good"
boot 512 32 "xenner.demo"
expect_status 0
expect_line "guest is up: Linux .* on 32 vCPUs"
boot 256 4 "xenner.run=hotplug"
expect_status 0
expect_line "hotplug: good"
