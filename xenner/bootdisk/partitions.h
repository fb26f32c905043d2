/* Where a disk's file systems may be: partition tables as libblkid reads them. */
#pragma once

#include "xenner/bootdisk/disk_reader.h"

enum { PARTITIONS_MAX = 64 };

/* The disk's partitions, in their order, or the disk itself when it has no table. Their number. */
unsigned partitions_find(const struct disk_reader *disk, struct disk_reader ret[PARTITIONS_MAX]);
