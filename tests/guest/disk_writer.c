/*
 * Writes to xvda for ever, for a test that ends us in the middle: block n % 64 gets the number n and a line of text
 * made of it, and "flushed n" is printed when a flush behind it was answered. run=diskwriter.
 */
#include "event.h"
#include "mem.h"
#include "store.h"

#define xen_mb()  smp_mb()
#define xen_rmb() smp_mb()
#define xen_wmb() smp_mb()
#include <xen/io/blkif.h>
#include <xen/io/xenbus.h>

#include <xen/grant_table.h>

#define DEVICE "device/vbd/51712/"

enum { BLOCKS = 64, RING_REF = 16, DATA_REF };

static struct {
    blkif_front_ring_t ring;
    unsigned port;
    grant_entry_v1_t *grants;
    char *data; /* a block */
} disk;

static void grant(unsigned ref, const void *page)
{
    disk.grants[ref].frame = (uint32_t)mfn_of(page);
    disk.grants[ref].domid = 0;
    barrier();
    disk.grants[ref].flags = GTF_permit_access;
}

static void grants_init(void)
{
    xen_pfn_t frame = 0;
    struct gnttab_setup_table op = {.dom = DOMID_SELF, .nr_frames = 1};

    op.frame_list.p = &frame;
    disk.grants = page_alloc();
    if (hypercall(grant_table_op, GNTTABOP_setup_table, &op, 1) || op.status ||
        update_va(disk.grants, pte_make(frame, KERNEL_RW), UVMF_INVLPG))
        bail_out("no grant table");
}

static unsigned format(char *buf, unsigned size, const char *fmt, ...)
{
    __builtin_va_list ap;

    __builtin_va_start(ap, fmt);
    unsigned n = vformat(buf, size, fmt, ap);
    __builtin_va_end(ap);
    return n;
}

static void connect(void)
{
    struct evtchn_alloc_unbound alloc = {.dom = DOMID_SELF, .remote_dom = 0};
    char backend[128], path[160], text[16] = "";
    blkif_sring_t *shared = page_alloc();

    SHARED_RING_INIT(shared);
    FRONT_RING_INIT(&disk.ring, shared, PAGE_SIZE);
    grant(RING_REF, shared);
    if (evtchn(EVTCHNOP_alloc_unbound, &alloc) || !store_read(DEVICE "backend", backend, sizeof(backend)))
        bail_out("no disk");
    disk.port = alloc.port;
    port_mask(disk.port, true);
    format(text, sizeof(text), "%u", RING_REF);
    store_write(DEVICE "ring-ref", text);
    format(text, sizeof(text), "%u", disk.port);
    store_write(DEVICE "event-channel", text);
    store_write(DEVICE "protocol", "x86_64-abi");
    store_write(DEVICE "state", "3");
    format(path, sizeof(path), "%s/state", backend);
    while (!streq(text, "4"))
        store_read(path, text, sizeof(text));
    store_write(DEVICE "state", "4");
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
        r->seg[0] = (struct blkif_request_segment){DATA_REF, 0, 7};
    }
    disk.ring.req_prod_pvt++;
    RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&disk.ring, notify);
    if (notify)
        port_send(disk.port);
    port_wait(disk.port, READ_ONCE(disk.ring.sring->rsp_prod) != disk.ring.rsp_cons);
    smp_mb();
    if (RING_GET_RESPONSE(&disk.ring, disk.ring.rsp_cons)->status != BLKIF_RSP_OKAY)
        bail_out("block %u: the disk failed", block);
    disk.ring.rsp_cons++;
    disk.ring.sring->rsp_event = disk.ring.rsp_cons + 1;
}

static void fill(unsigned n)
{
    unsigned at = format(disk.data, PAGE_SIZE, "number %u:", n);

    memset(disk.data + at, 0, PAGE_SIZE - at);
    for (unsigned i = 0; i < 8; i++)
        at += format(disk.data + at, (unsigned)PAGE_SIZE - at, " %u", n * 7919 + i);
    disk.data[at] = '\n';
}

void disk_writer(void)
{
    grants_init();
    store_init();
    connect();
    disk.data = page_alloc();
    grant(DATA_REF, disk.data);
    for (unsigned n = 0;; n++) {
        fill(n);
        run(BLKIF_OP_WRITE, n % BLOCKS);
        run(BLKIF_OP_FLUSH_DISKCACHE, 0);
        print("flushed %u\n", n);
    }
}
