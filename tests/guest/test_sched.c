/* sched_op: yield, block, poll, watchdogs, and what is refused. Shutdowns: end= of main.c. */
#include "event.h"

static unsigned timer_port;

static void blocking(void)
{
    unsigned port = port_ipi(0);
    uint64_t end = now() + 3 * MS;

    is(hypercall(sched_op, SCHEDOP_yield), 0, "yield");
    port_count[timer_port] = 0;
    set_timer(end);
    while (!port_count[timer_port])
        block();
    ok(now() >= end, "block lasts until an event");
    port_send(port);
    is(hypercall(sched_op, SCHEDOP_block), 0, "block with an event pending");
    is(vcpu_info()->evtchn_upcall_mask, 0, "takes events");
    is(port_count[port], 1, "and does not sleep");
    events_off();
    port_close(port);
}

static long poll(const evtchn_port_t *ports, unsigned n, uint64_t timeout)
{
    struct sched_poll op = {.nr_ports = n, .timeout = timeout};

    op.ports.p = (evtchn_port_t *)ports;
    return hypercall(sched_op, SCHEDOP_poll, &op);
}

/* Console and timer may be pending from before; with events held back they don't end a poll. */
static void polling(void)
{
    evtchn_port_t port = port_ipi(0), other = port_ipi(0), many[2] = {port, other};

    port_mask(port, true);
    port_mask(other, true);
    port_send(port);
    is(poll(&port, 1, 0), 0, "poll a port that is pending");
    port_clear(port);
    uint64_t end = now() + 5 * MS;
    is(poll(&port, 1, end), 0, "poll with a timeout");
    ok(now() >= end, "lasts that long");
    ok(!port_pending(port), "and nothing has come");
    port_send(other);
    is(poll(many, 2, now() + 10 * S), 0, "poll two ports");
    ok(port_pending(other), "one is pending");
    port_clear(other);
    end = now() + 5 * MS;
    is(poll(NULL, 0, end), 0, "poll no port, with a timeout");
    ok(now() >= end, "is a sleep");
    is(poll(&port, 1, 1), 0, "poll with a timeout in the past");
    port_mask(timer_port, true);
    port_clear(timer_port);
    end = now() + 5 * MS;
    set_timer(end);
    port = timer_port;
    is(poll(&port, 1, now() + 30 * S), 0, "poll the timer's port");
    ok(now() >= end && port_pending(timer_port), "it comes up");
    port_clear(timer_port);
    port_mask(timer_port, false);
    port_close(many[0]);
    port_close(many[1]);
}

static void poll_errors(void)
{
    evtchn_port_t port = 5000;

    is(poll(&port, 1, 1), -XEN_EINVAL, "poll: no such port");
    is(poll((evtchn_port_t *)NOWHERE, 1, 1), -XEN_EFAULT, "poll: bad list");
    is(poll(&port, 129, 1), -XEN_EINVAL, "poll: too many");
    is(hypercall(sched_op, SCHEDOP_poll, NOWHERE), -XEN_EFAULT, "poll: bad pointer");
}

static long watchdog(uint32_t id, uint32_t seconds)
{
    struct sched_watchdog op = {id, seconds};

    return hypercall(sched_op, SCHEDOP_watchdog, &op);
}

static void watchdogs(void)
{
    is(watchdog(1, 100), -XEN_EINVAL, "watchdog: poke one that is not set");
    is(watchdog(0, 100), 1, "watchdog: the first");
    is(watchdog(0, 100), 2, "watchdog: the second");
    is((int)watchdog(0, 100), -XEN_ENOSPC, /* Xen returns it as unsigned */
       "watchdog: there is no third");
    is(watchdog(1, 200), 0, "watchdog: poke");
    is(watchdog(2, 0), 0, "watchdog: take it away");
    is(watchdog(2, 0), -XEN_EINVAL, "watchdog: take it away twice");
    is(watchdog(3, 1), -XEN_EINVAL, "watchdog: no such number");
    is(watchdog(1, 1), 0, "watchdog: a second is left");
    is(watchdog(1, 0), 0, "watchdog: stopped");
    poll(NULL, 0, now() + 1200 * MS);
    is(hypercall(sched_op, SCHEDOP_watchdog, NOWHERE), -XEN_EFAULT, "watchdog: bad pointer");
}

static void refused(void)
{
    struct sched_remote_shutdown remote = {.domain_id = 0, .reason = SHUTDOWN_poweroff};
    struct sched_pin_override pin = {.pcpu = 0};

    is(hypercall(sched_op, SCHEDOP_remote_shutdown, &remote), -XEN_EPERM, "remote_shutdown of 0");
    remote.domain_id = 1234;
    is(hypercall(sched_op, SCHEDOP_remote_shutdown, &remote), -XEN_ESRCH,
       "remote_shutdown of no domain");
    remote.domain_id = DOMID_SELF;
    is(hypercall(sched_op, SCHEDOP_remote_shutdown, &remote), -XEN_ESRCH,
       "remote_shutdown has no DOMID_SELF");
    is(hypercall(sched_op, SCHEDOP_pin_override, &pin), -XEN_EPERM, "pin_override");
    is(hypercall(sched_op, SCHEDOP_shutdown, NOWHERE), -XEN_EFAULT, "shutdown, bad pointer");
    is(hypercall(sched_op, SCHEDOP_shutdown_code, NOWHERE), -XEN_EFAULT,
       "shutdown_code, bad pointer");
    is(hypercall(sched_op, SCHEDOP_remote_shutdown, NOWHERE), -XEN_EFAULT,
       "remote_shutdown, bad pointer");
    is(hypercall(sched_op, 99), -XEN_ENOSYS, "unknown command");
    is(hypercall(sched_op_compat, SCHEDOP_yield), 0, "compat: yield");
    is(hypercall(sched_op_compat, SCHEDOP_poll), -XEN_ENOSYS, "compat: no poll");
}

void test_sched(void)
{
    timer_port = port_virq(VIRQ_TIMER, 0);
    blocking();
    polling();
    poll_errors();
    watchdogs();
    refused();
    port_close(timer_port);
}
