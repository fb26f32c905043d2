#include "blk_guest.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

static void open_ring(void *opaque)
{
    struct blk_guest *g = opaque;

    g->ring = blk_ring_new(&g->config, NULL);
}

static void init(struct blk_guest *g, struct blk_io *io, struct disk_image *image, enum blk_abi abi,
                 unsigned pages, bool persistent)
{
    memset(g, 0, sizeof(*g));
    g->host = fake_host_new();
    g->io = io;
    g->config = (struct blk_ring_config){.name = "vbd test", .complained = &g->complained,
                                         .host = &g->host->base, .image = image, .io = io,
                                         .abi = abi, .port = FAKE_PORT, .nr_refs = pages,
                                         .persistent = persistent};
    for (unsigned i = 0; i < pages; i++) {
        g->config.refs[i] = BLK_GUEST_RING + i;
        g->front.pages[i] = fake_host_grant(g->host, BLK_GUEST_RING + i);
    }
    g->front.nr_pages = pages;
    ring_init(&g->front, blk_entry_size(abi));
    blk_io_call(io, open_ring, g);
    assert_non_null(g->ring);
}

void blk_guest_init(struct blk_guest *g, struct blk_io *io, struct disk_image *image,
                    enum blk_abi abi, unsigned pages)
{
    init(g, io, image, abi, pages, false);
}

void blk_guest_init_kept(struct blk_guest *g, struct blk_io *io, struct disk_image *image,
                         enum blk_abi abi, unsigned pages)
{
    init(g, io, image, abi, pages, true);
}

static void close_ring(void *opaque)
{
    struct blk_guest *g = opaque;

    blk_ring_free(g->ring);
}

void blk_guest_close(struct blk_guest *g)
{
    blk_io_call(g->io, close_ring, g);
}

void blk_guest_done(struct blk_guest *g)
{
    blk_guest_close(g);
    fake_host_free(g->host);
}

void blk_guest_put(struct blk_guest *g, const void *entry)
{
    ring_copy(&g->front, g->req_prod++, (void *)entry, g->front.entry_size, true);
}

static void kick(void *opaque)
{
    struct blk_guest *g = opaque;

    fake_host_event(g->host);
    while (blk_ring_busy(g->ring))
        io_iterate(g->io);
}

void blk_guest_kick(struct blk_guest *g)
{
    __atomic_store_n(ring_word(&g->front, RING_REQ_PROD), g->req_prod, __ATOMIC_RELEASE);
    blk_io_call(g->io, kick, g);
}

static void wait_asked(void *opaque)
{
    struct blk_guest *g = opaque;

    while (__atomic_load_n(ring_word(&g->front, RING_REQ_EVENT), __ATOMIC_SEQ_CST) != g->req_prod + 1)
        io_iterate(g->io);
}

void blk_guest_wait_asked(struct blk_guest *g)
{
    blk_io_call(g->io, wait_asked, g);
}

void blk_guest_request(struct blk_guest *g, uint8_t op, uint64_t id, uint64_t sector,
                       const struct blkif_request_segment *seg, unsigned n)
{
    uint8_t e[BLK_MAX_ENTRY] = {op, (uint8_t)n};
    size_t body = g->config.abi == BLK_ABI_64 ? 8 : 4;

    memcpy(e + body, &id, sizeof(id));
    memcpy(e + body + 8, &sector, sizeof(sector));
    if (n)
        memcpy(e + body + 16, seg,
               MIN(n, (unsigned)BLKIF_MAX_SEGMENTS_PER_REQUEST) * sizeof(*seg));
    blk_guest_put(g, e);
}

bool blk_guest_answer(struct blk_guest *g, uint64_t *ret_id, uint8_t *ret_op, int16_t *ret_status)
{
    uint8_t e[16];

    if (__atomic_load_n(ring_word(&g->front, RING_RSP_PROD), __ATOMIC_ACQUIRE) == g->rsp_cons)
        return false;
    ring_copy(&g->front, g->rsp_cons++, e, g->config.abi == BLK_ABI_64 ? 16 : 12, false);
    memcpy(ret_id, e, sizeof(*ret_id));
    *ret_op = e[8];
    memcpy(ret_status, e + 10, sizeof(*ret_status));
    return true;
}
