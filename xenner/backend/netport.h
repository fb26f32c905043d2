/*
 * What a NIC is plugged into: a user-mode network, a tap, a socket. A port outlives the guest's
 * reboots; each has a thread of its own, in which all frames move, the NIC's rings included.
 *
 * Flow control goes both ways without a loss: who has no room says so, and calls the other when it
 * has.
 */
#pragma once

#include "xenner/backend/io_thread.h"
#include "xenner/backend/net_packet.h"
#include "xenner/config/net_config.h"

struct netport;

/* The NIC. Both are called in the port's thread. */
struct netport_user {
    /* A frame for the guest, valid during the call. False: no room, it will come again. */
    bool (*receive)(void *opaque, unsigned queue, struct net_packet *p);
    /* There is room again after netport_send() was false. */
    void (*writable)(void *opaque, unsigned queue);
};

/* Opens it; errors are one line. Main loop's thread, as the next two. */
struct netport *netport_new(const struct netdev_config *cfg, GError **error);
/* For NIC number nic, which has no netdev: takes everything, gives nothing. */
struct netport *netport_new_unplugged(unsigned nic);
char *netport_unplugged_id(unsigned nic);
void netport_free(struct netport *p); /* accepts NULL; no user any more */
/* NULL: nobody, frames from outside are dropped. Returns when the port knows. */
void netport_set_user(struct netport *p, const struct netport_user *user, void *opaque);
/* While it is down, frames of both directions are lost. */
void netport_set_link(struct netport *p, bool up);
bool netport_link(const struct netport *p);

/* From any thread. */
struct io_thread *netport_thread(struct netport *p);
unsigned netport_queues(const struct netport *p);
const char *netport_id(const struct netport *p);
/* What the user takes: frames with blank checksums, TCP segments larger than a frame. */
struct netport_offloads {
    bool csum, tso4, tso6;
};

/* In the port's thread. */
void netport_set_offloads(struct netport *p, const struct netport_offloads *o);
/*
 * A frame to the outside; may be changed. False: no room, the same one is to be sent again after
 * writable().
 */
bool netport_send(struct netport *p, unsigned queue, struct net_packet *packet);
/* There is room again after receive() was false. */
void netport_resume(struct netport *p, unsigned queue);
