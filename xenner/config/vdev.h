/*
 * Names of virtual disks and their numbers in xenstore, as xen-vbd-interface(7) has them. The number
 * is what the guest's kernel derives its own name from.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * xvda, xvdb3, xvdzz; hda..hdd, sda.. ; d0, d1p2; and plain numbers. Returns false for anything else.
 */
bool vdev_parse(const char *name, uint32_t *ret_number);
/* The canonical name ("xvda", "hdc", ...), allocated; NULL when the number has none. */
char *vdev_name(uint32_t number);
/* "xvdX" of the n-th disk. */
char *vdev_nth(unsigned n);
