/*
 * A guest's disks: images, open for as long as the VM lives, and their backends, which come and go with
 * the domain.
 */
#pragma once

#include "xenner/config/vm_config.h"
#include "xenner/host/xen_host.h"

struct vm_disks;

/* Opens the images. */
struct vm_disks *vm_disks_new(const struct vm_config *cfg, GError **error);
/* Offers them to the guest. */
bool vm_disks_attach(struct vm_disks *disks, struct xen_host *host, GError **error);
/* Before the domain goes. Both accept NULL. */
void vm_disks_detach(struct vm_disks *disks);
void vm_disks_free(struct vm_disks *disks);
