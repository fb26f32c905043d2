/*
 * What GRUB would start from the guest's disks, without GRUB. All that is read here is the guest's, so it is done in
 * a confined process (boot_direct.h).
 */
#pragma once

#include "xenner/bootdisk/disk_reader.h"

#include <glib.h>

/* Files to write to, empty, borrowed; and how large they may become. */
struct boot_load_files {
    int kernel, initrd;
    uint64_t max_kernel, max_initrd; /* bytes */
};

struct boot_load {
    char *kernel;  /* its path */
    char *cmdline;
    bool initrd;   /* there is one */
    char *why;     /* it can't be done: a clause for the user, which may quote the guest */
};

/*
 * An entry of the menu of the first grub.cfg, found as boot_search() finds it: what is started by default, or, with a
 * title, the entry of that one (grub_menu_entry()). The initrds are written one behind the other. *ret is the
 * caller's for boot_load_clear(), also on failure.
 */
bool boot_load(const struct disk_reader *disks, unsigned n, const char *title,
               const struct boot_load_files *files, struct boot_load *ret);
void boot_load_clear(struct boot_load *l);
