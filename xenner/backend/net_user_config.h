/* What the user asked of a user-mode network, in libslirp's words. */
#pragma once

#include "xenner/config/net_config.h"

#include <libslirp.h>

/* Strings in *ret are borrowed from cfg. Errors in QEMU's words, without an origin. */
bool net_user_config(const struct netdev_user *cfg, SlirpConfig *ret, GError **error);

/* hostfwd=[tcp|udp]:[HOST]:PORT-[GUEST]:PORT */
struct net_hostfwd {
    bool udp;
    struct in_addr host, guest; /* guest: 0 when it wasn't given */
    unsigned host_port, guest_port;
};
bool net_hostfwd_parse(const char *text, struct net_hostfwd *ret, GError **error);

/* guestfwd=[tcp]:SERVER:PORT-DEV: what is behind that port of an address in the network. */
struct net_guestfwd {
    struct in_addr server;
    unsigned port;
    enum net_guestfwd_kind {
        GUESTFWD_COMMAND, /* cmd:COMMAND: one for each connection */
        GUESTFWD_TCP,     /* tcp:HOST:PORT: one stream, opened at the start; so the next */
        GUESTFWD_UNIX,    /* unix:PATH */
    } kind;
    const char *target; /* behind the kind; inside the rule */
};
bool net_guestfwd_parse(const char *text, struct net_guestfwd *ret, GError **error);
