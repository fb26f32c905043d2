/*
 * The pages of a ring's requests: mapped for one request, or kept mapped for a frontend that uses its
 * grants again and again (feature-persistent).
 *
 * Threads: the I/O thread's.
 */
#pragma once

#include "xenner/backend/blk_req.h"
#include "xenner/host/xen_host.h"

#include <sys/uio.h>

struct blk_pages;

/* What is mapped for a request. The arrays are the caller's, with room for its nr_segments. */
struct blk_mapping {
    int prot;
    unsigned nr_mapped; /* to be unmapped with the request */
    void **pages;
    grant_ref_t *refs;
    struct iovec *iov;  /* a piece a segment */
};

/* host is borrowed. max_kept: pages that stay mapped; 0: none. */
struct blk_pages *blk_pages_new(struct xen_host *host, unsigned max_kept);
/* Unmaps what was kept. Accepts NULL. */
void blk_pages_free(struct blk_pages *p);
/* 0 or -errno; on failure, too, the mapping is to be unmapped. */
int blk_pages_map(struct blk_pages *p, const struct blk_req *req,
                  const struct blkif_request_segment *seg, struct blk_mapping *m);
void blk_pages_unmap(struct blk_pages *p, struct blk_mapping *m);
/* Segments of an indirect request: copied from the pages they are in. 0 or -errno. */
int blk_pages_indirect(struct blk_pages *p, const struct blk_req *req,
                       struct blkif_request_segment *ret);
