/* Sockets as QEMU's -netdev stream, dgram and socket make them. */
#pragma once

#include "xenner/config/net_config.h"

#include <sys/socket.h>

/* An address of either family; one line of error, with the name that the user gave. */
bool net_address_resolve(const struct net_address *a, int type, bool passive,
                         struct sockaddr_storage *ret, socklen_t *ret_len, GError **error);
char *net_address_text(const struct net_address *a);
/* All non-blocking; -1 and an error. */
int net_stream_listen(const struct net_address *a, GError **error);
/* The connection may be still under way. */
int net_stream_connect(const struct net_address *a, GError **error);
int net_dgram_open(const struct netdev_socket *cfg, GError **error);
