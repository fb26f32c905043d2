/* sched_op: yield, block, poll, shutdown. */
#include "emu/emu.h"

/* Events that the host held back while there was something else to do: struct emu_vcpu_shared. */
static void take_held(struct vcpu *v)
{
    if (__atomic_exchange_n(&v->shared->held, 0, __ATOMIC_SEQ_CST))
        evtchn_fifo_take_pending();
}

/* For who did not want to be woken by each send. */
static void ring_idle(struct vcpu *v)
{
    uint32_t doors = __atomic_exchange_n(&v->shared->ring_idle, 0, __ATOMIC_SEQ_CST);

    for (; doors; doors &= doors - 1)
        host_ring_doorbell((unsigned)__builtin_ctz(doors) % EMU_DOORBELLS);
}

/* Sleeps until done() says so; the vCPU counts as blocked meanwhile. */
static void block_until(struct vcpu *v, bool (*done)(struct vcpu *v))
{
    runstate_change(v, RS_BLOCKED);
    __atomic_store_n(&v->blocked, 1, __ATOMIC_SEQ_CST);
    __atomic_store_n(&v->shared->blocked, 1, __ATOMIC_SEQ_CST);
    take_held(v);
    if (!done(v))
        ring_idle(v);
    while (!done(v) && !nmi_deliverable(v) && !__atomic_load_n(&emu.stopping, __ATOMIC_SEQ_CST) &&
           !__atomic_load_n(&emu.watchdog_bit, __ATOMIC_SEQ_CST) &&
           __atomic_load_n(&v->online, __ATOMIC_SEQ_CST))
        wait_for_interrupt();
    __atomic_store_n(&v->shared->blocked, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&v->blocked, 0, __ATOMIC_SEQ_CST);
    flush_serve(v);
    runstate_change(v, RS_RUNNING);
}

static bool has_event(struct vcpu *v)
{
    return __atomic_load_n(&v->vinfo[0], __ATOMIC_SEQ_CST) != 0;
}

static int64_t sched_block(struct vcpu *v)
{
    __atomic_store_n(&v->vinfo[1], 0, __ATOMIC_SEQ_CST);
    if (!has_event(v))
        block_until(v, has_event);
    return 0;
}

static bool any_polled_pending(const struct vcpu *v)
{
    for (uint32_t i = 0; i < v->poll_count; i++) {
        if (emu.evtchn_ops->is_pending(v->poll_ports[i]))
            return true;
    }
    return false;
}

/* A polled port is usually masked: whoever raises a port kicks vCPUs that poll, see evtchn.c. */
static bool poll_done(struct vcpu *v)
{
    return any_polled_pending(v) || !v->poll_timer.deadline || event_deliverable(v);
}

struct poll_args {
    uint64_t ports, timeout;
    uint32_t nr;
};

static int fetch_poll(uint64_t arg, struct poll_args *p)
{
    if (emu.pae32) {
        struct {
            uint32_t ports, nr;
            uint64_t timeout;
        } __attribute__((packed)) p32;
        if (copy_from_guest(&p32, arg, sizeof(p32)))
            return -XEN_EFAULT;
        *p = (struct poll_args){p32.ports, p32.timeout, p32.nr};
        return 0;
    }
    struct sched_poll p64;
    if (copy_from_guest(&p64, arg, sizeof(p64)))
        return -XEN_EFAULT;
    *p = (struct poll_args){(uint64_t)p64.ports.p, p64.timeout, p64.nr_ports};
    return 0;
}

static int64_t sched_poll(struct vcpu *v, uint64_t arg)
{
    struct poll_args p;

    if (fetch_poll(arg, &p))
        return -XEN_EFAULT;
    if (p.nr > POLL_MAX)
        return -XEN_EINVAL;
    if (copy_from_guest(v->poll_ports, p.ports, p.nr * sizeof(v->poll_ports[0])))
        return -XEN_EFAULT;
    for (uint32_t i = 0; i < p.nr; i++) {
        if (v->poll_ports[i] >= evtchn_2l_ports(&emu.evtchn))
            return -XEN_EINVAL;
    }
    v->poll_count = p.nr;
    v->poll_timer.deadline = p.timeout ? p.timeout : ~0ull; /* 0: without limit */
    __atomic_store_n(&v->polling, true, __ATOMIC_SEQ_CST);
    if (p.timeout)
        timer_rearm(v);
    block_until(v, poll_done);
    __atomic_store_n(&v->polling, false, __ATOMIC_SEQ_CST);
    v->poll_timer.deadline = 0;
    timer_rearm(v);
    return 0;
}

void watchdog_check(struct vcpu *v, struct cpu_user_regs *regs)
{
    if (__atomic_load_n(&emu.watchdog_bit, __ATOMIC_SEQ_CST))
        guest_shutdown(v, regs, SHUTDOWN_watchdog);
}

/* vCPU 0's timer serves the domain's watchdogs. */
static void watchdog_set(struct vcpu *v, unsigned i, uint64_t seconds)
{
    __atomic_store_n(&emu.watchdog[i], seconds ? system_time() + seconds * 1000000000 : 0,
                     __ATOMIC_SEQ_CST);
    if (v->id == 0)
        timer_rearm(v);
    else
        vcpu_kick(0);
}

static int64_t watchdog_op(struct vcpu *v, uint32_t id, uint32_t timeout)
{
    if (id > 2)
        return -XEN_EINVAL;
    if (id == 0) {
        for (unsigned i = 0; i < 2; i++) {
            if (emu.watchdog_used[i])
                continue;
            emu.watchdog_used[i] = true;
            watchdog_set(v, i, timeout);
            return i + 1;
        }
        return -XEN_ENOSPC;
    }
    if (!emu.watchdog_used[id - 1])
        return -XEN_EINVAL;
    emu.watchdog_used[id - 1] = timeout;
    watchdog_set(v, id - 1, timeout);
    return 0;
}

static int64_t op_watchdog(struct vcpu *v, uint64_t arg)
{
    struct sched_watchdog w;

    if (copy_from_guest(&w, arg, sizeof(w)))
        return -XEN_EFAULT;
    spin_lock(&emu.sched_lock);
    int64_t rc = watchdog_op(v, w.id, w.timeout);
    spin_unlock(&emu.sched_lock);
    return rc;
}

/* What the next shutdown will be called; only the first counts. */
static int64_t op_shutdown_code(uint64_t arg)
{
    uint32_t reason, none = 0;

    if (copy_from_guest(&reason, arg, sizeof(reason)))
        return -XEN_EFAULT;
    __atomic_compare_exchange_n(&emu.shutdown_code, &none, (uint8_t)reason + 1, false,
                                __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return 0;
}

/* There are domain 0 and this one; a domU may shut down neither this way. */
static int64_t op_remote_shutdown(uint64_t arg)
{
    struct sched_remote_shutdown r;

    if (copy_from_guest(&r, arg, sizeof(r)))
        return -XEN_EFAULT;
    return r.domain_id > 1 ? -XEN_ESRCH : -XEN_EPERM;
}

static int64_t op_shutdown(struct vcpu *v, struct cpu_user_regs *regs, uint64_t arg)
{
    uint32_t reason;

    if (copy_from_guest(&reason, arg, sizeof(reason)))
        return -XEN_EFAULT;
    if (reason > SHUTDOWN_MAX)
        return -XEN_EINVAL;
    guest_shutdown(v, regs, reason);
}

HYPERCALL(do_sched_op)
{
    switch ((uint32_t)a[0]) {
    case SCHEDOP_yield:
        pause();
        return 0;
    case SCHEDOP_block:
        return sched_block(v);
    case SCHEDOP_shutdown:
        return op_shutdown(v, regs, a[1]);
    case SCHEDOP_poll:
        return sched_poll(v, a[1]);
    case SCHEDOP_remote_shutdown:
        return op_remote_shutdown(a[1]);
    case SCHEDOP_shutdown_code:
        return op_shutdown_code(a[1]);
    case SCHEDOP_watchdog:
        return op_watchdog(v, a[1]);
    case SCHEDOP_pin_override:
        return -XEN_EPERM;
    default:
        return -XEN_ENOSYS;
    }
}

/* The old call: SCHEDOP_shutdown takes the reason itself. */
HYPERCALL(do_sched_op_compat)
{
    switch ((uint32_t)a[0]) {
    case SCHEDOP_yield:
        pause();
        return 0;
    case SCHEDOP_block:
        return sched_block(v);
    case SCHEDOP_shutdown:
        guest_shutdown(v, regs, (unsigned)a[1]);
    default:
        return -XEN_ENOSYS;
    }
}
