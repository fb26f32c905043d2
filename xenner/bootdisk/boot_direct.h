/*
 * Starts what the guest's boot menu starts by default without a boot loader: -machine bootloader=direct. The menu
 * and the files are read by a process that keeps the disks open as long as the VM lives, whatever -runas, -chroot
 * and -sandbox do to this one; for each request it forks one that is confined as boot_confine.h has it.
 */
#pragma once

#include "xenner/config/boot_source.h"
#include "xenner/util/privileges.h"

struct boot_direct;

/*
 * disks: struct disk_config *, in the guest's order. Forks: before there are threads. user: who the process
 * becomes, or NULL. Its failure is get()'s later.
 */
struct boot_direct *boot_direct_new(const GPtrArray *disks, const struct privileges *user);
/* For vm_new(); borrowed. */
const struct boot_source *boot_direct_source(const struct boot_direct *d);
/* Accepts NULL. */
void boot_direct_free(struct boot_direct *d);
