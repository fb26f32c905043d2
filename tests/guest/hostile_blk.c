/* run=hostile_blk: a disk's frontend that breaks every rule of the vbd protocol. */
#include "front.h"
#include "hostile.h"

#include <xen/io/blkif.h>
#include <xen/io/protocols.h>
#include <xen/io/ring.h>

#define RING_ENTRIES 32
#define XVDA (202u << 8)
#define XVDB (202u << 8 | 16)

struct disk {
    struct front front;
    blkif_sring_t *ring;
    grant_ref_t ring_ref, data_ref;
    uint8_t *data;
    uint32_t prod, cons;
};

static void connect(struct disk *d)
{
    page_clear(d->ring);
    d->prod = d->cons = 0;
    front_open_port(&d->front);
    xs_write(d->front.dir, "ring-ref", "%u", d->ring_ref);
    xs_write(d->front.dir, "event-channel", "%u", d->front.port);
    xs_write(d->front.dir, "protocol", "%s", XEN_IO_PROTO_ABI_X86_64);
    if (!front_go(&d->front, XenbusStateInitialised, XenbusStateConnected))
        bail_out("%s: no connection", d->front.dir);
}

static bool again(struct disk *d)
{
    bool good = front_reset(&d->front);

    good = good && !(grant_entry(d->ring_ref)->flags & (GTF_reading | GTF_writing));
    connect(d);
    return good;
}

static void setup(struct disk *d, unsigned number)
{
    if (!front_find(&d->front, "vbd", number))
        bail_out("no disk %u", number);
    if (!d->ring) {
        d->ring = page_alloc();
        d->data = page_alloc();
        d->ring_ref = grant_page(d->ring, 0);
        d->data_ref = grant_page(d->data, 0);
    }
    if (!front_wait(&d->front, XenbusStateInitWait))
        bail_out("%s: no backend", d->front.dir);
    connect(d);
}

static blkif_request_t *next_request(struct disk *d)
{
    return &d->ring->ring[d->prod++ % RING_ENTRIES].req;
}

static void push(struct disk *d)
{
    smp_mb();
    READ_ONCE(d->ring->req_prod) = d->prod;
    smp_mb();
    front_kick(&d->front);
}

/* The next answer's status; -100: none came. */
static int answer(struct disk *d, uint64_t id)
{
    if (!wait_for(READ_ONCE(d->ring->rsp_prod) != d->cons, 5 * S))
        return -100;
    smp_mb();
    const blkif_response_t *rsp = &d->ring->ring[d->cons++ % RING_ENTRIES].rsp;
    d->ring->rsp_event = d->cons + 1;
    return rsp->id == id ? rsp->status : -101;
}

static blkif_request_t reading(struct disk *d)
{
    return (blkif_request_t){.operation = BLKIF_OP_READ, .nr_segments = 1, .id = 77,
                             .seg = {{d->data_ref, 0, 7}}};
}

static int ask(struct disk *d, const blkif_request_t *req)
{
    *next_request(d) = *req;
    push(d);
    return answer(d, req->id);
}

/* The first sector starts with the disk's name. */
static bool works(struct disk *d, const char *name)
{
    blkif_request_t req = reading(d);

    page_clear(d->data);
    return ask(d, &req) == BLKIF_RSP_OKAY && memcmp(d->data, name, strlen(name)) == 0;
}

static void bad_requests(struct disk *d)
{
    const struct {
        const char *what;
        uint8_t op, segments;
        uint64_t sector;
        struct blkif_request_segment seg;
        int status;
    } row[] = {
        {"an unknown operation", 99, 1, 0, {d->data_ref, 0, 7}, BLKIF_RSP_EOPNOTSUPP},
        {"a grant beyond the table", BLKIF_OP_READ, 1, 0, {REF_MISSING, 0, 7}, BLKIF_RSP_ERROR},
        {"the last grant", BLKIF_OP_WRITE, 1, 0, {0xffffffff, 0, 7}, BLKIF_RSP_ERROR},
        {"an empty grant", BLKIF_OP_READ, 1, 0, {REF_EMPTY, 0, 7}, BLKIF_RSP_ERROR},
        {"a read-only grant to read into", BLKIF_OP_READ, 1, 0,
         {grant_page(d->data, GTF_readonly), 0, 7}, BLKIF_RSP_ERROR},
        {"frame 0", BLKIF_OP_READ, 1, 0, {grant_frame(0, 0), 0, 7}, BLKIF_RSP_ERROR},
        {"the emulator's frame", BLKIF_OP_READ, 1, 0, {grant_frame(0x100, 0), 0, 7},
         BLKIF_RSP_ERROR},
        {"no frame", BLKIF_OP_WRITE, 1, 0, {grant_frame(0xffffffff, 0), 0, 7}, BLKIF_RSP_ERROR},
        {"12 segments", BLKIF_OP_READ, 12, 0, {d->data_ref, 0, 7}, BLKIF_RSP_ERROR},
        {"255 segments", BLKIF_OP_WRITE, 255, 0, {d->data_ref, 0, 7}, BLKIF_RSP_ERROR},
        {"a segment backwards", BLKIF_OP_READ, 1, 0, {d->data_ref, 7, 0}, BLKIF_RSP_ERROR},
        {"a segment over its page", BLKIF_OP_READ, 1, 0, {d->data_ref, 0, 8}, BLKIF_RSP_ERROR},
        {"a long segment", BLKIF_OP_WRITE, 1, 0, {d->data_ref, 255, 255}, BLKIF_RSP_ERROR},
        {"behind the disk", BLKIF_OP_READ, 1, 1ull << 40, {d->data_ref, 0, 7}, BLKIF_RSP_ERROR},
        {"over the disk's end", BLKIF_OP_WRITE, 1, 2047, {d->data_ref, 0, 7}, BLKIF_RSP_ERROR},
        {"an overflow of sectors", BLKIF_OP_READ, 1, ~0ull, {d->data_ref, 0, 7}, BLKIF_RSP_ERROR},
        {"an overflow of bytes", BLKIF_OP_WRITE, 1, 1ull << 55, {d->data_ref, 0, 7},
         BLKIF_RSP_ERROR},
        {"a barrier elsewhere", BLKIF_OP_WRITE_BARRIER, 1, ~0ull << 9, {d->data_ref, 0, 7},
         BLKIF_RSP_ERROR},
    };

    for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
        blkif_request_t req = {.operation = row[i].op, .nr_segments = row[i].segments,
                               .id = 1000 + i, .sector_number = row[i].sector, .seg = {row[i].seg}};
        for (unsigned k = 1; k < BLKIF_MAX_SEGMENTS_PER_REQUEST; k++)
            req.seg[k] = row[i].seg;
        is(ask(d, &req), row[i].status, "blk: %s", row[i].what);
    }
    ok(works(d, "first disk"), "blk: it goes on");
}

static int ask_indirect(struct disk *d, uint16_t segments, uint8_t op, grant_ref_t ref)
{
    blkif_request_indirect_t *req = (blkif_request_indirect_t *)next_request(d);

    *req = (blkif_request_indirect_t){.operation = BLKIF_OP_INDIRECT, .indirect_op = op,
                                      .nr_segments = segments, .id = 5};
    for (unsigned i = 0; i < BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST; i++)
        req->indirect_grefs[i] = ref;
    push(d);
    return answer(d, 5);
}

static void bad_indirect(struct disk *d)
{
    uint8_t *list = page_alloc();
    grant_ref_t ref = grant_page(list, GTF_readonly);
    blkif_request_t discard = {.operation = BLKIF_OP_DISCARD, .id = 6, .sector_number = ~0ull};

    memset(list, 0xff, PAGE_SIZE);
    is(ask_indirect(d, 8, BLKIF_OP_READ, ref), BLKIF_RSP_ERROR, "blk: segments of ones");
    is(ask_indirect(d, 0, BLKIF_OP_READ, ref), BLKIF_RSP_ERROR, "blk: no indirect segments");
    is(ask_indirect(d, 257, BLKIF_OP_READ, ref), BLKIF_RSP_ERROR, "blk: too many");
    is(ask_indirect(d, 65535, BLKIF_OP_WRITE, ref), BLKIF_RSP_ERROR, "blk: as many as there are");
    is(ask_indirect(d, 8, BLKIF_OP_INDIRECT, ref), BLKIF_RSP_ERROR, "blk: indirect indirect");
    is(ask_indirect(d, 8, BLKIF_OP_READ, REF_MISSING), BLKIF_RSP_ERROR, "blk: a list nowhere");
    *(uint64_t *)((uint8_t *)&discard + 24) = ~0ull; /* nr_sectors */
    ok(ask(d, &discard) < 0, "blk: everything and more discarded");
    ok(works(d, "first disk"), "blk: it goes on");
}

/* The data's grant changes in all ways while 31 requests use it; each is answered, some with an error. */
static void changing_grants(struct disk *d)
{
    static const uint16_t flags[] = {GTF_permit_access, 0, GTF_permit_access | GTF_readonly,
                                     GTF_accept_transfer, GTF_permit_access};
    grant_ref_t ref = grant_page(d->data, 0);
    volatile grant_entry_v1_t *e = grant_entry(ref);
    unsigned answered = 0, odd = 0;

    for (unsigned round = 0; round < 20; round++) {
        for (unsigned i = 0; i < RING_ENTRIES - 1; i++) {
            blkif_request_t req = reading(d);
            req.seg[0].gref = ref;
            req.sector_number = i;
            *next_request(d) = req;
        }
        push(d);
        for (unsigned i = 0; i < 3000; i++) {
            e->flags = flags[i % ARRAY_SIZE(flags)];
            e->frame = i % 3 ? (uint32_t)mfn_of(d->data) : (uint32_t)(i * 7919);
        }
        e->frame = (uint32_t)mfn_of(d->data);
        for (unsigned i = 0; i < RING_ENTRIES - 1; i++) {
            int status = answer(d, 77);
            answered += status > -100;
            odd += status != BLKIF_RSP_OKAY && status != BLKIF_RSP_ERROR;
        }
    }
    is(answered, 20 * (RING_ENTRIES - 1), "blk: grants changed under use: all are answered");
    is(odd, 0, "blk: well or with an error");
    ok(again(d) && works(d, "first disk"), "blk: it goes on");
}

/* Reads into the ring itself: requests become what is on the disk. */
static void ring_as_data(struct disk *d)
{
    blkif_request_t req = reading(d);

    req.seg[0].gref = d->ring_ref;
    *next_request(d) = req;
    *next_request(d) = req;
    push(d);
    wait_for(READ_ONCE(d->ring->rsp_prod) != 0 && READ_ONCE(d->ring->req_prod) != 2, S / 2);
    ok(again(d) && works(d, "first disk"), "blk: after a ring that was read over");
}

static void bad_indices(struct disk *d)
{
    static const uint32_t prods[] = {33, 5000, 0x80000000, 0xffffffff};

    for (unsigned i = 0; i < ARRAY_SIZE(prods); i++) {
        READ_ONCE(d->ring->req_prod) = prods[i];
        front_kick(&d->front);
        d->prod = 0;
        ok(again(d) && works(d, "first disk"), "blk: after %u requests at once", prods[i]);
    }
    READ_ONCE(d->ring->rsp_prod) = 0x12345678; /* theirs */
    READ_ONCE(d->ring->req_event) = 0x87654321;
    READ_ONCE(d->ring->rsp_event) = 0xdeadbeef;
    front_kick(&d->front);
    ok(again(d) && works(d, "first disk"), "blk: after the backend's own indices were spoiled");
}

/* Nonsense in xenstore: the backend goes to Closing, and comes back. */
static void bad_keys(struct disk *d)
{
    static const struct {
        const char *key, *value, *good;
    } row[] = {
        {"ring-ref", "4294967295", NULL},
        {"ring-ref", "99999999999999999999", NULL},
        {"ring-ref", "-1", NULL},
        {"ring-ref", "", NULL},
        {"event-channel", "4095", NULL},
        {"event-channel", "4294967295", NULL},
        {"event-channel", "x", NULL},
        {"event-channel", "0", NULL},
        {"protocol", "pdp11-abi", XEN_IO_PROTO_ABI_X86_64},
        {"ring-page-order", "5", "0"},
        {"multi-queue-num-queues", "4000000000", "1"},
    };

    for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
        front_reset(&d->front);
        front_open_port(&d->front);
        xs_write(d->front.dir, "ring-ref", "%u", d->ring_ref);
        xs_write(d->front.dir, "event-channel", "%u", d->front.port);
        xs_write(d->front.dir, row[i].key, "%s", row[i].value);
        ok(front_go(&d->front, XenbusStateInitialised, XenbusStateClosing), "blk: %s=%s: refused",
           row[i].key, row[i].value);
        if (row[i].good)
            xs_write(d->front.dir, row[i].key, "%s", row[i].good);
        xs_ask(XS_RM, 0, "device/vbd/51712/ring-page-order", 33);
    }
    ok(again(d) && works(d, "first disk"), "blk: it goes on");
}

/* Connected and disconnected without a pause, requests under way. */
static void no_patience(struct disk *d)
{
    static const XenbusState states[] = {XenbusStateClosed, XenbusStateInitialising,
                                         XenbusStateInitialised, XenbusStateConnected,
                                         XenbusStateClosing, XenbusStateReconfigured, 77};

    for (unsigned i = 0; i < 100; i++) {
        blkif_request_t req = reading(d);
        *next_request(d) = req;
        push(d);
        xs_write(d->front.dir, "state", "%d", states[i % ARRAY_SIZE(states)]);
    }
    ok(again(d) && works(d, "first disk"), "blk: after 100 changes of state");
    port_close(d->front.port);
    d->front.port = 0;
    ok(again(d) && works(d, "first disk"), "blk: after its port was closed");
}

void test_hostile_blk(void)
{
    static struct disk first, second;

    xs_init();
    setup(&first, XVDA);
    setup(&second, XVDB);
    ok(works(&first, "first disk") && works(&second, "second disk"), "blk: two disks");
    bad_requests(&first);
    bad_indirect(&first);
    changing_grants(&first);
    ring_as_data(&first);
    bad_indices(&first);
    bad_keys(&first);
    no_patience(&first);
    ok(works(&second, "second disk"), "blk: the other disk has not noticed");
}
