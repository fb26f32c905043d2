/*
 * For the processes that read guests' disks: they hold those and a descriptor to answer on, and a seccomp filter
 * lets through the few system calls that reading takes.
 */
#pragma once

#include "xenner/bootdisk/disk_reader.h"
#include "xenner/config/disk_config.h"

enum { BOOT_MAX_DISKS = 16, BOOT_ANSWER_FD = 3 };

/*
 * Opens disks (struct disk_config *), for reading: their number. Those that no device has, are no raw images or can't be opened
 * are left out. whole: what is opened must be all that the guest sees, so those end the list, and snapshots too.
 */
unsigned boot_disks_open(const GPtrArray *configs, bool whole, struct disk_reader ret[BOOT_MAX_DISKS]);
void boot_disks_close(const struct disk_reader *disks, unsigned n);
/* How large they are now. */
void boot_disks_measure(struct disk_reader *disks, unsigned n);

/* The process's address space now, 0: not known. */
uint64_t boot_address_space(void);
/* The address space may grow from that by a little, the process runs for seconds of the CPU's time. */
bool boot_limit(uint64_t address_space, unsigned seconds);
/* Closes all but out and the disks, which get new numbers: out BOOT_ANSWER_FD. */
bool boot_keep_only(int out, struct disk_reader *disks, unsigned n);
/* The filter; further: system calls that are let through besides, NULL at the end. */
bool boot_filter(const char *const *further);
