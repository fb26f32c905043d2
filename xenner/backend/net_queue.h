/*
 * A queue of a vif at work: its two rings, its event channels, and the port. All in the port's
 * thread.
 */
#pragma once

#include "xenner/backend/net_ring.h"
#include "xenner/backend/netport.h"

struct net_queue_config {
    struct xen_host *host;
    struct netport *port;
    unsigned port_queue;
    grant_ref_t tx_ref, rx_ref;
    bool split;                    /* rx_port is another one */
    evtchn_port_t tx_port, rx_port;
    struct net_features features;  /* the frontend's */
    void (*broken)(void *opaque);  /* a ring makes no sense: nothing more is done with the queue */
    void *opaque;
};

struct net_queue;

/* Maps and binds; leaves nothing behind when it fails. */
struct net_queue *net_queue_new(const struct net_queue_config *config, GError **error);
void net_queue_free(struct net_queue *q); /* accepts NULL */
/* What the guest wants to send, as far as the port takes it. */
void net_queue_run(struct net_queue *q);
/* A frame for the guest; false: no room now, netport_resume() follows. */
bool net_queue_receive(struct net_queue *q, struct net_packet *p);
