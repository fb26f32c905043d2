/* struct xen_host in memory, with grants: reference n is page n. For tests of rings that copy. */
#pragma once

#include "xenner/host/xen_host.h"

enum { FAKE_GRANTS = 64 };

struct fake_grants {
    struct xen_host base;
    uint8_t *page[FAKE_GRANTS]; /* 4096 bytes of heap each */
    bool readonly[FAKE_GRANTS];
    unsigned copies;
};

struct fake_grants *fake_grants_new(void);
void fake_grants_free(struct fake_grants *g);
