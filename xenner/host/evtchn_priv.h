/* Between evtchn.c and evtchn_fifo.c. */
#pragma once

#include "xenner/host/evtchn.h"

struct port {
    enum emu_port_type type;
    unsigned vcpu;
    union {
        domid_t remote;      /* UNBOUND: who may connect */
        struct {
            uint32_t link;     /* HOST: which connection, see evtchn_host_connect() */
            uint16_t doorbell; /* that the guest rings */
        } host;
        evtchn_port_t other; /* LOOP */
        unsigned virq;
    } u;
};

/* What the two forms of event channels do differently; under the lock. */
struct evtchn_host_ops {
    bool (*raise)(struct evtchn_table *t, evtchn_port_t n); /* false: it can't be told */
    void (*clear)(struct evtchn_table *t, evtchn_port_t n); /* it is closed */
    bool can_hold; /* the guest sees nothing of what raise did before emu does */
};

struct evtchn_table {
    struct evtchn_config config;
    const struct evtchn_host_ops *ops;
    GMutex lock;
    struct port port[EMU_NR_PORTS];
    unsigned nr_ports; /* as many as the guest's bits have room for */
    uint32_t last_link;
};

extern const struct evtchn_host_ops evtchn_host_2l_ops, evtchn_host_fifo_ops;
