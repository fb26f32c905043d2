/* Requests of the vbd protocol (xen/io/blkif.h), from the bytes in a ring to what was checked. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/xen.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/io/blkif.h>

enum blk_abi { BLK_ABI_64, BLK_ABI_32 };
enum {
    BLK_MAX_ENTRY = 112,
    BLK_MAX_INDIRECT = 256,
    BLK_SEGMENTS_PER_PAGE = 4096 / sizeof(struct blkif_request_segment),
};

struct blk_req {
    uint64_t id, sector;
    uint64_t nr_sectors;  /* discard */
    uint8_t op;           /* BLKIF_OP_; an indirect one's own, as the frontend expects in the answer */
    bool indirect;
    unsigned nr_segments; /* read, write, barrier, flush */
    unsigned nr_pages;    /* indirect: where the segments are */
    grant_ref_t pages[BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST];
    struct blkif_request_segment seg[BLKIF_MAX_SEGMENTS_PER_REQUEST]; /* unless indirect */
};

struct blk_disk {
    uint64_t sectors;
    bool readonly, can_discard;
};

unsigned blk_entry_size(enum blk_abi abi);
size_t blk_response_make(enum blk_abi abi, uint64_t id, uint8_t op, int16_t status, void *ret);
/* entry: a copy of blk_entry_size() bytes. 0, or a status for the answer; then id and op are good. */
int blk_req_parse(const void *entry, enum blk_abi abi, struct blk_req *ret);
/*
 * seg: the request's segments, a copy. 0 and the number of bytes (of the segments or to be discarded), or
 * a status for the answer.
 */
int blk_req_check(const struct blk_req *req, const struct blkif_request_segment *seg,
                  const struct blk_disk *disk, uint64_t *ret_bytes);
