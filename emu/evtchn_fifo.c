/*
 * The FIFO form of event channels (xen/event_channel.h): an event word a port, in pages of the guest, and
 * a control block a vCPU with the heads of 16 queues. Only emu puts ports into queues. The host leaves
 * bits (guest_pending) and kicks; so does whoever raises a port that has no word yet.
 *
 * A queue is a list through the words' link fields. The guest takes from its head without our lock:
 * LINKED says that a port is in some queue, and whoever finds the tail unlinked knows that the queue
 * is empty.
 */
#include "emu/emu.h"

#include <xen/event_channel.h>

#define PENDING (1u << EVTCHN_FIFO_PENDING)
#define MASKED  (1u << EVTCHN_FIFO_MASKED)
#define LINKED  (1u << EVTCHN_FIFO_LINKED)

#define WORDS (PAGE_SIZE / sizeof(uint32_t)) /* a page */

struct place {
    uint8_t vcpu, priority;
};

static struct {
    uint32_t lock;
    uint32_t *page[EMU_NR_PORTS / WORDS];
    uint32_t nr_ports; /* that have a word */
    struct evtchn_fifo_control_block *control[EMU_MAX_VCPUS];
    uint32_t tail[EMU_MAX_VCPUS][EVTCHN_FIFO_MAX_QUEUES];
    struct place queue[EMU_NR_PORTS]; /* where it was put the last time */
    uint8_t priority[EMU_NR_PORTS];
} fifo;

static uint32_t *word_of(uint32_t port)
{
    uint32_t n = __atomic_load_n(&fifo.nr_ports, __ATOMIC_ACQUIRE);

    return port < n ? &fifo.page[port / WORDS][port % WORDS] : NULL;
}

/* True unless the tail left the queue meanwhile: then there is no queue. */
static bool link_behind(uint32_t tail, uint32_t port)
{
    uint32_t *word = word_of(tail), old = __atomic_load_n(word, __ATOMIC_SEQ_CST);

    while (old & LINKED) {
        if (__atomic_compare_exchange_n(word, &old, (old & ~EVTCHN_FIFO_LINK_MASK) | port, false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            return true;
    }
    return false;
}

/* Under the lock. True when the vCPU has to learn of a queue that was empty. */
static bool enqueue(unsigned vcpu, uint32_t port, uint32_t *word)
{
    struct evtchn_fifo_control_block *control = fifo.control[vcpu];
    struct place *last = &fifo.queue[port];
    unsigned priority = fifo.priority[port];
    uint32_t *tail = &fifo.tail[vcpu][priority];

    if (!control || (__atomic_fetch_or(word, LINKED, __ATOMIC_SEQ_CST) & LINKED))
        return false;
    /* As a tail it is of the past, wherever that was: the mark just set must not be taken for an old one. */
    if (fifo.tail[last->vcpu][last->priority] == port)
        fifo.tail[last->vcpu][last->priority] = 0;
    *last = (struct place){(uint8_t)vcpu, (uint8_t)priority};
    bool linked = *tail && link_behind(*tail, port);
    *tail = port;
    if (linked)
        return false;
    __atomic_store_n(&control->head[priority], port, __ATOMIC_SEQ_CST);
    return !(__atomic_fetch_or(&control->ready, 1u << priority, __ATOMIC_SEQ_CST) &
             1u << priority);
}

/* What a raised port that is not masked needs. */
static bool queue_up(struct vcpu *target, uint32_t port, uint32_t *word)
{
    struct evtchn_2l_vcpu info = evtchn_2l_vcpu(target->vinfo, emu.pae32);

    spin_lock(&fifo.lock);
    bool ready = enqueue(target->id, port, word);
    spin_unlock(&fifo.lock);
    return ready && evtchn_2l_mark_vcpu(&info);
}

static bool fifo_raise(struct vcpu *target, unsigned port)
{
    uint32_t *word = word_of(port);

    if (!word) {
        evtchn_2l_set_bit(emu.guest_pending, port); /* until there is one */
        return false;
    }
    uint32_t old = __atomic_fetch_or(word, PENDING, __ATOMIC_SEQ_CST);
    return !(old & (MASKED | LINKED)) && queue_up(target, port, word);
}

static bool fifo_unmask(struct vcpu *target, unsigned port)
{
    uint32_t *word = word_of(port);

    if (!word)
        return false;
    uint32_t old = __atomic_fetch_and(word, ~MASKED, __ATOMIC_SEQ_CST);
    return (old & PENDING) && queue_up(target, port, word);
}

static bool fifo_is_pending(unsigned port)
{
    uint32_t *word = word_of(port);

    return word && (__atomic_load_n(word, __ATOMIC_SEQ_CST) & PENDING);
}

static void fifo_closed(unsigned port)
{
    uint32_t *word = word_of(port);

    fifo.priority[port] = EVTCHN_FIFO_PRIORITY_DEFAULT;
    if (word)
        __atomic_fetch_and(word, ~PENDING, __ATOMIC_SEQ_CST);
}

const struct evtchn_ops evtchn_fifo_ops = {fifo_raise, fifo_unmask, fifo_is_pending, fifo_closed};

static bool is_on(void)
{
    return __atomic_load_n(&emu.evtchn_ops, __ATOMIC_SEQ_CST) == &evtchn_fifo_ops;
}

/* Ports that were raised by the host, or too early. */
void evtchn_fifo_take_pending(void)
{
    uint32_t words = __atomic_load_n(&fifo.nr_ports, __ATOMIC_ACQUIRE) / 32;

    for (uint32_t i = 0; is_on() && i < words; i++) {
        if (!__atomic_load_n(&emu.guest_pending[i], __ATOMIC_SEQ_CST))
            continue;
        uint32_t bits = __atomic_exchange_n(&emu.guest_pending[i], 0, __ATOMIC_SEQ_CST);
        for (; bits; bits &= bits - 1)
            evtchn_raise_port(i * 32 + (unsigned)__builtin_ctz(bits));
    }
}

/* The first control block: from now on this form is used. What is pending in the other one comes along. */
static int64_t switch_on(struct vcpu *v, struct evtchn_init_control *op)
{
    int64_t rc = hostcall(v, EMU_HOSTCALL_EVTCHN, EVTCHNOP_init_control, op, sizeof(*op));

    if (rc < 0)
        return rc;
    memset(fifo.priority, EVTCHN_FIFO_PRIORITY_DEFAULT, sizeof(fifo.priority));
    __atomic_store_n(&emu.evtchn_ops, &evtchn_fifo_ops, __ATOMIC_SEQ_CST);
    for (unsigned port = 1; port < evtchn_2l_ports(&emu.evtchn); port++) {
        if (evtchn_2l_clear_bit(emu.evtchn.pending, port))
            evtchn_2l_set_bit(emu.guest_pending, port);
    }
    return 0;
}

int64_t evtchn_fifo_init_control(struct vcpu *v, struct evtchn_init_control *op)
{
    if (op->vcpu >= emu.nr_vcpus)
        return -XEN_ENOENT;
    if (op->offset > PAGE_SIZE - sizeof(struct evtchn_fifo_control_block) || op->offset % 8 ||
        !is_guest_frame(op->control_gfn) || fifo.control[op->vcpu])
        return -XEN_EINVAL;
    struct evtchn_init_control copy = *op;
    int64_t rc = is_on() ? 0 : switch_on(v, &copy);
    if (rc < 0)
        return rc;
    spin_lock(&fifo.lock);
    fifo.control[op->vcpu] = direct((op->control_gfn << PAGE_SHIFT) + op->offset);
    spin_unlock(&fifo.lock);
    op->link_bits = EVTCHN_FIFO_LINK_BITS;
    return 0;
}

int64_t evtchn_fifo_expand_array(const struct evtchn_expand_array *op)
{
    int64_t rc = 0;

    if (!is_on())
        return -XEN_EOPNOTSUPP;
    if (!is_guest_frame(op->array_gfn))
        return -XEN_EINVAL;
    spin_lock(&fifo.lock);
    uint32_t n = fifo.nr_ports / WORDS;
    if (n < EMU_NR_PORTS / WORDS) {
        fifo.page[n] = direct(op->array_gfn << PAGE_SHIFT);
        __atomic_store_n(&fifo.nr_ports, fifo.nr_ports + WORDS, __ATOMIC_RELEASE);
    } else {
        rc = -XEN_ENOSPC;
    }
    spin_unlock(&fifo.lock);
    evtchn_fifo_take_pending();
    return rc;
}

int64_t evtchn_fifo_set_priority(const struct evtchn_set_priority *op)
{
    if (!is_on())
        return -XEN_ENOSYS; /* unlike expand_array; as Xen answers */
    if (op->port == 0)
        return -XEN_EACCES; /* Xen has it reserved */
    if (op->port >= EMU_NR_PORTS || emu.ports[op->port].type == EMU_PORT_FREE ||
        op->priority > EVTCHN_FIFO_PRIORITY_MIN)
        return -XEN_EINVAL;
    fifo.priority[op->port] = (uint8_t)op->priority;
    return 0;
}

/* EVTCHNOP_reset: a guest that starts anew finds the 2-level form. */
void evtchn_fifo_off(void)
{
    spin_lock(&fifo.lock);
    fifo.nr_ports = 0;
    memset(fifo.control, 0, sizeof(fifo.control));
    memset(fifo.tail, 0, sizeof(fifo.tail));
    memset(fifo.queue, 0, sizeof(fifo.queue));
    spin_unlock(&fifo.lock);
}
