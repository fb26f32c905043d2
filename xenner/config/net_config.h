/*
 * Networks of a guest, as the user asked for them: QEMU's two halves, the NIC and what it is
 * plugged into.
 */
#pragma once

#include "xenner/config/device_backend.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define NET_MAX_QUEUES 8

enum netdev_kind {
    NETDEV_USER,   /* libslirp */
    NETDEV_TAP,
    NETDEV_BRIDGE, /* a tap that qemu-bridge-helper opens */
    NETDEV_STREAM, /* frames over a stream socket, each behind its length */
    NETDEV_DGRAM,  /* a frame a datagram */
    NETDEV_PASST,  /* a stream to a passt that we start */
};

/* Numbers and addresses as the user wrote them, NULL: the default. */
struct netdev_user {
    bool restricted, ipv4, ipv6;
    char *net, *host, *dhcpstart, *dns, *hostname, *domainname;
    char *tftp, *bootfile, *tftp_server;
    char *ipv6_net, *ipv6_host, *ipv6_dns; /* ipv6_net: "fec0::/64" */
    GPtrArray *dnssearch, *hostfwd, *guestfwd; /* char *, owned */
};

struct netdev_tap {
    char *ifname;                      /* NULL: the kernel chooses */
    char *script, *downscript, *helper; /* NULL: none */
    char *bridge;
    GPtrArray *fds;                    /* char *: inherited descriptors, NULL or empty: open one */
    bool vnet_hdr;
    bool vnet_hdr_forced;              /* an error when the tap can't */
    unsigned queues;
};

/* An end of a socket: "unix" path, "fd", or host and port. */
struct net_address {
    char *path, *host, *port;
    int fd; /* -1: none */
};

struct netdev_socket {
    bool server, udp_multicast;
    unsigned reconnect;               /* seconds between tries of a client, 0: none */
    struct net_address local, remote; /* stream: only remote (client) or local (server) */
};

struct netdev_config {
    char *origin; /* "-netdev user,id=n", for errors */
    char *id;
    enum netdev_kind kind;
    struct netdev_user user;
    struct netdev_tap tap;       /* and bridge */
    struct netdev_socket socket; /* stream, dgram */
};

struct nic_config {
    char *origin;
    char *id;     /* NULL: none */
    char *netdev; /* NULL: no cable */
    bool has_mac; /* else it gets one by the rules */
    uint8_t mac[6];
    unsigned queues; /* 0: as many as the netdev has */
    unsigned boot_order; /* bootindex= and one; 0: none. No guest boots from a network: it is only taken */
    enum device_backend backend;
};

struct netdev_config *netdev_config_new(enum netdev_kind kind, const char *origin);
/* Accept NULL; GDestroyNotify. */
void netdev_config_free(void *netdev);
void nic_config_free(void *nic);
/* Gives each NIC without one a MAC address, as QEMU does: 52:54:00:12:34:56 and up. */
bool nic_configs_assign(const GPtrArray *nics, GError **error);
/* Rules for all netdevs and NICs of a guest; one-line errors. */
bool net_configs_check(const GPtrArray *netdevs, const GPtrArray *nics, GError **error);
/* NULL when there is none. */
const struct netdev_config *netdev_config_find(const GPtrArray *netdevs, const char *id);
