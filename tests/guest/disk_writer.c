/*
 * run=diskwriter: writes to xvda for ever, for a test that ends us in the middle, or with until=unplug until it is to let go
 * of the disk, which it does not. Block n % 64 gets the number n and
 * a line of text made of it, and "flushed n" is printed when a flush behind it was answered.
 */
#include "front.h"

#define xen_mb()  smp_mb()
#define xen_rmb() smp_mb()
#define xen_wmb() smp_mb()
#include <xen/io/blkif.h>
#include <xen/io/protocols.h>

enum { BLOCKS = 64, XVDA = 202 << 8 };

static struct {
    struct front front;
    blkif_front_ring_t ring;
    grant_ref_t data_ref;
    char *data; /* a block */
} disk;

static void connect(void)
{
    blkif_sring_t *shared = page_alloc();

    SHARED_RING_INIT(shared);
    FRONT_RING_INIT(&disk.ring, shared, PAGE_SIZE);
    disk.data = page_alloc();
    disk.data_ref = grant_page(disk.data, GTF_readonly);
    if (!front_find(&disk.front, "vbd", XVDA) || !front_wait(&disk.front, XenbusStateInitWait))
        bail_out("no disk");
    front_open_port(&disk.front);
    xs_write(disk.front.dir, "ring-ref", "%u", grant_page(shared, 0));
    xs_write(disk.front.dir, "event-channel", "%u", disk.front.port);
    xs_write(disk.front.dir, "protocol", "%s", XEN_IO_PROTO_ABI_X86_64);
    if (!front_go(&disk.front, XenbusStateInitialised, XenbusStateConnected))
        bail_out("no connection");
    xs_write(disk.front.dir, "state", "%d", XenbusStateConnected);
}

/* Sends it and waits for the answer. */
static void run(uint8_t operation, unsigned block)
{
    blkif_request_t *r = RING_GET_REQUEST(&disk.ring, disk.ring.req_prod_pvt);
    int notify;

    *r = (blkif_request_t){.operation = operation, .id = block};
    if (operation == BLKIF_OP_WRITE) {
        r->nr_segments = 1;
        r->sector_number = block * 8;
        r->seg[0] = (struct blkif_request_segment){disk.data_ref, 0, 7};
    }
    disk.ring.req_prod_pvt++;
    RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&disk.ring, notify);
    if (notify)
        port_send(disk.front.port);
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
    connect();
    for (unsigned n = 0; !ends || front_backend(&disk.front) != XenbusStateClosing; n++) {
        fill(n);
        run(BLKIF_OP_WRITE, n % BLOCKS);
        run(BLKIF_OP_FLUSH_DISKCACHE, 0);
        print("flushed %u\n", n);
    }
}
