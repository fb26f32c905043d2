/*
 * boot_search() in a process that can do nothing but read the disks: a seccomp filter lets through the
 * few system calls for that, memory and time have limits, and the answer is one byte.
 */
#pragma once

#include "xenner/bootdisk/kernel_width.h"
#include "xenner/config/disk_config.h"

/*
 * disks: struct disk_config *, in the guest's order; those that are not raw, or can't be opened, are
 * left out. KERNEL_UNKNOWN whenever something is in doubt. Forks: before there are threads.
 */
enum kernel_width boot_probe(const GPtrArray *disks);
