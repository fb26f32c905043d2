/*
 * The networks of a VM: ports are opened once and outlive the guest's reboots, NICs come and go with the
 * domain; both also by hot plug. Threads: the main loop's.
 */
#pragma once

#include "xenner/config/vm_config.h"
#include "xenner/host/xen_host.h"

struct vm_nets;

/* cfg is borrowed. */
struct vm_nets *vm_nets_new(const struct vm_config *cfg, GError **error);
bool vm_nets_attach(struct vm_nets *n, struct xen_host *host, GError **error);
/* NICs that were to leave have left. */
void vm_nets_detach(struct vm_nets *n); /* accepts NULL, and nothing attached */
void vm_nets_free(struct vm_nets *n);   /* accepts NULL */

/* A NIC that was unplugged is gone for good. */
void vm_nets_set_deleted(struct vm_nets *n, void (*deleted)(void *opaque, const char *nic),
                         void *opaque);
/* Opens it; netdev is taken. */
bool vm_nets_add(struct vm_nets *n, struct netdev_config *netdev, GError **error);
/* No NIC may be on it. */
bool vm_nets_remove(struct vm_nets *n, const char *id, GError **error);
/* A NIC, which is taken, for the running guest. */
bool vm_nets_plug(struct vm_nets *n, struct nic_config *nic, GError **error);
/* Whether there is a NIC of that id. */
bool vm_nets_has(const struct vm_nets *n, const char *nic);
/* Asks the guest to let go of it. */
bool vm_nets_unplug(struct vm_nets *n, const char *nic, GError **error);
/* name: a NIC or a netdev. While it is down all frames are lost. */
bool vm_nets_set_link(struct vm_nets *n, const char *name, bool up, GError **error);

struct vm_nic_info {
    const struct nic_config *config;
    const struct netdev_config *netdev; /* NULL: no cable */
    bool link;
};
unsigned vm_nets_count(const struct vm_nets *n);
struct vm_nic_info vm_nets_info(const struct vm_nets *n, unsigned i);
