/*
 * run=diskwriter: writes to xvda for ever, for a test that ends us in the middle, or with until=unplug until it is to let go
 * of the disk, which it does not. Block n % 64 gets the number n and
 * a line of text made of it, and "flushed n" is printed when a flush behind it was answered.
 */
#include "blk_front.h"

enum { BLOCKS = 64 };

static struct blk_front disk;

/* Sends it and waits for the answer. */
static void run(uint8_t operation, unsigned block)
{
    blk_front_add(&disk, operation, block);
    blk_front_push(&disk);
    port_wait(disk.front.port, READ_ONCE(disk.ring.sring->rsp_prod) != disk.ring.rsp_cons);
    smp_mb();
    if (RING_GET_RESPONSE(&disk.ring, disk.ring.rsp_cons)->status != BLKIF_RSP_OKAY)
        bail_out("block %u: the disk failed", block);
    disk.ring.rsp_cons++;
    disk.ring.sring->rsp_event = disk.ring.rsp_cons + 1;
}

static void fill(unsigned n)
{
    memset(disk.data, 0, PAGE_SIZE);
    unsigned at = format(disk.data, PAGE_SIZE, "number %u:", n);
    for (unsigned i = 0; i < 8; i++)
        at += format(disk.data + at, (unsigned)PAGE_SIZE - at, " %u", n * 7919 + i);
    disk.data[at] = '\n';
}

void disk_writer(void)
{
    char buf[16];
    bool ends = option("until", buf, sizeof(buf)) != NULL;

    xs_init();
    blk_front_connect(&disk, GTF_readonly);
    for (unsigned n = 0; !ends || front_backend(&disk.front) != XenbusStateClosing; n++) {
        fill(n);
        run(BLKIF_OP_WRITE, n % BLOCKS);
        run(BLKIF_OP_FLUSH_DISKCACHE, 0);
        print("flushed %u\n", n);
    }
}
