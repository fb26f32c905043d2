/*
 * One ring of a vbd: takes requests, checks them on a copy, has the image do them, answers.
 *
 * Threads: the I/O thread's.
 */
#pragma once

#include "xenner/backend/blk_req.h"
#include "xenner/backend/disk_image.h"
#include "xenner/backend/ring.h"
#include "xenner/host/xen_host.h"

struct blk_ring;

struct blk_ring_config {
    const char *name; /* for messages; outlives the ring */
    bool *complained; /* so that a guest that comes again and again is told off once; outlives the ring */
    struct xen_host *host;
    struct disk_image *image;
    struct blk_io *io;
    enum blk_abi abi;
    bool persistent;
    evtchn_port_t port;
    unsigned nr_refs;
    grant_ref_t refs[RING_MAX_PAGES];
};

struct blk_ring *blk_ring_new(const struct blk_ring_config *config, GError **error);
/* Takes nothing more, waits for what is under way, unmaps and unbinds all. Accepts NULL. */
void blk_ring_free(struct blk_ring *ring);
/* Requests are under way, or were not all taken, or the guest was not told yet. */
bool blk_ring_busy(const struct blk_ring *ring);
