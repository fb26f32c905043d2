/* 2-level event channels and system time, from the guest's side. */
#pragma once

#include "trap.h"

#define MS               1000000ull
#define S                1000000000ull

/* EVTCHNOP_* with its structure */
#define evtchn(cmd, arg) hypercall(event_channel_op, cmd, arg)

/* Called in the upcall for each port that came up, before it is counted. */
extern void (*event_hook)(unsigned port);
extern volatile unsigned upcall_depth, upcall_depth_max; /* the first vCPU's */

bool port_pending(unsigned port);
bool port_masked(unsigned port);
void port_mask(unsigned port, bool on); /* the bit only, no hypercall */
void port_clear(unsigned port);         /* the pending bit */
long port_send(unsigned port);
long port_close(unsigned port);
long port_unmask(unsigned port);
long port_poll(unsigned port); /* sleeps until it is pending; it is masked */
/* Sleeps until cond, which the other side of the port announces. */
#define port_wait(port, cond)                                                                      \
    do {                                                                                           \
        port_clear(port);                                                                          \
        if (cond)                                                                                  \
            break;                                                                                 \
        port_poll(port);                                                                           \
    } while (true)
/* Ports that the tests need, or 0. */
unsigned port_ipi(unsigned vcpu);
unsigned port_virq(unsigned virq, unsigned vcpu);

/* Takes events, and what is pending at once; or holds them back. */
void events_on(void);
void events_off(void);

/* Sleeps until an event; called and back with events held back, or one could come before the sleep.
 */
void block(void);

/* set_timer_op, whose time takes two registers in 32-bit kernels. */
long set_timer(uint64_t at);

/* System time in nanoseconds by this vCPU's pvclock. */
uint64_t now(void);
uint64_t clock_of(const volatile struct vcpu_time_info *t);
uint64_t rdtsc(void);

/* Spins until cond, at most ns. True when it came. */
#define wait_for(cond, ns)                                                                         \
    ({                                                                                             \
        uint64_t wait_end = now() + (ns);                                                          \
        while (!(cond) && now() < wait_end)                                                        \
            pause();                                                                               \
        (bool)(cond);                                                                              \
    })
