/*
 * A port inside a user-mode network whose other end is here: a command for each connection, or one stream.
 * All in the thread of the network, whose round a stream is part of: like a descriptor of libslirp's it is polled
 * only while the guest's connection has room.
 */
#pragma once

#include "xenner/backend/net_user_config.h"

struct net_user_guestfwd;

/* Opens what the rule says. source is the network's, borrowed, as is slirp: until free. */
struct net_user_guestfwd *net_user_guestfwd_new(Slirp *slirp, GSource *source, const char *rule,
                                                GError **error);
/* A GDestroyNotify. */
void net_user_guestfwd_free(void *guestfwd);
/* Before a round's poll, and after it. */
void net_user_guestfwd_prepare(struct net_user_guestfwd *f);
void net_user_guestfwd_dispatch(struct net_user_guestfwd *f);
