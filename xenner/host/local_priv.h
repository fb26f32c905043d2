/* Between local.c and local_xs.c. */
#pragma once

#include "xenner/host/local.h"

struct local_xs;
struct local_door;

/* A GSource that is ready when the guest sent and somebody else than the port's door saw it. */
struct host_port {
    GSource source;
    struct local_host *host;
    struct local_door *door; /* NULL: none, doorbell 0 */
    evtchn_port_t port;
    uint32_t link; /* evtchn_host_connect() */
    bool wants_idle; /* fn is to be called when the door's bell rings, for whatever reason */
    host_port_fn fn;
    void *opaque;
};

struct local_host {
    struct xen_host base;
    struct guest_mem *mem;
    struct evtchn_table *evtchn;
    struct gnttab *gnttab;
    struct local_xs *xs;
    GMutex lock;
    GHashTable *ports; /* evtchn_port_t -> struct host_port, not owned */
    int door_fd[EMU_DOORBELLS]; /* borrowed; -1: there is none. 0 is not used */
    struct local_door *doors[EMU_DOORBELLS];
};

extern const struct xen_store_ops local_xs_ops;

/*
 * A context of ports that has a doorbell of its own: the guest's send wakes its thread at once, not the
 * main loop first. In ctx's thread or before it runs, as binding is.
 */
struct local_door *local_door_enter(struct local_host *l, GMainContext *ctx, struct host_port *p);
void local_door_leave(struct host_port *p); /* also when p has none */
unsigned local_door_number(const struct local_door *d); /* accepts NULL: 0 */

struct local_xs *local_xs_new(struct store *store);
void local_xs_free(struct local_xs *xs); /* accepts NULL */
