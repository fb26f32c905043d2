#include "xenner/backend/blk_req.h"

#include <string.h>

#define SECTOR           512u
#define SECTORS_PER_PAGE (4096 / SECTOR)

/* id is aligned to 8 bytes in one ABI and to 4 in the other; what follows it is the same. */
static size_t id_offset(enum blk_abi abi)
{
    return abi == BLK_ABI_64 ? 8 : 4;
}

unsigned blk_entry_size(enum blk_abi abi)
{
    return abi == BLK_ABI_64 ? 112 : 108;
}

size_t blk_response_make(enum blk_abi abi, uint64_t id, uint8_t op, int16_t status, void *ret)
{
    size_t len = abi == BLK_ABI_64 ? 16 : 12;
    uint8_t *p = ret;

    memset(p, 0, len);
    memcpy(p, &id, sizeof(id));
    p[8] = op;
    memcpy(p + 10, &status, sizeof(status));
    return len;
}

static int parse_indirect(const uint8_t *entry, const uint8_t *body, struct blk_req *r)
{
    uint16_t n;

    memcpy(&n, entry + 2, sizeof(n));
    r->op = entry[1];
    r->indirect = true;
    r->nr_segments = n;
    if ((r->op != BLKIF_OP_READ && r->op != BLKIF_OP_WRITE) || !n || n > BLK_MAX_INDIRECT)
        return BLKIF_RSP_ERROR;
    r->nr_pages = (n + BLK_SEGMENTS_PER_PAGE - 1) / BLK_SEGMENTS_PER_PAGE;
    memcpy(r->pages, body + 20, r->nr_pages * sizeof(r->pages[0])); /* handle and padding before */
    return 0;
}

int blk_req_parse(const void *entry, enum blk_abi abi, struct blk_req *ret)
{
    const uint8_t *e = entry, *body = e + id_offset(abi);

    memset(ret, 0, sizeof(*ret));
    ret->op = e[0];
    memcpy(&ret->id, body, sizeof(ret->id));
    memcpy(&ret->sector, body + 8, sizeof(ret->sector));
    switch (ret->op) {
    case BLKIF_OP_READ:
    case BLKIF_OP_WRITE:
        if (!e[1])
            return BLKIF_RSP_ERROR;
        /* fall through */
    case BLKIF_OP_WRITE_BARRIER:
    case BLKIF_OP_FLUSH_DISKCACHE:
        ret->nr_segments = e[1];
        if (e[1] > BLKIF_MAX_SEGMENTS_PER_REQUEST)
            return BLKIF_RSP_ERROR;
        memcpy(ret->seg, body + 16, e[1] * sizeof(ret->seg[0]));
        return 0;
    case BLKIF_OP_DISCARD:
        memcpy(&ret->nr_sectors, body + 16, sizeof(ret->nr_sectors));
        return e[1] & BLKIF_DISCARD_SECURE ? BLKIF_RSP_EOPNOTSUPP : 0;
    case BLKIF_OP_INDIRECT:
        return parse_indirect(e, body, ret);
    }
    return BLKIF_RSP_EOPNOTSUPP;
}

static bool inside(const struct blk_disk *disk, uint64_t sector, uint64_t n)
{
    return n <= disk->sectors && sector <= disk->sectors - n;
}

int blk_req_check(const struct blk_req *req, const struct blkif_request_segment *seg,
                  const struct blk_disk *disk, uint64_t *ret_bytes)
{
    uint64_t sectors = req->nr_sectors;

    if (req->op == BLKIF_OP_DISCARD && !disk->can_discard)
        return BLKIF_RSP_EOPNOTSUPP;
    if (disk->readonly && req->op != BLKIF_OP_READ && (req->nr_segments || sectors))
        return BLKIF_RSP_ERROR;
    for (unsigned i = 0; i < req->nr_segments; i++) {
        if (seg[i].first_sect > seg[i].last_sect || seg[i].last_sect >= SECTORS_PER_PAGE)
            return BLKIF_RSP_ERROR;
        sectors += seg[i].last_sect - seg[i].first_sect + 1u;
    }
    if ((req->nr_segments || req->op == BLKIF_OP_DISCARD) && !inside(disk, req->sector, sectors))
        return BLKIF_RSP_ERROR;
    *ret_bytes = sectors * SECTOR;
    return 0;
}
