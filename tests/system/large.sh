#!/bin/sh
# More memory than fits below the PCI hole, and more vCPUs than this machine has; vCPUs go and come.
. "$(dirname "$0")/lib.sh"
many=32
[ "$ACCEL" != kvm ] || many=8 # in the rig, where all take turns on one CPU
boot 4608 2 "xenner.run=memory"
expect_status 0
expect_line "guest is up: Linux .* on 2 vCPUs"
expect_line "memory: good"
boot 512 $many "xenner.run=hotplug"
expect_status 0
expect_line "guest is up: Linux .* on $many vCPUs"
expect_line "hotplug: good"
