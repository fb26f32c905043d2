/* A frontend of the vbd protocol on a fake host, and a backend's ring for it in an I/O thread. */
#pragma once

#include "fake_host.h"
#include "xenner/backend/blk_ring.h"

enum { BLK_GUEST_RING = 1, BLK_GUEST_DATA = 20 }; /* the refs of the ring and of the first data page */

struct blk_guest {
    struct fake_host *host;
    struct blk_io *io;           /* borrowed */
    struct blk_ring *ring;
    struct blk_ring_config config;
    struct ring front;           /* for its layout and page pointers */
    uint32_t req_prod, rsp_cons;
    bool complained;
};

/* A new frontend with a ring of that many pages. */
void blk_guest_init(struct blk_guest *g, struct blk_io *io, struct disk_image *image,
                    enum blk_abi abi, unsigned pages);
/* One that says feature-persistent. */
void blk_guest_init_kept(struct blk_guest *g, struct blk_io *io, struct disk_image *image,
                         enum blk_abi abi, unsigned pages);
/* All is unmapped. */
void blk_guest_done(struct blk_guest *g);
/* The ring alone; the host is left to the caller. */
void blk_guest_close(struct blk_guest *g);

/* Entries into the ring; kick shows them to the backend and returns when all is answered. */
void blk_guest_put(struct blk_guest *g, const void *entry);
void blk_guest_kick(struct blk_guest *g);
/* Plain requests: one segment a page, from BLK_GUEST_DATA on. */
void blk_guest_request(struct blk_guest *g, uint8_t op, uint64_t id, uint64_t sector,
                       const struct blkif_request_segment *seg, unsigned n);
/* Goes on with the I/O thread's work until it asks for the very next request. */
void blk_guest_wait_asked(struct blk_guest *g);
/* The next answer; false: there is none. */
bool blk_guest_answer(struct blk_guest *g, uint64_t *ret_id, uint8_t *ret_op, int16_t *ret_status);
