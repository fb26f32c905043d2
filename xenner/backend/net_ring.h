/*
 * The two rings of a vif's queue (xen/io/netif.h): requests are read once, checked, and frames
 * copied through grants, so what the guest changes later changes nothing here. Nothing of xenstore,
 * threads or ports: who publishes the answers and asks for requests is the caller, from one thread.
 */
#pragma once

#include "xenner/backend/net_packet.h"
#include "xenner/backend/ring.h"
#include "xenner/host/xen_host.h"

#include <xen/io/netif.h>

/* What the frontend of the rings can take. */
struct net_features {
    bool sg, csum, csum6, tso4, tso6;
};

/* Slots of a frame at most; more than Linux's netback allows. */
#define NET_TX_SLOTS 24

struct net_tx {
    struct xen_host *host;
    struct ring ring;
    /* the frame that net_tx_next() gave */
    struct net_packet packet;
    uint8_t *buf; /* NET_PACKET_MAX */
};

void net_tx_init(struct net_tx *tx, struct xen_host *host, void *page);
void net_tx_done(struct net_tx *tx); /* accepts a zeroed one */
/*
 * The next frame. 1: it is in tx->packet until the next call; 2: it was a bad one, which got its
 * error; 0: no more for now; -errno: the ring makes no sense and must not be looked at any more.
 */
int net_tx_next(struct net_tx *tx);

struct net_rx {
    struct xen_host *host;
    struct ring ring;
    struct net_features features;
};

void net_rx_init(struct net_rx *rx, struct xen_host *host, void *page);
/*
 * A frame to the guest. 1: taken, or dropped as the guest can't have it; 0: no room, the guest will
 * notify; -errno as above. p must not need more than the features allow.
 */
int net_rx_put(struct net_rx *rx, const struct net_packet *p);
