/*
 * The domain's event channels: the authoritative table of ports. The guest's operations arrive
 * through emu (hostcall.c), the backends' through local.c. emu reads a copy of the table in the
 * VM's memory; nothing here ever reads it back, because the guest can write there.
 *
 * Threads: everything from any thread.
 */
#pragma once

#include "emu/abi/emu_abi.h"
#include "emu/abi/evtchn_2l.h"

#include <glib.h>
#include <xen/event_channel.h>

#define GUEST_DOMID 1 /* what our guests are told they are; backends are in domain 0 */

struct evtchn_table;

struct evtchn_config {
    struct emu_port *shared;  /* EMU_NR_PORTS entries in the VM: emu's copy */
    uint32_t *host_pending;   /* EMU_NR_PORTS bits in the VM */
    uint32_t *guest_pending;  /* the same the other way round; NULL: no FIFO form */
    struct evtchn_2l bits;    /* the guest's pending and mask bits */
    unsigned nr_vcpus;
    /* The guest's struct vcpu_info of a vCPU, or NULL when the guest put it nowhere. */
    void *(*vcpu_info)(void *opaque, unsigned vcpu);
    void (*kick)(void *opaque, unsigned vcpu);
    /* What emu and we share of a vCPU; NULL: no event is held back. */
    struct emu_vcpu_shared *(*vcpu_shared)(void *opaque, unsigned vcpu);
    void *opaque;
};

/* config is copied; what it points to must outlive the table. */
struct evtchn_table *evtchn_new(const struct evtchn_config *config);
void evtchn_free(struct evtchn_table *t); /* accepts NULL */

/*
 * A guest's EVTCHNOP_* on a copy of its argument (arg has room for the largest struct). Returns 0
 * or -XEN_Exxx. Sends and unmasks are served too, though emu does them itself.
 */
int64_t evtchn_guest_op(struct evtchn_table *t, uint32_t cmd, unsigned vcpu, void *arg,
                        size_t size);

/* A port of the guest's that waits for domain remote, as the toolstack makes them; 0: none left. */
evtchn_port_t evtchn_reserve_unbound(struct evtchn_table *t, domid_t remote);

/*
 * The host's end. connect makes an unbound port (for domain 0) ours and returns the connection's
 * number, or 0 when it isn't such a port. The guest may close the port at any time and get the same
 * number anew for something else: what is done with an old connection's number then does nothing.
 * As with Xen, a backend isn't told that its port was closed; the device's xenbus state says that.
 * doorbell, below EMU_DOORBELLS: which one emu rings when the guest sends.
 */
uint32_t evtchn_host_connect(struct evtchn_table *t, evtchn_port_t port, unsigned doorbell);
/* The port waits for domain 0 again. */
void evtchn_host_disconnect(struct evtchn_table *t, evtchn_port_t port, uint32_t link);
/* Raises the port in the guest. */
void evtchn_host_notify(struct evtchn_table *t, evtchn_port_t port, uint32_t link);
/*
 * The same, but a vCPU that runs is not interrupted: it learns of the event when it has nothing else to do
 * (struct emu_vcpu_shared), or from the next kick for whatever reason. True when it is held back so; the
 * caller sets a limit to that with evtchn_host_notify(). 2-level event channels know no such thing.
 */
bool evtchn_host_notify_idle(struct evtchn_table *t, evtchn_port_t port, uint32_t link);
/* Each vCPU rings that doorbell, below EMU_DOORBELLS, before it sleeps the next time. */
void evtchn_host_wake_idle(struct evtchn_table *t, unsigned doorbell);
/* Whether the guest sent on the port since the last time. */
bool evtchn_host_take(struct evtchn_table *t, evtchn_port_t port, uint32_t link);
/*
 * Which of our ports the guest sent on: calls fn for each, without the lock, and forgets them. Bits
 * of ports that are not the host's are dropped: the guest wrote them itself.
 */
void evtchn_host_take_pending(struct evtchn_table *t, void (*fn)(void *opaque, evtchn_port_t port),
                              void *opaque);
