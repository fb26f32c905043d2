/*
 * struct xen_host in this process: the guest's memory is mapped already, event channels are a
 * table, and xenstore is asked with its own protocol, without a socket (local_xs.c).
 */
#pragma once

#include "xenner/host/evtchn.h"
#include "xenner/host/gnttab.h"
#include "xenner/host/store/store.h"
#include "xenner/host/xen_host.h"
#include "xenner/util/guest_mem.h"

/* All are borrowed and must outlive it; tests may leave out gnttab, and store. */
struct xen_host *local_host_new(struct guest_mem *mem, struct evtchn_table *evtchn,
                                struct gnttab *gnttab, struct store *store);
/* All ports must be unbound and all watches taken away. Accepts NULL. */
void local_host_free(struct xen_host *h);
/* An eventfd a doorbell, borrowed; -1: no such doorbell. Before ports are bound in threads. */
void local_host_set_doorbell(struct xen_host *h, unsigned n, int fd);
/* The guest rang: runs the functions of the ports it sent on, each in its context. Any thread. */
void local_host_doorbell(struct xen_host *h);
