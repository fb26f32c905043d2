/* A small guest for tests of devices: memory, event channels, grants and a store, on the in-process host. */
#pragma once

#include "xenner/host/local.h"
#include "xenner/host/store/store.h"
#include "xenner/host/xen_host.h"

/* Frames that are taken; from GUEST_FIRST on they are the test's. */
enum { GUEST_SHARED_INFO = 1, GUEST_GRANTS = 2, GUEST_TABLE = 3, GUEST_FIRST = 8 };

struct device_guest {
    struct guest_mem *mem;
    struct emu_port ports[EMU_NR_PORTS];
    uint32_t host_pending[EMU_NR_PORTS / 32];
    struct evtchn_table *evtchn;
    struct emu_gnttab *shared;
    struct gnttab *gnttab;
    struct store *store;
    struct store_conn *conn; /* the guest's own */
    struct xen_host *host;
};

/* bytes of memory, a multiple of 4096. */
void device_guest_init(struct device_guest *g, uint64_t bytes);
/* Every backend is gone by then. Fails the test when a grant is still mapped. */
void device_guest_done(struct device_guest *g);
void *device_guest_frame(struct device_guest *g, uint64_t frame);
