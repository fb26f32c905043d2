#include "xenner/host/evtchn_priv.h"

#include <string.h>
#include <xen/errno.h>
#include <xen/xen.h>

#define NR_PIRQS 256

struct evtchn_table *evtchn_new(const struct evtchn_config *config)
{
    struct evtchn_table *t = g_new0(struct evtchn_table, 1);

    t->config = *config;
    t->ops = &evtchn_host_2l_ops;
    t->nr_ports = MIN(evtchn_2l_ports(&config->bits), EMU_NR_PORTS);
    g_mutex_init(&t->lock);
    return t;
}

void evtchn_free(struct evtchn_table *t)
{
    if (!t)
        return;
    g_mutex_clear(&t->lock);
    g_free(t);
}

/* emu's copy follows; it reads single aligned words. */
static void publish(struct evtchn_table *t, evtchn_port_t n)
{
    const struct port *p = &t->port[n];
    union {
        struct emu_port port;
        uint32_t word;
    } copy = {.port = {.type = (uint8_t)p->type, .vcpu = (uint8_t)p->vcpu}};

    if (p->type == EMU_PORT_LOOP)
        copy.port.target = (uint16_t)p->u.other;
    else if (p->type == EMU_PORT_HOST)
        copy.port.target = p->u.host.doorbell;
    else if (p->type == EMU_PORT_VIRQ)
        copy.port.target = (uint16_t)p->u.virq;
    __atomic_store_n((uint32_t *)&t->config.shared[n], copy.word, __ATOMIC_SEQ_CST);
}

static void set_port(struct evtchn_table *t, evtchn_port_t n, struct port p)
{
    t->port[n] = p;
    publish(t, n);
}

/* Port 0 is never used: a zero in the guest's hands means none. */
static evtchn_port_t find_free(const struct evtchn_table *t)
{
    for (evtchn_port_t n = 1; n < t->nr_ports; n++) {
        if (t->port[n].type == EMU_PORT_FREE)
            return n;
    }
    return 0;
}

static bool in_use(const struct evtchn_table *t, evtchn_port_t n)
{
    return n > 0 && n < t->nr_ports && t->port[n].type != EMU_PORT_FREE;
}

/*
 * False when the guest put its vcpu_info nowhere, or where its words are not aligned: a locked
 * access across two cache lines would stall the whole host.
 */
static bool vcpu_bits(struct evtchn_table *t, unsigned vcpu, struct evtchn_2l_vcpu *ret)
{
    void *info = t->config.vcpu_info(t->config.opaque, vcpu);

    if (!info || (uintptr_t)info % sizeof(uint32_t) != 0)
        return false;
    *ret = evtchn_2l_vcpu(info, t->config.bits.is32);
    return true;
}

static bool raise_2l(struct evtchn_table *t, evtchn_port_t n)
{
    struct evtchn_2l_vcpu bits;

    if (!vcpu_bits(t, t->port[n].vcpu, &bits))
        return false;
    evtchn_2l_raise(&t->config.bits, &bits, n);
    return true;
}

static void clear_2l(struct evtchn_table *t, evtchn_port_t n)
{
    evtchn_2l_clear_bit(t->config.bits.pending, n);
}

const struct evtchn_host_ops evtchn_host_2l_ops = {raise_2l, clear_2l, false};

static void raise_port(struct evtchn_table *t, evtchn_port_t n)
{
    /* The kick, whatever the masks are: the vCPU may poll for a port that it masks (SCHEDOP_poll). */
    if (t->ops->raise(t, n))
        t->config.kick(t->config.opaque, t->port[n].vcpu);
}

static bool is_self(domid_t dom)
{
    return dom == DOMID_SELF || dom == GUEST_DOMID;
}

static int64_t op_alloc_unbound(struct evtchn_table *t, unsigned vcpu, void *arg)
{
    struct evtchn_alloc_unbound *op = arg;

    if (!is_self(op->dom))
        return -XEN_EPERM;
    evtchn_port_t n = find_free(t);
    if (!n)
        return -XEN_ENOSPC;
    domid_t remote = is_self(op->remote_dom) ? GUEST_DOMID : op->remote_dom;
    set_port(t, n, (struct port){EMU_PORT_UNBOUND, 0, {.remote = remote}});
    op->port = n;
    return 0;
}

/* Only to another port of the guest's own: domain 0 offers none, and others do not exist. */
static int64_t op_bind_interdomain(struct evtchn_table *t, unsigned vcpu, void *arg)
{
    struct evtchn_bind_interdomain *op = arg;

    if (!is_self(op->remote_dom))
        return op->remote_dom == 0 ? -XEN_EINVAL : -XEN_ESRCH;
    evtchn_port_t n = find_free(t), remote = op->remote_port;
    if (!n)
        return -XEN_ENOSPC;
    if (!in_use(t, remote) || t->port[remote].type != EMU_PORT_UNBOUND ||
        t->port[remote].u.remote != GUEST_DOMID)
        return -XEN_EINVAL;
    set_port(t, n, (struct port){EMU_PORT_LOOP, 0, {.other = remote}});
    set_port(t, remote, (struct port){EMU_PORT_LOOP, t->port[remote].vcpu, {.other = n}});
    op->local_port = n;
    raise_port(t, n); /* what was sent before the other side was there */
    return 0;
}

static bool virq_is_global(unsigned virq)
{
    return virq != VIRQ_TIMER && virq != VIRQ_DEBUG && virq != VIRQ_XENOPROF &&
           virq != VIRQ_XENPMU;
}

static int64_t op_bind_virq(struct evtchn_table *t, unsigned vcpu, void *arg)
{
    struct evtchn_bind_virq *op = arg;

    if (op->virq >= NR_VIRQS)
        return -XEN_EINVAL;
    if (virq_is_global(op->virq) && op->vcpu != 0)
        return -XEN_EINVAL;
    if (op->vcpu >= t->config.nr_vcpus)
        return -XEN_ENOENT;
    for (evtchn_port_t n = 1; n < t->nr_ports; n++) {
        const struct port *p = &t->port[n];
        if (p->type == EMU_PORT_VIRQ && p->u.virq == op->virq &&
            (virq_is_global(op->virq) || p->vcpu == op->vcpu))
            return -XEN_EEXIST;
    }
    evtchn_port_t n = find_free(t);
    if (!n)
        return -XEN_ENOSPC;
    set_port(t, n, (struct port){EMU_PORT_VIRQ, op->vcpu, {.virq = op->virq}});
    op->port = n;
    return 0;
}

static int64_t op_bind_ipi(struct evtchn_table *t, unsigned vcpu, void *arg)
{
    struct evtchn_bind_ipi *op = arg;

    if (op->vcpu >= t->config.nr_vcpus)
        return -XEN_ENOENT;
    evtchn_port_t n = find_free(t);
    if (!n)
        return -XEN_ENOSPC;
    set_port(t, n, (struct port){EMU_PORT_IPI, op->vcpu, {0}});
    op->port = n;
    return 0;
}

/* There are numbers, but none of them is the guest's. */
static int64_t op_bind_pirq(struct evtchn_table *t, unsigned vcpu, void *arg)
{
    const struct evtchn_bind_pirq *op = arg;

    return op->pirq < NR_PIRQS ? -XEN_EPERM : -XEN_EINVAL;
}

/* Also clears what is pending, so that the next owner of the number starts clean. */
static void close_port(struct evtchn_table *t, evtchn_port_t n)
{
    struct port old = t->port[n];

    set_port(t, n, (struct port){EMU_PORT_FREE, 0, {0}});
    t->ops->clear(t, n);
    if (old.type == EMU_PORT_LOOP && old.u.other != n)
        set_port(t, old.u.other, (struct port){EMU_PORT_UNBOUND, t->port[old.u.other].vcpu,
                                               {.remote = GUEST_DOMID}});
}

static int64_t op_close(struct evtchn_table *t, unsigned vcpu, void *arg)
{
    const struct evtchn_close *op = arg;

    if (!in_use(t, op->port))
        return -XEN_EINVAL;
    close_port(t, op->port);
    return 0;
}

static int64_t op_send(struct evtchn_table *t, unsigned vcpu, void *arg)
{
    const struct evtchn_send *op = arg;

    if (!in_use(t, op->port))
        return -XEN_EINVAL;
    switch (t->port[op->port].type) {
    case EMU_PORT_HOST:
        evtchn_2l_set_bit(t->config.host_pending, op->port);
        return 0;
    case EMU_PORT_LOOP:
        raise_port(t, t->port[op->port].u.other);
        return 0;
    case EMU_PORT_IPI:
        raise_port(t, op->port);
        return 0;
    case EMU_PORT_UNBOUND:
        return 0;
    default:
        return -XEN_EINVAL;
    }
}

static int64_t op_status(struct evtchn_table *t, unsigned vcpu, void *arg)
{
    struct evtchn_status *op = arg;

    if (!is_self(op->dom))
        return -XEN_EPERM;
    if (op->port >= t->nr_ports)
        return -XEN_EINVAL;
    const struct port *p = &t->port[op->port];
    op->vcpu = p->vcpu;
    switch (p->type) {
    case EMU_PORT_FREE:
        op->status = EVTCHNSTAT_closed;
        break;
    case EMU_PORT_UNBOUND:
        op->status = EVTCHNSTAT_unbound;
        op->u.unbound.dom = p->u.remote;
        break;
    case EMU_PORT_HOST:
        op->status = EVTCHNSTAT_interdomain;
        op->u.interdomain.dom = 0;
        op->u.interdomain.port = op->port;
        break;
    case EMU_PORT_LOOP:
        op->status = EVTCHNSTAT_interdomain;
        op->u.interdomain.dom = GUEST_DOMID;
        op->u.interdomain.port = p->u.other;
        break;
    case EMU_PORT_VIRQ:
        op->status = EVTCHNSTAT_virq;
        op->u.virq = p->u.virq;
        break;
    case EMU_PORT_IPI:
        op->status = EVTCHNSTAT_ipi;
        break;
    }
    return 0;
}

/* IPIs and per-vCPU VIRQs stay where they are. */
static int64_t op_bind_vcpu(struct evtchn_table *t, unsigned vcpu, void *arg)
{
    const struct evtchn_bind_vcpu *op = arg;

    if (op->vcpu >= t->config.nr_vcpus)
        return -XEN_ENOENT;
    if (!in_use(t, op->port))
        return -XEN_EINVAL;
    struct port p = t->port[op->port];
    if (p.type == EMU_PORT_IPI || (p.type == EMU_PORT_VIRQ && !virq_is_global(p.u.virq)))
        return -XEN_EINVAL;
    p.vcpu = op->vcpu;
    set_port(t, op->port, p);
    return 0;
}

static int64_t op_unmask(struct evtchn_table *t, unsigned vcpu, void *arg)
{
    const struct evtchn_unmask *op = arg;

    if (!in_use(t, op->port))
        return -XEN_EINVAL;
    unsigned target = t->port[op->port].vcpu;
    struct evtchn_2l_vcpu bits;
    if (!vcpu_bits(t, target, &bits))
        return -XEN_EINVAL;
    if (evtchn_2l_unmask(&t->config.bits, &bits, op->port))
        t->config.kick(t->config.opaque, target);
    return 0;
}

/* Closes all, but what the toolstack connected: console and xenstore must survive a kexec. */
static int64_t op_reset(struct evtchn_table *t, unsigned vcpu, void *arg)
{
    const struct evtchn_reset *op = arg;

    if (!is_self(op->dom))
        return -XEN_EPERM;
    for (evtchn_port_t n = 1; n < t->nr_ports; n++) {
        if (t->port[n].type != EMU_PORT_FREE && t->port[n].type != EMU_PORT_HOST)
            close_port(t, n);
    }
    t->ops = &evtchn_host_2l_ops;
    return 0;
}

/* emu keeps the control blocks and the words; here only the way to raise a port changes. */
static int64_t op_init_control(struct evtchn_table *t, unsigned vcpu, void *arg)
{
    if (!t->config.guest_pending)
        return -XEN_ENOSYS;
    t->ops = &evtchn_host_fifo_ops;
    return 0;
}

struct evtchn_op_row {
    int64_t (*run)(struct evtchn_table *t, unsigned vcpu, void *arg);
    size_t size;
};

static const struct evtchn_op_row ops[] = {
    [EVTCHNOP_bind_interdomain] = {op_bind_interdomain, sizeof(struct evtchn_bind_interdomain)},
    [EVTCHNOP_bind_virq] = {op_bind_virq, sizeof(struct evtchn_bind_virq)},
    [EVTCHNOP_bind_pirq] = {op_bind_pirq, sizeof(struct evtchn_bind_pirq)},
    [EVTCHNOP_close] = {op_close, sizeof(struct evtchn_close)},
    [EVTCHNOP_send] = {op_send, sizeof(struct evtchn_send)},
    [EVTCHNOP_status] = {op_status, sizeof(struct evtchn_status)},
    [EVTCHNOP_alloc_unbound] = {op_alloc_unbound, sizeof(struct evtchn_alloc_unbound)},
    [EVTCHNOP_bind_ipi] = {op_bind_ipi, sizeof(struct evtchn_bind_ipi)},
    [EVTCHNOP_bind_vcpu] = {op_bind_vcpu, sizeof(struct evtchn_bind_vcpu)},
    [EVTCHNOP_unmask] = {op_unmask, sizeof(struct evtchn_unmask)},
    [EVTCHNOP_reset] = {op_reset, sizeof(struct evtchn_reset)},
    [EVTCHNOP_init_control] = {op_init_control, sizeof(struct evtchn_init_control)},
};

int64_t evtchn_guest_op(struct evtchn_table *t, uint32_t cmd, unsigned vcpu, void *arg, size_t size)
{
    if (cmd >= G_N_ELEMENTS(ops) || !ops[cmd].run)
        return -XEN_ENOSYS;
    if (size < ops[cmd].size)
        return -XEN_EFAULT;
    g_mutex_lock(&t->lock);
    int64_t rc = ops[cmd].run(t, vcpu, arg);
    g_mutex_unlock(&t->lock);
    return rc;
}

evtchn_port_t evtchn_reserve_unbound(struct evtchn_table *t, domid_t remote)
{
    g_mutex_lock(&t->lock);
    evtchn_port_t n = find_free(t);
    if (n)
        set_port(t, n, (struct port){EMU_PORT_UNBOUND, 0, {.remote = remote}});
    g_mutex_unlock(&t->lock);
    return n;
}

uint32_t evtchn_host_connect(struct evtchn_table *t, evtchn_port_t n, unsigned doorbell)
{
    uint32_t link = 0;

    g_mutex_lock(&t->lock);
    if (in_use(t, n) && t->port[n].type == EMU_PORT_UNBOUND && t->port[n].u.remote == 0) {
        t->last_link += t->last_link == UINT32_MAX ? 2 : 1; /* 0 stays "no" when it wraps */
        link = t->last_link;
        set_port(t, n, (struct port){EMU_PORT_HOST, t->port[n].vcpu,
                                   {.host = {link, (uint16_t)doorbell}}});
        /* A bit from before may have rung another doorbell. The caller looks at what it was for. */
        evtchn_2l_clear_bit(t->config.host_pending, n);
    }
    g_mutex_unlock(&t->lock);
    return link;
}

static bool is_linked(const struct evtchn_table *t, evtchn_port_t n, uint32_t link)
{
    return in_use(t, n) && t->port[n].type == EMU_PORT_HOST && t->port[n].u.host.link == link;
}

void evtchn_host_disconnect(struct evtchn_table *t, evtchn_port_t n, uint32_t link)
{
    g_mutex_lock(&t->lock);
    if (is_linked(t, n, link))
        set_port(t, n, (struct port){EMU_PORT_UNBOUND, t->port[n].vcpu, {.remote = 0}});
    g_mutex_unlock(&t->lock);
}

void evtchn_host_notify(struct evtchn_table *t, evtchn_port_t n, uint32_t link)
{
    g_mutex_lock(&t->lock);
    if (is_linked(t, n, link))
        raise_port(t, n);
    g_mutex_unlock(&t->lock);
}

/* The order of the steps is struct emu_vcpu_shared's. */
static bool hold_port(struct evtchn_table *t, evtchn_port_t n)
{
    unsigned vcpu = t->port[n].vcpu;
    struct emu_vcpu_shared *s =
        t->ops->can_hold && t->config.vcpu_shared ? t->config.vcpu_shared(t->config.opaque, vcpu) : NULL;

    if (!s || __atomic_load_n(&s->blocked, __ATOMIC_SEQ_CST)) {
        raise_port(t, n);
        return false;
    }
    t->ops->raise(t, n);
    __atomic_store_n(&s->held, 1, __ATOMIC_SEQ_CST);
    if (!__atomic_load_n(&s->blocked, __ATOMIC_SEQ_CST))
        return true;
    t->config.kick(t->config.opaque, vcpu);
    return false;
}

bool evtchn_host_notify_idle(struct evtchn_table *t, evtchn_port_t n, uint32_t link)
{
    g_mutex_lock(&t->lock);
    bool held = is_linked(t, n, link) && hold_port(t, n);
    g_mutex_unlock(&t->lock);
    return held;
}

void evtchn_host_wake_idle(struct evtchn_table *t, unsigned doorbell)
{
    for (unsigned i = 0; t->config.vcpu_shared && i < t->config.nr_vcpus; i++) {
        struct emu_vcpu_shared *s = t->config.vcpu_shared(t->config.opaque, i);
        __atomic_fetch_or(&s->ring_idle, 1u << doorbell, __ATOMIC_SEQ_CST);
    }
}

bool evtchn_host_take(struct evtchn_table *t, evtchn_port_t n, uint32_t link)
{
    if (!evtchn_2l_test_bit(t->config.host_pending, n))
        return false;
    g_mutex_lock(&t->lock);
    bool sent = is_linked(t, n, link) && evtchn_2l_clear_bit(t->config.host_pending, n);
    g_mutex_unlock(&t->lock);
    return sent;
}

void evtchn_host_take_pending(struct evtchn_table *t, void (*fn)(void *opaque, evtchn_port_t port),
                              void *opaque)
{
    for (unsigned word = 0; word < EMU_NR_PORTS / 32; word++) {
        uint32_t *at = &t->config.host_pending[word];
        if (!__atomic_load_n(at, __ATOMIC_SEQ_CST))
            continue;
        uint32_t bits = __atomic_exchange_n(at, 0, __ATOMIC_SEQ_CST);
        for (; bits; bits &= bits - 1) {
            evtchn_port_t n = word * 32 + (unsigned)__builtin_ctz(bits);
            g_mutex_lock(&t->lock);
            bool ours = in_use(t, n) && t->port[n].type == EMU_PORT_HOST;
            g_mutex_unlock(&t->lock);
            if (ours)
                fn(opaque, n);
        }
    }
}
