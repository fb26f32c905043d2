/*
 * What the guest's disks say that it starts (vm_new()'s source), for as long as they are the disks that it began with:
 * those are what the source reads. Once another one is there, one is missing, or a snapshot lies over one, the boot
 * loader starts the guest, until the VM ends.
 *
 * Threads: the main loop's.
 */
#pragma once

#include "xenner/config/boot_source.h"

struct vm;

/* The disks are those that the source was made of. */
void vm_source_begin(struct vm *vm);
/* Whether it can be asked; if not, it holds no disk open any more. Cheap: for each change of the disks. */
bool vm_source_check(struct vm *vm);
/* As boot_source's. */
bool vm_source_get(struct vm *vm, const char *title, struct boot_images *ret, GError **error);
