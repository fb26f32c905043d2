#include "blk_front.h"

#include <xen/io/protocols.h>

enum { XVDA = 202 << 8 };

void blk_front_connect(struct blk_front *f, uint16_t flags)
{
    blkif_sring_t *shared = page_alloc();

    SHARED_RING_INIT(shared);
    FRONT_RING_INIT(&f->ring, shared, PAGE_SIZE);
    f->data = page_alloc();
    f->data_ref = grant_page(f->data, flags);
    if (!front_find(&f->front, "vbd", XVDA) || !front_wait(&f->front, XenbusStateInitWait))
        bail_out("no disk");
    front_open_port(&f->front);
    xs_write(f->front.dir, "ring-ref", "%u", grant_page(shared, 0));
    xs_write(f->front.dir, "event-channel", "%u", f->front.port);
    xs_write(f->front.dir, "protocol", "%s", XEN_IO_PROTO_ABI_X86_64);
    if (!front_go(&f->front, XenbusStateInitialised, XenbusStateConnected))
        bail_out("no connection");
    xs_write(f->front.dir, "state", "%d", XenbusStateConnected);
}

void blk_front_add(struct blk_front *f, uint8_t operation, unsigned block)
{
    blkif_request_t *r = RING_GET_REQUEST(&f->ring, f->ring.req_prod_pvt++);

    *r = (blkif_request_t){.operation = operation, .id = block};
    if (operation == BLKIF_OP_WRITE || operation == BLKIF_OP_READ) {
        r->nr_segments = 1;
        r->sector_number = block * 8;
        r->seg[0] = (struct blkif_request_segment){f->data_ref, 0, 7};
    }
}

bool blk_front_push(struct blk_front *f)
{
    int notify;

    RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&f->ring, notify);
    if (notify)
        port_send(f->front.port);
    return notify;
}
