#include "event.h"

bool port_pending(unsigned port)
{
    return READ_ONCE(shared_info->evtchn_pending[port / BITS_PER_LONG]) >> (port % BITS_PER_LONG) & 1;
}

bool port_masked(unsigned port)
{
    return READ_ONCE(shared_info->evtchn_mask[port / BITS_PER_LONG]) >> (port % BITS_PER_LONG) & 1;
}

void port_mask(unsigned port, bool on)
{
    unsigned long bit = 1ul << (port % BITS_PER_LONG);

    if (on)
        __atomic_fetch_or(&shared_info->evtchn_mask[port / BITS_PER_LONG], bit, __ATOMIC_SEQ_CST);
    else
        __atomic_fetch_and(&shared_info->evtchn_mask[port / BITS_PER_LONG], ~bit, __ATOMIC_SEQ_CST);
}

void port_clear(unsigned port)
{
    __atomic_fetch_and(&shared_info->evtchn_pending[port / BITS_PER_LONG], ~(1ul << (port % BITS_PER_LONG)),
                       __ATOMIC_SEQ_CST);
}

long port_poll(unsigned port)
{
    evtchn_port_t list = port;
    struct sched_poll op = {.nr_ports = 1};

    op.ports.p = &list;
    return hypercall(sched_op, SCHEDOP_poll, &op);
}

long port_send(unsigned port)
{
    struct evtchn_send send = {port};

    return evtchn(EVTCHNOP_send, &send);
}

long port_close(unsigned port)
{
    struct evtchn_close close = {port};

    return evtchn(EVTCHNOP_close, &close);
}

long port_unmask(unsigned port)
{
    struct evtchn_unmask unmask = {port};

    return evtchn(EVTCHNOP_unmask, &unmask);
}

unsigned port_ipi(unsigned vcpu)
{
    struct evtchn_bind_ipi bind = {.vcpu = vcpu};

    if (evtchn(EVTCHNOP_bind_ipi, &bind))
        return 0;
    port_count[bind.port] = 0;
    return bind.port;
}

unsigned port_virq(unsigned virq, unsigned vcpu)
{
    struct evtchn_bind_virq bind = {.virq = virq, .vcpu = vcpu};

    if (evtchn(EVTCHNOP_bind_virq, &bind))
        return 0;
    port_count[bind.port] = 0;
    return bind.port;
}

/* A port may become pending before the unmasking: any hypercall delivers it on its way out. */
void events_on(void)
{
    struct vcpu_info *v = vcpu_info();

    READ_ONCE(v->evtchn_upcall_mask) = 0;
    smp_mb();
    if (READ_ONCE(v->evtchn_upcall_pending))
        hypercall(xen_version, XENVER_version);
}

void events_off(void)
{
    READ_ONCE(vcpu_info()->evtchn_upcall_mask) = 1;
    smp_mb();
}

void block(void)
{
    hypercall(sched_op, SCHEDOP_block);
    events_off();
}

long set_timer(uint64_t at)
{
#ifdef __x86_64__
    return hypercall(set_timer_op, at);
#else
    return hypercall(set_timer_op, (uint32_t)at, (uint32_t)(at >> 32));
#endif
}

uint64_t rdtsc(void)
{
    uint32_t lo, hi;

    __asm__ volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi)::"memory");
    return lo | (uint64_t)hi << 32;
}

/* The algorithm of xen.h, struct vcpu_time_info. */
uint64_t clock_of(const volatile struct vcpu_time_info *t)
{
    uint32_t version;
    uint64_t ns;

    do {
        while ((version = t->version) & 1)
            pause();
        barrier();
        uint64_t delta = rdtsc() - t->tsc_timestamp;
        delta = t->tsc_shift >= 0 ? delta << t->tsc_shift : delta >> -t->tsc_shift;
        ns = (delta >> 32) * t->tsc_to_system_mul +
             ((delta & 0xffffffff) * t->tsc_to_system_mul >> 32) + t->system_time;
        barrier();
    } while (t->version != version);
    return ns;
}

uint64_t now(void)
{
    return clock_of(&vcpu_info()->time);
}
