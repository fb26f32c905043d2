#include "xenner/bootdisk/partitions.h"

#include <blkid/blkid.h>

#define SECTOR 512u /* libblkid's unit for places and sizes */

static unsigned copy_list(const struct disk_reader *disk, blkid_partlist list, struct disk_reader *ret)
{
    int all = list ? blkid_partlist_numof_partitions(list) : 0;
    unsigned n = 0;

    for (int i = 0; i < all && n < PARTITIONS_MAX; i++) {
        blkid_partition p = blkid_partlist_get_partition(list, i);
        blkid_loff_t start = p ? blkid_partition_get_start(p) : -1;
        blkid_loff_t sectors = p ? blkid_partition_get_size(p) : -1;
        const blkid_loff_t max = INT64_MAX / SECTOR;

        if (start < 0 || sectors <= 0 || start > max || sectors > max || blkid_partition_is_extended(p))
            continue;
        if (disk_part(disk, (uint64_t)start * SECTOR, (uint64_t)sectors * SECTOR, &ret[n]))
            n++;
    }
    return n;
}

unsigned partitions_find(const struct disk_reader *disk, struct disk_reader ret[PARTITIONS_MAX])
{
    blkid_probe probe = blkid_new_probe();
    unsigned n = 0;

    if (probe && blkid_probe_set_device(probe, disk->fd, (blkid_loff_t)disk->start,
                                        (blkid_loff_t)disk->bytes) == 0 &&
        blkid_probe_enable_partitions(probe, 1) == 0)
        n = copy_list(disk, blkid_probe_get_partitions(probe), ret);
    blkid_free_probe(probe);
    if (!n) {
        ret[0] = *disk;
        n = 1;
    }
    return n;
}
