/* struct xen_host in memory: one page, one port, for tests of backends. */
#pragma once

#include "xenner/host/xen_host.h"

enum { FAKE_PORT = 7, FAKE_FRAME = 0x1234, FAKE_GUEST = 1, FAKE_GRANTS = 300 };

struct fake_host {
    struct xen_host base;
    void *page;        /* what FAKE_FRAME is: 4096 bytes of heap, so that sanitizers see its ends */
    bool mapped, bound;
    host_port_fn fn;
    void *opaque;
    unsigned notified; /* how often the guest was */
    bool busy;         /* its vCPU has something else to do: notify_idle holds events back */
    unsigned held;     /* how often it did */
    unsigned wake_idle; /* how often that was asked for */
    void *grants[FAKE_GRANTS];      /* granted pages, 4096 bytes of heap each, or NULL */
    bool readonly[FAKE_GRANTS];
    unsigned granted[FAKE_GRANTS];  /* how often each is mapped now */
    char *written;     /* "path=value" of the last write to xenstore */
};

struct fake_host *fake_host_new(void);
/* Fails the test when something is still mapped or bound. */
void fake_host_free(struct fake_host *h);
/* The guest grants that page; FAKE_GRANTS refs. It goes with the host. */
void *fake_host_grant(struct fake_host *h, grant_ref_t ref);
/* The guest sent on the port. */
void fake_host_event(struct fake_host *h);
