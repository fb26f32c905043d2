/*
 * What vfb and vkbd have in common: a shared page with two rings of events, and an event channel,
 * named in the frontend's directory.
 */
#pragma once

#include "xenner/backend/xenbus.h"

struct fbpage {
    struct xen_host *host;
    void *page; /* NULL: not there */
    grant_ref_t ref;
    bool granted;
    struct host_port *port;
};

/* Both rings' indices are the first four numbers of either page. */
enum { FBPAGE_IN_CONS, FBPAGE_IN_PROD, FBPAGE_OUT_CONS, FBPAGE_OUT_PROD };

/* Maps the page (page-gref, else page-ref). */
bool fbpage_map(struct fbpage *p, struct xen_host *host, struct xenbus_device *dev, GError **error);
/* Binds event-channel: fn is called from then on. */
bool fbpage_bind(struct fbpage *p, struct xenbus_device *dev, host_port_fn fn, void *opaque,
                 GError **error);
/* Undoes both. Accepts a zeroed one. */
void fbpage_clear(struct fbpage *p);

uint32_t fbpage_index(const struct fbpage *p, unsigned which); /* acquire */
void fbpage_set_index(struct fbpage *p, unsigned which, uint32_t value); /* after all before it */
