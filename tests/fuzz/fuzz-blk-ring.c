/*
 * Any bytes as what a frontend puts into a vbd's ring and into the pages it grants. Each request that is
 * taken is answered once, the image is never touched outside of it, and nothing stays mapped.
 */
#include "fuzz.h"

#include "tests/unit/blk_guest.h"

#include <stdlib.h>
#include <string.h>

enum { IMAGE_BYTES = 64 << 10, GRANTS = 8 };

struct memory_image {
    struct disk_image base;
    uint8_t bytes[IMAGE_BYTES];
};

static void memory_submit(struct disk_image *img, struct image_request *r)
{
    struct memory_image *m = (struct memory_image *)img;
    uint64_t at = r->offset, sum = 0;

    if (r->op != IMAGE_FLUSH && (r->offset > IMAGE_BYTES || r->bytes > IMAGE_BYTES - r->offset ||
                                 r->offset % IMAGE_SECTOR || r->bytes % IMAGE_SECTOR || !r->bytes))
        abort();
    if (r->op == IMAGE_DISCARD)
        memset(m->bytes + at, 0, r->bytes);
    for (unsigned i = 0; i < r->iovcnt; i++) {
        sum += r->iov[i].iov_len;
        if (r->op == IMAGE_READ)
            memcpy(r->iov[i].iov_base, m->bytes + at, r->iov[i].iov_len);
        else
            memcpy(m->bytes + at, r->iov[i].iov_base, r->iov[i].iov_len);
        at += r->iov[i].iov_len;
    }
    if ((r->op == IMAGE_READ || r->op == IMAGE_WRITE) && sum != r->bytes)
        abort();
    r->done(r, 0);
}

static const struct image_ops memory_ops = {"memory", memory_submit, NULL};

static void ignore(const gchar *domain, GLogLevelFlags level, const gchar *text, gpointer data)
{
}

/* First byte: ABI and pages of the ring; second: read-only or not; then the granted pages' contents. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct blk_io *io;
    static struct memory_image image;
    struct blk_guest g;
    uint32_t taken = 0;

    if (size < 2)
        return 0;
    g_log_set_default_handler(ignore, NULL);
    if (!io)
        io = blk_io_new(false);
    image.base = (struct disk_image){.ops = &memory_ops, .io = io, .bytes = IMAGE_BYTES,
                                     .readonly = data[1] & 1, .can_discard = data[1] & 2};
    (data[1] & 8 ? blk_guest_init_kept : blk_guest_init)(
        &g, io, &image.base, data[0] & 1 ? BLK_ABI_32 : BLK_ABI_64,
                   1u << (data[0] >> 1 & 1));
    for (unsigned i = 0; i < 2; i++) /* a ring that is read into is the frontend's own trouble */
        g.host->readonly[BLK_GUEST_RING + i] = true;
    for (unsigned i = 0; i < GRANTS; i++) {
        uint8_t *page = fake_host_grant(g.host, BLK_GUEST_DATA + i);
        g.host->readonly[BLK_GUEST_DATA + i] = data[1] >> 2 & 1 && i == 0;
        memcpy(page, data, MIN(size, FRAME_SIZE));
    }
    data += 2;
    size -= 2;
    while (size) {
        uint8_t entry[BLK_MAX_ENTRY] = {0};
        size_t n = MIN(size, g.front.entry_size);
        memcpy(entry, data, n);
        data += n;
        size -= n;
        blk_guest_put(&g, entry);
        taken++;
        if (size && g.req_prod % 7)
            continue;
        blk_guest_kick(&g);
        uint64_t id;
        uint8_t op;
        int16_t status;
        while (blk_guest_answer(&g, &id, &op, &status))
            taken--;
        if (taken)
            abort();
    }
    g.req_prod += 1000; /* and an end of its own */
    blk_guest_kick(&g);
    blk_guest_done(&g);
    return 0;
}

static void entry_of(uint8_t *e, uint8_t op, uint8_t n, uint64_t sector, unsigned pages)
{
    memset(e, 0, BLK_MAX_ENTRY);
    e[0] = op;
    e[1] = n;
    memcpy(e + 16, &sector, sizeof(sector));
    for (unsigned i = 0; i < pages; i++) {
        struct blkif_request_segment seg = {BLK_GUEST_DATA + i, 0, 7};
        memcpy(e + 24 + i * sizeof(seg), &seg, sizeof(seg));
    }
}

void fuzz_seeds(fuzz_seed_fn add, void *opaque)
{
    uint8_t all[2 + 6 * BLK_MAX_ENTRY] = {0, 2};

    entry_of(all + 2, BLKIF_OP_WRITE, 2, 0, 2);
    entry_of(all + 2 + BLK_MAX_ENTRY, BLKIF_OP_READ, 8, 40, 8);
    entry_of(all + 2 + 2 * BLK_MAX_ENTRY, BLKIF_OP_FLUSH_DISKCACHE, 0, 0, 0);
    entry_of(all + 2 + 3 * BLK_MAX_ENTRY, BLKIF_OP_WRITE_BARRIER, 1, 8, 1);
    entry_of(all + 2 + 4 * BLK_MAX_ENTRY, BLKIF_OP_DISCARD, 0, 8, 0);
    all[2 + 4 * BLK_MAX_ENTRY + 24] = 8;
    /* indirect: eight segments of whole pages are read from a page that begins with zeroes */
    entry_of(all + 2 + 5 * BLK_MAX_ENTRY, BLKIF_OP_INDIRECT, BLKIF_OP_READ, 0, 0);
    all[2 + 5 * BLK_MAX_ENTRY + 2] = 1;
    all[2 + 5 * BLK_MAX_ENTRY + 28] = BLK_GUEST_DATA;
    add(opaque, "native", all, sizeof(all));
    all[0] = 3; /* 32-bit, two pages: other places for the same bytes */
    add(opaque, "compat", all, sizeof(all));
    all[0] = 2;
    all[1] = 5;
    add(opaque, "read-only", all, sizeof(all));
}
