/* Between libxen.c and libxen_xs.c. */
#pragma once

#include "xenner/host/libxen.h"

#include <xenevtchn.h>
#include <xenforeignmemory.h>
#include <xengnttab.h>

struct libxen_xs;

struct libxen_host {
    struct xen_host base;
    xengnttab_handle *gnttab;
    xenforeignmemory_handle *foreign;
    struct libxen_xs *xs;
};

extern const struct xen_store_ops libxen_xs_ops;

struct libxen_xs *libxen_xs_new(GError **error);
void libxen_xs_free(struct libxen_xs *xs); /* accepts NULL */
