/*
 * What kernels GRUB would find on the guest's disks. All that is read here is the guest's, so it is done in a
 * confined process (boot_probe.h).
 */
#pragma once

#include "xenner/bootdisk/disk_reader.h"
#include "xenner/bootdisk/ext_files.h"
#include "xenner/bootdisk/kernel_width.h"

/* Whether the file system has GRUB's files in the directory "grub" of dir, "/boot" or "". */
typedef bool boot_search_fn(void *opaque, struct ext_files *e, const char *dir);
/* Calls look for the disks' file systems in the order in which Debian's PV image of GRUB searches, until it is true. */
bool boot_search_each(const struct disk_reader *disks, unsigned n, boot_search_fn *look, void *opaque);
/*
 * As GRUB's PV image of Debian searches: the first file system with /boot/grub/grub.cfg, or else with
 * /grub/grub.cfg; the kernels that are named there, or all /boot/vmlinuz*. KERNEL_UNKNOWN when there is none,
 * or when they are not all of one width.
 */
enum kernel_width boot_search(const struct disk_reader *disks, unsigned n);
