/*
 * Our end of a ring as xen/io/ring.h has it, over pages that need not lie together. The guest writes to
 * them at any time: entries are copied out, indices are read once and checked, our own are kept here.
 */
#pragma once

#include "xenner/util/frames.h"

#include <string.h>

enum { RING_MAX_PAGES = 16, RING_HEADER = 64 };

struct ring {
    void *pages[RING_MAX_PAGES];
    unsigned nr_pages, entry_size, entries;
    uint32_t req_cons;                /* taken */
    uint32_t rsp_prod, rsp_published; /* written, and said so */
};

enum { RING_REQ_PROD, RING_REQ_EVENT, RING_RSP_PROD, RING_RSP_EVENT };

static inline uint32_t *ring_word(const struct ring *r, unsigned word)
{
    return (uint32_t *)r->pages[0] + word;
}

/* pages and nr_pages are set. We go on where the indices in the page are: a new ring has zeroes. */
static inline void ring_init(struct ring *r, unsigned entry_size)
{
    size_t n = (r->nr_pages * (size_t)FRAME_SIZE - RING_HEADER) / entry_size;

    r->entry_size = entry_size;
    for (r->entries = 1; r->entries * 2 <= n; r->entries *= 2)
        ;
    r->rsp_prod = __atomic_load_n(ring_word(r, RING_RSP_PROD), __ATOMIC_RELAXED);
    r->req_cons = r->rsp_published = r->rsp_prod;
}

/* An entry between the ring and buf, piece by piece: it may lie across a page's end. */
static inline void ring_copy(const struct ring *r, uint32_t index, void *buf, size_t len, bool out)
{
    size_t at = RING_HEADER + (index & (r->entries - 1)) * (size_t)r->entry_size;
    uint8_t *p = buf;

    while (len) {
        size_t in = at % FRAME_SIZE, n = len < FRAME_SIZE - in ? len : FRAME_SIZE - in;
        uint8_t *page = r->pages[at / FRAME_SIZE];
        if (out)
            memcpy(page + in, p, n);
        else
            memcpy(p, page + in, n);
        p += n;
        at += n;
        len -= n;
    }
}

/* Requests that wait: 0 or more; -1: more than the ring has room for, so it is broken. */
static inline int ring_waiting(const struct ring *r)
{
    uint32_t prod = __atomic_load_n(ring_word(r, RING_REQ_PROD), __ATOMIC_ACQUIRE);

    return prod - r->rsp_prod > r->entries ? -1 : (int)(prod - r->req_cons);
}

/* entry_size bytes; only while requests wait. */
static inline void ring_take(struct ring *r, void *entry)
{
    ring_copy(r, r->req_cons++, entry, r->entry_size, false);
}

/* Asks for a notification of the nth request from here; true when some have come, or it is broken. */
static inline bool ring_wait(struct ring *r, unsigned n)
{
    __atomic_store_n(ring_word(r, RING_REQ_EVENT), r->req_cons + n, __ATOMIC_SEQ_CST);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return ring_waiting(r) != 0;
}

/* Never more than were taken. */
static inline void ring_answer(struct ring *r, void *entry, size_t len)
{
    ring_copy(r, r->rsp_prod++, entry, len, true);
}

/* Shows the answers; true when the guest wants to be notified. */
static inline bool ring_publish(struct ring *r)
{
    uint32_t before = r->rsp_published;

    r->rsp_published = r->rsp_prod;
    __atomic_store_n(ring_word(r, RING_RSP_PROD), r->rsp_prod, __ATOMIC_RELEASE);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    uint32_t event = __atomic_load_n(ring_word(r, RING_RSP_EVENT), __ATOMIC_RELAXED);
    return r->rsp_prod - event < r->rsp_prod - before;
}
