/* Between netport.c and the kinds of ports. */
#pragma once

#include "xenner/backend/netport.h"

struct netport_ops {
    const char *name;
    /* What it takes from the NIC; the rest is done before send(). */
    bool csum, gso;
    /* All but free in the port's thread. True also when the frame was dropped. */
    bool (*send)(struct netport *p, unsigned queue, struct net_packet *packet);
    void (*resume)(struct netport *p, unsigned queue);
    void (*set_offloads)(struct netport *p, const struct netport_offloads *o); /* or NULL */
    /* Also after a failed open. Main loop's thread; frees the struct, too. */
    void (*free)(struct netport *p);
};

/* Kinds embed it first. */
struct netport {
    const struct netport_ops *ops;
    char *id;
    unsigned queues;
    struct io_thread *thread;
    bool link_down;           /* written by the main loop, atomically */
    const struct netport_user *user; /* of the thread, as the rest */
    void *opaque;
    uint8_t *segment; /* room for one */
};

/* Fills in what all have; the kind starts no source before it is done otherwise. */
void netport_init(struct netport *p, const struct netport_ops *ops,
                  const struct netdev_config *cfg);
/* Ends the thread. */
void netport_stop(struct netport *p);
void netport_done(struct netport *p);

/* In the port's thread. receive: true when there is no user, too. */
bool netport_receive(struct netport *p, unsigned queue, struct net_packet *packet);
void netport_writable(struct netport *p, unsigned queue);

struct netport *net_user_new(const struct netdev_config *cfg, GError **error);
struct netport *net_tap_new(const struct netdev_config *cfg, GError **error);
struct netport *net_socket_new(const struct netdev_config *cfg, GError **error);
