/*
 * The networks of a VM: ports are opened once and outlive the guest's reboots, NICs come and go with the
 * domain. Threads: the main loop's.
 */
#pragma once

#include "xenner/config/vm_config.h"
#include "xenner/host/xen_host.h"

struct vm_nets;

/* cfg is borrowed. */
struct vm_nets *vm_nets_new(const struct vm_config *cfg, GError **error);
bool vm_nets_attach(struct vm_nets *n, struct xen_host *host, GError **error);
void vm_nets_detach(struct vm_nets *n); /* accepts NULL, and nothing attached */
void vm_nets_free(struct vm_nets *n);   /* accepts NULL */
