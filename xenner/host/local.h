/* struct xen_host in this process: the guest's memory is mapped already, event channels are a table. */
#pragma once

#include "xenner/host/evtchn.h"
#include "xenner/host/xen_host.h"
#include "xenner/util/guest_mem.h"

/* Both are borrowed and must outlive it. */
struct xen_host *local_host_new(struct guest_mem *mem, struct evtchn_table *evtchn);
/* All ports must be unbound. Accepts NULL. */
void local_host_free(struct xen_host *h);
/* The guest rang: runs the functions of the ports that it sent on, each in its context. Any thread. */
void local_host_doorbell(struct xen_host *h);
