/*
 * A PC's partition table ("msdos"), as far as guests' disks need it: four primary partitions,
 * aligned to 1 MiB. ABI: the boot sector of the IBM PC.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define MBR_PARTS 4
#define MBR_ALIGN (1024u * 1024) /* bytes: where partitions begin */

enum mbr_type { MBR_EMPTY = 0, MBR_SWAP = 0x82, MBR_LINUX = 0x83, MBR_FAT32_LBA = 0x0c };

struct mbr_part {
    uint64_t start, bytes; /* from the start of the disk; bytes 0: no such partition */
    enum mbr_type type;
};

/*
 * Gives each partition with bytes its start, in the order of their numbers, and rounds bytes up to
 * whole MBR_ALIGN. False, with the numbers, when they don't fit on a disk of that many bytes.
 */
bool mbr_place(struct mbr_part parts[MBR_PARTS], uint64_t disk_bytes, GError **error);
/* Writes sector 0; id is the disk's signature. */
bool mbr_write(int fd, const struct mbr_part parts[MBR_PARTS], uint32_t id, GError **error);
