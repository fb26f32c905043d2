/* Between local.c and local_xs.c. */
#pragma once

#include "xenner/host/local.h"

struct local_xs;

struct local_host {
    struct xen_host base;
    struct guest_mem *mem;
    struct evtchn_table *evtchn;
    struct gnttab *gnttab;
    struct local_xs *xs;
    GMutex lock;
    GHashTable *ports; /* evtchn_port_t -> struct host_port, not owned */
};

extern const struct xen_store_ops local_xs_ops;

struct local_xs *local_xs_new(struct store *store);
void local_xs_free(struct local_xs *xs); /* accepts NULL */
