#include "xenguest/disk/mbr.h"

#include <errno.h>
#include <gio/gio.h>
#include <string.h>
#include <unistd.h>

#define SECTOR     512u
#define TABLE      446u /* offset of the first entry */
#define ENTRY      16u
#define DISK_ID    440u
#define MAX_SECTOR 0xffffffffull

bool mbr_place(struct mbr_part parts[MBR_PARTS], uint64_t disk_bytes, GError **error)
{
    const uint64_t limit = MAX_SECTOR * SECTOR;
    uint64_t next = MBR_ALIGN;

    for (unsigned i = 0; i < MBR_PARTS; i++) {
        struct mbr_part *p = &parts[i];
        if (!p->bytes)
            continue;
        uint64_t bytes = p->bytes > limit ? limit + MBR_ALIGN : p->bytes;
        p->start = next;
        p->bytes = (bytes + MBR_ALIGN - 1) / MBR_ALIGN * MBR_ALIGN;
        next += p->bytes;
        if (next > disk_bytes || next > limit) {
            g_set_error(error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
                        "partition %u would end at %" G_GUINT64_FORMAT
                        " MiB, the disk has %" G_GUINT64_FORMAT
                        " MiB and a partition table reaches to 2 TiB",
                        i + 1, next >> 20, disk_bytes >> 20);
            return false;
        }
    }
    return true;
}

static void put32(uint8_t *at, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (uint8_t)(v >> 8 * i);
}

static void put_entry(uint8_t *e, const struct mbr_part *p)
{
    /* what cylinder, head and sector cannot say is 1023/254/63: look at the linear numbers */
    static const uint8_t far_away[3] = {0xfe, 0xff, 0xff};

    memcpy(e + 1, far_away, sizeof(far_away));
    e[4] = (uint8_t)p->type;
    memcpy(e + 5, far_away, sizeof(far_away));
    put32(e + 8, (uint32_t)(p->start / SECTOR));
    put32(e + 12, (uint32_t)(p->bytes / SECTOR));
}

bool mbr_write(int fd, const struct mbr_part parts[MBR_PARTS], uint32_t id, GError **error)
{
    uint8_t sector[SECTOR] = {0};

    put32(sector + DISK_ID, id);
    for (unsigned i = 0; i < MBR_PARTS; i++) {
        if (parts[i].bytes)
            put_entry(sector + TABLE + i * ENTRY, &parts[i]);
    }
    sector[510] = 0x55;
    sector[511] = 0xaa;
    if (pwrite(fd, sector, sizeof(sector), 0) == (ssize_t)sizeof(sector))
        return true;
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "could not write the partition table: %s",
                g_strerror(errno));
    return false;
}
