/*
 * How often the two ends of a ring wake each other. xen/io/ring.h says that the guest is told once after it
 * asked (rsp_event), and we once after we asked (req_event); how soon is ours to choose.
 *
 * A guest that takes one answer at a time waits for each: it is told at once, and we ask for its next
 * request. One that took several at the last event has more to do than to wait for one of them:
 *
 *   - It is told when its vCPU has nothing else to do, when half of the ring is answered, or after
 *     a time, whatever comes first.
 *   - We ask for a quarter of a ring of requests, and look at it when a vCPU has nothing else to do, or after
 *     that time. When nothing came until then, we ask for the next request again.
 *
 * What the vCPU does is the host's to know (notify_idle, wake_idle in xen_host.h); where nobody knows,
 * both are told at once.
 *
 * Threads: that of context.
 */
#pragma once

#include "xenner/backend/ring.h"
#include "xenner/host/xen_host.h"

struct ring_pace;

/* All is borrowed. */
struct ring_pace_config {
    struct ring *ring;
    struct xen_host *host;
    GMainContext *context;
    unsigned limit_us;          /* at most so long does one wait for the other */
    void (*look)(void *opaque); /* takes requests, called from context; NULL: no ring_pace_wait() */
    void *opaque;
    /*
     * The guest is always told at once. For guests that also take answers without an event: one
     * that comes too late is spurious to Linux, which masks such a port for a time ("lateeoi").
     */
    bool prompt;
};

struct ring_pace *ring_pace_new(const struct ring_pace_config *config);
/* Accepts NULL. */
void ring_pace_free(struct ring_pace *p);
/* The guest's event channel; NULL: from here on nobody is told. */
void ring_pace_set_port(struct ring_pace *p, struct host_port *port);
/* Shows the guest the ring's answers. */
void ring_pace_publish(struct ring_pace *p);
/* Tells the guest now what was held back. */
void ring_pace_flush(struct ring_pace *p);
/* No request waits: asks for the next ones. True when some have come meanwhile, or the ring is broken. */
bool ring_pace_wait(struct ring_pace *p);
