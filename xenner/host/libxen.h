/*
 * struct xen_host on a Xen host, in its control domain: over libxenevtchn, libxengnttab,
 * libxenforeignmemory and libxenstore. Each object has its own connections. Part of the module for Xen
 * hosts, like everything named libx*.
 */
#pragma once

#include "xenner/host/xen_host.h"

/* dom0's kernel serves what is below backend/vbd and backend/vif, QEMU backend/qdisk: ours is xenner-vbd. */
#define LIBXEN_TYPE_PREFIX "xenner-"

/* Connects to all of Xen that backends of domain domid need. */
struct xen_host *libxen_host_new(domid_t domid, GError **error);
/* All ports must be unbound and all watches taken away. Accepts NULL. */
void libxen_host_free(struct xen_host *h);
