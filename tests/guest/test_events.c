/* event_channel_op: binding, sending, masks, status, closing; and upcalls. */
#include "event.h"

#define NO_PORT 5000

static long status_of(unsigned port, struct evtchn_status *ret)
{
    *ret = (struct evtchn_status){.dom = DOMID_SELF, .port = port};
    return evtchn(EVTCHNOP_status, ret);
}

static unsigned alloc_unbound(domid_t remote)
{
    struct evtchn_alloc_unbound op = {.dom = DOMID_SELF, .remote_dom = remote};

    return evtchn(EVTCHNOP_alloc_unbound, &op) ? 0 : op.port;
}

static void ipi(void)
{
    struct evtchn_status st;
    struct evtchn_bind_vcpu move = {.vcpu = 0};
    unsigned port = port_ipi(0);

    ok(port, "bind_ipi");
    is(status_of(port, &st), 0, "status of an IPI");
    is(st.status, EVTCHNSTAT_ipi, "status: ipi");
    is(st.vcpu, 0, "status: its vCPU");
    is(port_send(port), 0, "send with events held back");
    ok(port_pending(port), "pending");
    is(port_count[port], 0, "no upcall yet");
    is(vcpu_info()->evtchn_upcall_pending, 1, "the vCPU is marked");
    events_on();
    is(port_count[port], 1, "delivered after the unmasking");
    ok(!port_pending(port), "no more pending");
    is(port_send(port), 0, "send with events on");
    is(port_count[port], 2, "delivered at once");
    events_off();
    move.port = port;
    is(evtchn(EVTCHNOP_bind_vcpu, &move), -XEN_EINVAL, "bind_vcpu of an IPI");
    is(port_close(port), 0, "close");
    is(port_close(port), -XEN_EINVAL, "close twice");
    is(port_send(port), -XEN_EINVAL, "send to a closed port");
    is(status_of(port, &st), 0, "status of a closed port");
    is(st.status, EVTCHNSTAT_closed, "status: closed");
}

static void masking(void)
{
    unsigned port = port_ipi(0);

    events_on();
    port_mask(port, true);
    is(port_send(port), 0, "send to a masked port");
    is(port_count[port], 0, "not delivered");
    ok(port_pending(port), "but pending");
    is(port_send(port), 0, "send twice");
    is(port_unmask(port), 0, "unmask");
    is(port_count[port], 1, "delivered once");
    ok(!port_masked(port), "the mask bit is clear");
    is(port_unmask(port), 0, "unmask what is not masked");
    is(port_count[port], 1, "changes nothing");
    events_off();
    port_mask(port, true);
    port_send(port);
    is(vcpu_info()->evtchn_upcall_pending, 0, "a masked port does not mark the vCPU");
    is(port_unmask(port), 0, "unmask with events held back");
    is(vcpu_info()->evtchn_upcall_pending, 1, "marks it");
    is(vcpu_info()->evtchn_pending_sel >> (port / BITS_PER_LONG) & 1, 1, "and its selector");
    port_close(port);
    ok(!port_pending(port), "close clears what is pending");
    events_on();
    is(port_count[port], 1, "and nothing is delivered");
    events_off();
}

static void loopback(void)
{
    unsigned a = alloc_unbound(DOMID_SELF);
    struct evtchn_bind_interdomain bind = {.remote_dom = DOMID_SELF, .remote_port = a};
    struct evtchn_status st;

    ok(a, "alloc_unbound for ourselves");
    is(status_of(a, &st), 0, "its status");
    is(st.status, EVTCHNSTAT_unbound, "status: unbound");
    is(port_send(a), 0, "send to an unbound port is lost");
    is(evtchn(EVTCHNOP_bind_interdomain, &bind), 0, "bind_interdomain to ourselves");
    unsigned b = bind.local_port;
    ok(b && b != a, "a port of its own");
    is(port_pending(b), 1, "it is raised once when bound");
    port_clear(b);
    vcpu_info()->evtchn_pending_sel = 0;
    vcpu_info()->evtchn_upcall_pending = 0;
    is(status_of(a, &st), 0, "status of the first");
    is(st.status, EVTCHNSTAT_interdomain, "status: interdomain");
    is(st.u.interdomain.port, b, "status: the other end");
    port_count[a] = port_count[b] = 0;
    events_on();
    is(port_send(a), 0, "send from a");
    is(port_count[b], 1, "comes up at b");
    is(port_count[a], 0, "and not at a");
    is(port_send(b), 0, "send from b");
    is(port_count[a], 1, "comes up at a");
    events_off();
    is(evtchn(EVTCHNOP_bind_interdomain, &bind), -XEN_EINVAL, "a is bound already");
    is(port_close(b), 0, "close b");
    is(status_of(a, &st), 0, "status of a then");
    is(st.status, EVTCHNSTAT_unbound, "status: unbound again");
    bind.remote_port = a;
    is(evtchn(EVTCHNOP_bind_interdomain, &bind), 0, "bound again");
    is(port_close(a), 0, "close a");
    is(port_send(bind.local_port), 0, "the survivor sends into nothing");
    is(port_close(bind.local_port), 0, "close the survivor");
}

static void unbound(void)
{
    unsigned port = alloc_unbound(0);
    struct evtchn_bind_interdomain bind = {.remote_dom = DOMID_SELF, .remote_port = port};
    struct evtchn_status st;

    ok(port, "alloc_unbound for domain 0");
    is(status_of(port, &st), 0, "its status");
    is(st.u.unbound.dom, 0, "status: for whom");
    is(evtchn(EVTCHNOP_bind_interdomain, &bind), -XEN_EINVAL, "we are not domain 0");
    for (unsigned vcpu = 0; vcpu < nr_cpus; vcpu++) {
        struct evtchn_bind_vcpu move = {.port = port, .vcpu = vcpu};
        is(evtchn(EVTCHNOP_bind_vcpu, &move), 0, "bind_vcpu to %u", vcpu);
        status_of(port, &st);
        is(st.vcpu, vcpu, "status: vCPU %u", vcpu);
    }
    port_close(port);
}

static void virq(void)
{
    struct evtchn_bind_virq bind = {.virq = VIRQ_TIMER, .vcpu = 0};
    struct evtchn_status st;

    is(evtchn(EVTCHNOP_bind_virq, &bind), 0, "bind_virq of the timer");
    is(status_of(bind.port, &st), 0, "its status");
    is(st.status, EVTCHNSTAT_virq, "status: virq");
    is(st.u.virq, VIRQ_TIMER, "status: which");
    is(port_send(bind.port), -XEN_EINVAL, "send to a VIRQ");
    struct evtchn_bind_vcpu move = {.port = bind.port, .vcpu = 0};
    is(evtchn(EVTCHNOP_bind_vcpu, &move), -XEN_EINVAL, "bind_vcpu of a vCPU's own VIRQ");
    struct evtchn_bind_virq again = bind;
    is(evtchn(EVTCHNOP_bind_virq, &again), -XEN_EEXIST, "bind_virq twice");
    port_count[bind.port] = 0;
    events_on();
    is(set_timer(now() + MS), 0, "set_timer_op");
    ok(wait_for(port_count[bind.port] == 1, 5 * S), "the timer comes up at the port");
    events_off();
    is(port_close(bind.port), 0, "close");
    is(evtchn(EVTCHNOP_bind_virq, &bind), 0, "and bind it again");
    port_close(bind.port);
    bind.virq = NR_VIRQS;
    is(evtchn(EVTCHNOP_bind_virq, &bind), -XEN_EINVAL, "bind_virq: no such VIRQ");
    bind = (struct evtchn_bind_virq){.virq = VIRQ_TIMER, .vcpu = 1000};
    is(evtchn(EVTCHNOP_bind_virq, &bind), -XEN_ENOENT, "bind_virq: no such vCPU");
    bind = (struct evtchn_bind_virq){.virq = VIRQ_CONSOLE, .vcpu = 1};
    is(evtchn(EVTCHNOP_bind_virq, &bind), -XEN_EINVAL, "bind_virq: a global one at vCPU 1");
}

/* Inside an upcall events are held back, until the handler lets them in. */
static unsigned hook_port, hook_sends;
static bool hook_opens;

static void send_again(unsigned port)
{
    if (port != hook_port || !hook_sends)
        return;
    hook_sends--;
    port_send(port);
    if (hook_opens)
        events_on();
}

static void nesting(void)
{
    unsigned port = port_ipi(0);

    hook_port = port;
    event_hook = send_again;
    for (unsigned i = 0; i < 2; i++) {
        port_count[port] = 0;
        hook_sends = 3;
        hook_opens = i;
        upcall_depth_max = 0;
        events_on();
        port_send(port);
        events_off();
        is(port_count[port], 4, "sends from the upcall: all delivered (%u)", i);
        is(upcall_depth_max, i ? 4 : 1, "their depth (%u)", i);
    }
    event_hook = NULL;
    port_close(port);
}

static void errors(void)
{
    struct evtchn_alloc_unbound alloc = {.dom = 0, .remote_dom = DOMID_SELF};
    struct evtchn_bind_interdomain bind = {.remote_dom = 0, .remote_port = 1000};
    struct evtchn_bind_ipi ipi = {.vcpu = 1000};
    struct evtchn_bind_pirq pirq = {.pirq = 1};
    struct evtchn_bind_vcpu move = {.port = start_info->console.domU.evtchn, .vcpu = 1000};
    struct evtchn_status st = {.dom = 0, .port = 1};
    struct evtchn_reset reset = {.dom = 0};

    is(evtchn(EVTCHNOP_alloc_unbound, &alloc), -XEN_EPERM, "alloc_unbound in domain 0");
    is(evtchn(EVTCHNOP_bind_interdomain, &bind), -XEN_EINVAL, "bind_interdomain: no such port");
    bind.remote_dom = 1234;
    is(evtchn(EVTCHNOP_bind_interdomain, &bind), -XEN_ESRCH, "bind_interdomain: no such domain");
    is(evtchn(EVTCHNOP_bind_ipi, &ipi), -XEN_ENOENT, "bind_ipi: no such vCPU");
    is(evtchn(EVTCHNOP_bind_pirq, &pirq), -XEN_EPERM, "bind_pirq");
    pirq.pirq = ~0u;
    is(evtchn(EVTCHNOP_bind_pirq, &pirq), -XEN_EINVAL, "bind_pirq: no such PIRQ");
    is(evtchn(EVTCHNOP_bind_vcpu, &move), -XEN_ENOENT, "bind_vcpu: no such vCPU");
    move = (struct evtchn_bind_vcpu){.port = NO_PORT, .vcpu = 0};
    is(evtchn(EVTCHNOP_bind_vcpu, &move), -XEN_EINVAL, "bind_vcpu: no such port");
    is(evtchn(EVTCHNOP_status, &st), -XEN_EPERM, "status in domain 0");
    is(status_of(NO_PORT, &st), -XEN_EINVAL, "status: no such port");
    is(evtchn(EVTCHNOP_reset, &reset), -XEN_EPERM, "reset of domain 0");
    is(port_send(NO_PORT), -XEN_EINVAL, "send: no such port");
    is(port_send(~0u), -XEN_EINVAL, "send: a wild number");
    is(port_send(0), -XEN_EINVAL, "send: port 0");
    is(port_unmask(NO_PORT), -XEN_EINVAL, "unmask: no such port");
    is(port_close(NO_PORT), -XEN_EINVAL, "close: no such port");
    is(port_close(0), -XEN_EINVAL, "close: port 0");
    for (unsigned cmd = 0; cmd <= EVTCHNOP_reset; cmd++)
        is(evtchn(cmd, NOWHERE), -XEN_EFAULT, "command %u, bad pointer", cmd);
    is(evtchn(99, &st), -XEN_ENOSYS, "unknown command");
}

/* The old call has command and argument in one structure. */
static void compat(void)
{
    struct evtchn_op op = {.cmd = EVTCHNOP_bind_ipi};

    is(hypercall(event_channel_op_compat, &op), 0, "compat: bind_ipi");
    op = (struct evtchn_op){.cmd = EVTCHNOP_close, .u.close.port = op.u.bind_ipi.port};
    is(hypercall(event_channel_op_compat, &op), 0, "compat: close");
    is(hypercall(event_channel_op_compat, &op), -XEN_EINVAL, "compat: close twice");
    is(hypercall(event_channel_op_compat, NOWHERE), -XEN_EFAULT, "compat: bad pointer");
}

/* All ports there are, then reset: ours are gone, the console's works on (this line proves it). */
static void exhaustion(void)
{
    struct evtchn_reset reset = {.dom = DOMID_SELF};
    struct evtchn_bind_ipi bind = {.vcpu = 0};
    struct evtchn_status st;
    unsigned n = 0, last = 0;
    long rc;

    while ((rc = evtchn(EVTCHNOP_bind_ipi, &bind)) == 0 && n < 5000) {
        last = bind.port;
        n++;
    }
    is(rc, -XEN_ENOSPC, "bind_ipi when no port is left");
    /* Xen's tools give a guest 1023 ports unless told otherwise */
    unsigned most = real_xen ? 1024 : EVTCHN_2L_NR_CHANNELS;
    ok(n > most - 40 && last < most, "what the 2-level ABI has");
    if (real_xen) { /* a reset would close the console's port, too */
        while (n-- && port_close(last) == 0)
            last--;
        return;
    }
    is(evtchn(EVTCHNOP_reset, &reset), 0, "reset");
    status_of(last, &st);
    is(st.status, EVTCHNSTAT_closed, "closes them");
    unsigned port = port_ipi(0);
    ok(port && port < 100, "and they are free again");
    events_on();
    port_send(port);
    is(port_count[port], 1, "and work");
    events_off();
    port_close(port);
}

void test_events(void)
{
    events_off();
    ipi();
    masking();
    loopback();
    unbound();
    virq();
    nesting();
    errors();
    compat();
    exhaustion();
}
