/*
 * How often the two ends of a ring wake each other. xen/io/ring.h says that the guest is told once after it
 * asked (rsp_event), and we once after we asked (req_event); how soon is ours to choose.
 *
 * A guest that takes one answer at a time waits for each: it is told at once, and we ask for its next
 * request. One that took several at the last event has more to do than to wait for one of them:
 *
 *   - It is told when its vCPU has nothing else to do, when half of the ring is answered, or after
 *     BLK_PACE_LIMIT_US, whatever comes first.
 *   - We ask for a quarter of a ring of requests, and look at it when a vCPU has nothing else to do, or after
 *     that time. When nothing came until then, we ask for the next request again.
 *
 * What the vCPU does is the host's to know (notify_idle, wake_idle in xen_host.h); where nobody knows,
 * both are told at once.
 *
 * Threads: the I/O thread's.
 */
#pragma once

#include "xenner/backend/ring.h"
#include "xenner/host/xen_host.h"

enum { BLK_PACE_LIMIT_US = 500 };

struct blk_pace;

/* look: takes the ring's requests, called from context. All are borrowed. */
struct blk_pace *blk_pace_new(struct ring *ring, struct xen_host *host, GMainContext *context,
                              void (*look)(void *opaque), void *opaque);
/* Accepts NULL. */
void blk_pace_free(struct blk_pace *p);
/* The guest's event channel; NULL: from here on nobody is told. */
void blk_pace_set_port(struct blk_pace *p, struct host_port *port);
/* Shows the guest the ring's answers. */
void blk_pace_publish(struct blk_pace *p);
/* Tells the guest now what was held back. */
void blk_pace_flush(struct blk_pace *p);
/* No request waits: asks for the next ones. True when some have come meanwhile, or the ring is broken. */
bool blk_pace_wait(struct blk_pace *p);
