/*
 * The FIFO form: queues are emu's (emu/evtchn_fifo.c), for which the host would have to trust links and
 * locks in the guest's memory. It leaves a bit, and its kick makes emu look.
 */
#include "xenner/host/evtchn_priv.h"

static bool raise_fifo(struct evtchn_table *t, evtchn_port_t n)
{
    evtchn_2l_set_bit(t->config.guest_pending, n);
    return true;
}

static void clear_fifo(struct evtchn_table *t, evtchn_port_t n)
{
    evtchn_2l_clear_bit(t->config.guest_pending, n);
}

const struct evtchn_host_ops evtchn_host_fifo_ops = {raise_fifo, clear_fifo, true};
