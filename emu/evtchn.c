/*
 * Event channels inside the VM: sends to another vCPU, timer VIRQs and unmasking stay here; a send
 * to a backend is one bit and a doorbell. All that changes the port table is the host's.
 */
#include "emu/emu.h"

#include <xen/event_channel.h>

static struct evtchn_2l_vcpu vcpu_bits(const struct vcpu *v)
{
    return evtchn_2l_vcpu(v->vinfo, emu.pae32);
}

static bool raise_2l(struct vcpu *target, unsigned port)
{
    struct evtchn_2l_vcpu bits = vcpu_bits(target);

    return evtchn_2l_raise(&emu.evtchn, &bits, port);
}

static bool unmask_2l(struct vcpu *target, unsigned port)
{
    struct evtchn_2l_vcpu bits = vcpu_bits(target);

    return evtchn_2l_unmask(&emu.evtchn, &bits, port);
}

static bool is_pending_2l(unsigned port)
{
    return evtchn_2l_test_bit(emu.evtchn.pending, port);
}

/* The host cleared the bit with the port. */
static void closed_2l(unsigned port)
{
}

const struct evtchn_ops evtchn_2l_ops = {raise_2l, unmask_2l, is_pending_2l, closed_2l};

/*
 * Whoever runs guest code sees a new event at the interrupt; the vCPU itself at its way out. A vCPU
 * that polls waits for a port that may be masked, so it always gets a kick.
 */
static void raise_at(struct vcpu *target, unsigned port)
{
    bool tell = emu.evtchn_ops->raise(target, port);

    if (target == this_vcpu())
        return;
    if (tell || __atomic_load_n(&target->polling, __ATOMIC_SEQ_CST))
        vcpu_kick(target->id);
}

void evtchn_raise_port(unsigned port)
{
    unsigned id = emu.ports[port].vcpu;

    if (id < emu.nr_vcpus)
        raise_at(vcpu_by_id(id), port);
}

void evtchn_raise_virq(struct vcpu *v, unsigned virq)
{
    if (virq < 24 && v->virq_port[virq])
        raise_at(v, v->virq_port[virq]);
}

static int64_t evtchn_send(uint32_t port)
{
    if (port == 0 || port >= evtchn_2l_ports(&emu.evtchn))
        return -XEN_EINVAL;
    struct emu_port p = emu.ports[port];
    switch (p.type) {
    case EMU_PORT_HOST:
        /* Which doorbell is read after the bit is set: the host writes it first and then clears the bit. */
        if (!evtchn_2l_set_bit(emu.host_pending, port))
            host_ring_doorbell(__atomic_load_n(&emu.ports[port].target, __ATOMIC_SEQ_CST));
        return 0;
    case EMU_PORT_LOOP:
        evtchn_raise_port(p.target);
        return 0;
    case EMU_PORT_IPI:
        evtchn_raise_port(port);
        return 0;
    case EMU_PORT_UNBOUND:
        return 0;
    default:
        return -XEN_EINVAL;
    }
}

static int64_t evtchn_unmask(uint32_t port)
{
    if (port == 0 || port >= evtchn_2l_ports(&emu.evtchn) || emu.ports[port].type == EMU_PORT_FREE ||
        emu.ports[port].vcpu >= emu.nr_vcpus)
        return -XEN_EINVAL;
    struct vcpu *target = vcpu_by_id(emu.ports[port].vcpu);
    if (emu.evtchn_ops->unmask(target, port) && target != this_vcpu())
        vcpu_kick(target->id);
    return 0;
}

static size_t arg_size(unsigned cmd)
{
    switch (cmd) {
    case EVTCHNOP_bind_interdomain:
        return sizeof(struct evtchn_bind_interdomain);
    case EVTCHNOP_bind_virq:
        return sizeof(struct evtchn_bind_virq);
    case EVTCHNOP_bind_pirq:
        return sizeof(struct evtchn_bind_pirq);
    case EVTCHNOP_close:
        return sizeof(struct evtchn_close);
    case EVTCHNOP_status:
        return sizeof(struct evtchn_status);
    case EVTCHNOP_alloc_unbound:
        return sizeof(struct evtchn_alloc_unbound);
    case EVTCHNOP_bind_ipi:
        return sizeof(struct evtchn_bind_ipi);
    case EVTCHNOP_bind_vcpu:
        return sizeof(struct evtchn_bind_vcpu);
    case EVTCHNOP_reset:
        return sizeof(struct evtchn_reset);
    case EVTCHNOP_init_control:
        return sizeof(struct evtchn_init_control);
    case EVTCHNOP_expand_array:
        return sizeof(struct evtchn_expand_array);
    case EVTCHNOP_set_priority:
        return sizeof(struct evtchn_set_priority);
    default:
        return 0;
    }
}

/* emu's own note of where a vCPU's VIRQs go. */
static void note_virqs(unsigned cmd, const void *arg)
{
    if (cmd == EVTCHNOP_bind_virq) {
        const struct evtchn_bind_virq *b = arg;
        if (b->vcpu < emu.nr_vcpus && b->virq < 24)
            vcpu_by_id(b->vcpu)->virq_port[b->virq] = (uint16_t)b->port;
        return;
    }
    for (unsigned i = 0; i < emu.nr_vcpus; i++) {
        struct vcpu *v = vcpu_by_id(i);
        for (unsigned n = 0; n < 24; n++) {
            uint16_t port = v->virq_port[n];
            if (port && emu.ports[port].type != EMU_PORT_VIRQ)
                v->virq_port[n] = 0;
        }
    }
}

/* After the host did it. */
static void note_end(unsigned cmd, const void *arg)
{
    if (cmd == EVTCHNOP_close) {
        emu.evtchn_ops->closed(((const struct evtchn_close *)arg)->port);
    } else if (cmd == EVTCHNOP_reset) {
        __atomic_store_n(&emu.evtchn_ops, &evtchn_2l_ops, __ATOMIC_SEQ_CST);
        evtchn_fifo_off();
    }
}

static int64_t run_op(struct vcpu *v, unsigned cmd, void *arg, size_t size)
{
    switch (cmd) {
    case EVTCHNOP_init_control:
        return evtchn_fifo_init_control(v, arg);
    case EVTCHNOP_expand_array:
        return evtchn_fifo_expand_array(arg);
    case EVTCHNOP_set_priority:
        return evtchn_fifo_set_priority(arg);
    default:
        return hostcall(v, EMU_HOSTCALL_EVTCHN, cmd, arg, size);
    }
}

static int64_t evtchn_op(struct vcpu *v, unsigned cmd, uint64_t at)
{
    uint8_t arg[64];
    uint32_t port;
    size_t size;
    int64_t rc;

    if (cmd == EVTCHNOP_send || cmd == EVTCHNOP_unmask) {
        if (copy_from_guest(&port, at, sizeof(port)))
            return -XEN_EFAULT;
        return cmd == EVTCHNOP_send ? evtchn_send(port) : evtchn_unmask(port);
    }
    size = arg_size(cmd);
    if (!size)
        return -XEN_ENOSYS;
    if (copy_from_guest(arg, at, size))
        return -XEN_EFAULT;
    rc = run_op(v, cmd, arg, size);
    if (rc < 0)
        return rc;
    note_end(cmd, arg);
    if (cmd == EVTCHNOP_bind_virq || cmd == EVTCHNOP_close || cmd == EVTCHNOP_reset)
        note_virqs(cmd, arg);
    return copy_to_guest(at, arg, size) ? -XEN_EFAULT : rc;
}

HYPERCALL(do_event_channel_op)
{
    return evtchn_op(v, (unsigned)a[0], a[1]);
}

/* The old call: one struct of command and union. */
HYPERCALL(do_event_channel_op_compat)
{
    uint32_t cmd;

    if (copy_from_guest(&cmd, a[0], sizeof(cmd)))
        return -XEN_EFAULT;
    return evtchn_op(v, cmd, a[0] + offsetof(struct evtchn_op, u));
}
