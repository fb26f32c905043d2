/*
 * What a backend may ask of "Xen". An instance, never a global; two implementations: in process
 * (host/local.c), and, on a Xen host, the real libraries. A backend does not know which it has.
 *
 * Threads: bind/unbind/map/unmap in ctx's thread or before it runs, notify from any thread. fn is
 * called in ctx's thread, once for one or more notifications of the guest and once after bind, and not
 * any more after unbind. It may unbind its own port.
 */
#pragma once

#include "xenner/util/frames.h"

#include <glib.h>
#include <xen/xen.h>
#include <xen/event_channel.h>

struct host_port; /* a bound event channel */
typedef void (*host_port_fn)(void *opaque);

struct xen_host {
    const struct xen_host_ops *ops;
    domid_t domid; /* whom we serve */
};

struct xen_host_ops {
    const char *name; /* "local", "libxen" */
    /* Connects to the guest's unbound (or reserved) port. */
    struct host_port *(*bind)(struct xen_host *h, evtchn_port_t remote, GMainContext *ctx,
                              host_port_fn fn, void *opaque, GError **error);
    void (*notify)(struct host_port *p); /* does nothing when the guest closed the port */
    void (*unbind)(struct host_port *p); /* accepts NULL */
    /* A contiguous view of n (1 or more) frames, until unmapped. The guest writes there, too. */
    void *(*map_foreign)(struct xen_host *h, const xen_pfn_t *gfns, unsigned n, int prot,
                         GError **error);
    void (*unmap_foreign)(struct xen_host *h, void *addr, unsigned n); /* accepts NULL */
};
