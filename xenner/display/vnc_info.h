/* Who is at the two ends of a VNC connection, for those who ask and for events. Plain data. */
#pragma once

#include <stdbool.h>

#include <glib.h>

struct vnc_address {
    const char *family; /* QEMU's NetworkAddressFamily: "ipv4", "ipv6", "unix", "unknown" */
    char *host;         /* numeric; empty for a Unix socket */
    char *service;      /* the port, or the socket's path */
};

/* Of a socket's own end, or of its peer's. Always something; vnc_address_clear() frees it. */
void vnc_address_get(struct vnc_address *a, int fd, bool peer);
void vnc_address_clear(struct vnc_address *a);

enum vnc_event { VNC_EVENT_CONNECTED, VNC_EVENT_INITIALIZED, VNC_EVENT_DISCONNECTED };

/* INITIALIZED: the client has shown that it may come in, and asked for the picture. */
typedef void (*vnc_event_fn)(void *opaque, enum vnc_event what, const struct vnc_address *client);
