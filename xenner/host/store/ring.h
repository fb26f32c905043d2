/*
 * The guest's end of xenstore: the shared page with a request and a response ring (xs_wire.h:
 * struct xenstore_domain_interface) and its event channel. Threads: the main loop's.
 */
#pragma once

#include "xenner/host/store/store.h"
#include "xenner/host/xen_host.h"

struct store_ring;

struct store_ring *store_ring_new(struct xen_host *host, xen_pfn_t gfn, evtchn_port_t port,
                                  struct store *s, GError **error);
void store_ring_free(struct store_ring *r); /* accepts NULL */
