/*
 * struct xen_kernel over libxl: disks and networks that dom0's kernel serves. libxl writes the directories, runs the
 * hotplug scripts (a loop device for a file, the bridge for a vif) and takes all of it back with the domain.
 */
#pragma once

#include "xenner/domain/libxl_loop.h"
#include "xenner/host/xen_kernel.h"

/* For domain domid; loop is borrowed. */
struct xen_kernel *libxl_devices_new(struct libxl_loop *loop, uint32_t domid);
/* After the domain: waits for what libxl still does for one of its devices. Accepts NULL. */
void libxl_devices_free(struct xen_kernel *k);
