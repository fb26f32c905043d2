/* A client of xenstore on the guest's own ring, which polls. */
#pragma once

#include "guest.h"

#include <xen/io/xs_wire.h>

extern struct xenstore_domain_interface *xs_ring;

void xs_init(void);
/* Rings the host's bell. */
void xs_kick(void);
/* Puts bytes into the ring as they are; false when there was no room for a second. */
bool xs_put(const void *data, unsigned len);
/* The next message of any kind; its payload, cut to size - 1 and with a NUL behind it. False: none came. */
bool xs_get(struct xsd_sockmsg *h, char *buf, unsigned size);
/*
 * One request with its answer, which lies in xs_answer with a NUL behind it; events on the way are dropped.
 * The answer's length, or -1: an error, whose name is in xs_answer; -2: no answer.
 */
extern char xs_answer[XENSTORE_PAYLOAD_MAX + 1];
int xs_ask(uint32_t type, uint32_t txn, const void *payload, unsigned len);
/* Of a path below dir ("": none). The value, or NULL; valid until the next request. */
const char *xs_read(const char *dir, const char *key);
bool xs_write(const char *dir, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
