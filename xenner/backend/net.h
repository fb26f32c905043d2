/*
 * A PV network card (vif): a netport on one side, the guest's netfront on the other. Threads: the
 * main loop's; frames move in the port's thread.
 */
#pragma once

#include "xenner/backend/netport.h"
#include "xenner/host/xen_host.h"

struct net_backend;

/* Offers vif number devid. port is borrowed, and has no other user. */
struct net_backend *net_backend_new(struct xen_host *host, unsigned devid,
                                    const struct nic_config *cfg, struct netport *port,
                                    GError **error);
/* Asks the guest to let go; gone is called when it has, then b is to be freed (xenbus.h). */
void net_backend_unplug(struct net_backend *b, void (*gone)(void *opaque), void *opaque);
/* Accepts NULL. */
void net_backend_free(struct net_backend *b);
