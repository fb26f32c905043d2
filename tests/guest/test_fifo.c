/* The FIFO form of event channels: control block, words, queues, priorities, and the way back. */
#include "event.h"
#include "mem.h"

#define PENDING 0x80000000u
#define MASKED  0x40000000u
#define LINKED  0x20000000u
#define LINK    0x0001ffffu
#define DEFAULT EVTCHN_FIFO_PRIORITY_DEFAULT

static volatile uint32_t *words;
static volatile struct evtchn_fifo_control_block *control;
static uint32_t heads[EVTCHN_FIFO_MAX_QUEUES]; /* where we are in each queue */

static long init_control(unsigned long mfn, unsigned offset, unsigned vcpu, unsigned *link_bits)
{
    struct evtchn_init_control op = {.control_gfn = mfn, .offset = offset, .vcpu = vcpu};
    long rc = evtchn(EVTCHNOP_init_control, &op);

    *link_bits = op.link_bits;
    return rc;
}

/* A new word is masked, as Linux has it: the console's port must not come into our queues. */
static unsigned open_ipi(void)
{
    unsigned port = port_ipi(0);

    words[port] = 0;
    return port;
}

static long expand(unsigned long mfn)
{
    struct evtchn_expand_array op = {.array_gfn = mfn};

    return evtchn(EVTCHNOP_expand_array, &op);
}

static long set_priority(unsigned port, unsigned priority)
{
    struct evtchn_set_priority op = {.port = port, .priority = priority};

    return evtchn(EVTCHNOP_set_priority, &op);
}

/* The next port of a queue, or 0: it is unlinked, and what it says is left in the word. */
static unsigned take(unsigned queue)
{
    if (!heads[queue]) {
        if (!(__atomic_fetch_and(&control->ready, ~(1u << queue), __ATOMIC_SEQ_CST) & 1u << queue))
            return 0;
        heads[queue] = control->head[queue];
    }
    unsigned port = heads[queue];
    uint32_t old = __atomic_fetch_and(&words[port], ~(LINKED | LINK), __ATOMIC_SEQ_CST);
    heads[queue] = old & LINK;
    return port;
}

/* The same for a port that should be the next, pending; clears that. */
static void expect_next(unsigned queue, unsigned port, const char *name)
{
    is(take(queue), port, name);
    ok(words[port] & PENDING, "it is pending");
    __atomic_fetch_and(&words[port], ~PENDING, __ATOMIC_SEQ_CST);
}

static void set_up(void)
{
    void *control_page = page_alloc(), *array = page_alloc();
    unsigned long cmfn = mfn_of(control_page), bits;
    unsigned link_bits, early = port_ipi(0);

    is(expand(mfn_of(array)), -XEN_EOPNOTSUPP, "expand_array in the 2-level form");
    is(set_priority(early, 1), -XEN_ENOSYS, "set_priority in the 2-level form");
    is(init_control(cmfn, 0, 99, &link_bits), -XEN_ENOENT, "init_control: no such vCPU");
    is(init_control(cmfn, 4, 0, &link_bits), -XEN_EINVAL, "init_control: not aligned");
    is(init_control(cmfn, 4096 - 64, 0, &link_bits), -XEN_EINVAL, "init_control: over the page's end");
    is(init_control(~0ul >> 13, 0, 0, &link_bits), -XEN_EINVAL, "init_control: no such frame");
    is(init_control(cmfn, 64, 0, &link_bits), 0, "init_control");
    is(link_bits, EVTCHN_FIFO_LINK_BITS, "init_control: link_bits");
    is(init_control(cmfn, 64, 0, &link_bits), -XEN_EINVAL, "init_control twice");
    control = (void *)((uint8_t *)control_page + 64);
    words = array;
    for (unsigned i = 0; i < 1024; i++)
        words[i] = i == early ? 0 : MASKED;
    vcpu_info()->evtchn_upcall_pending = 0;
    is(port_send(early), 0, "send without a word");
    is(control->ready, 0, "nothing is ready");
    is(expand(~0ul >> 13), -XEN_EINVAL, "expand_array: no such frame");
    is(expand(mfn_of(array)), 0, "expand_array");
    bits = control->ready;
    is(bits, 1u << DEFAULT, "the early port is in its queue now");
    is(vcpu_info()->evtchn_upcall_pending, 1, "and the vCPU is marked");
    expect_next(DEFAULT, early, "the early port");
    is(take(DEFAULT), 0, "and no other");
    port_close(early);
}

static void queues(void)
{
    unsigned a = open_ipi(), b = open_ipi(), c = open_ipi();

    vcpu_info()->evtchn_upcall_pending = 0;
    port_send(b);
    is(vcpu_info()->evtchn_upcall_pending, 1, "the first marks the vCPU");
    port_send(c);
    port_send(b);
    port_send(a);
    is(words[a], PENDING | LINKED, "the last one's word");
    is(words[b], PENDING | LINKED | c, "the first one's word");
    expect_next(DEFAULT, b, "in the order of sending: b");
    expect_next(DEFAULT, c, "c");
    port_send(b);
    expect_next(DEFAULT, a, "a");
    expect_next(DEFAULT, b, "b again, sent meanwhile");
    is(take(DEFAULT), 0, "no more");

    words[a] = MASKED;
    port_send(a);
    is(words[a], PENDING | MASKED, "masked: pending, in no queue");
    is(port_unmask(a), 0, "unmask");
    is(words[a], PENDING | LINKED, "in its queue");
    expect_next(DEFAULT, a, "and found there");

    port_send(c);
    is(port_close(c), 0, "close a port that is in a queue");
    ok(!(words[c] & PENDING), "it is no more pending");
    is(take(DEFAULT), c, "but still there");
    port_close(a);
    port_close(b);
}

static void priorities(void)
{
    unsigned a = open_ipi(), b = open_ipi();

    is(set_priority(a, 16), -XEN_EINVAL, "set_priority: 16");
    is(set_priority(0, 1), -XEN_EACCES, "set_priority: port 0");
    is(set_priority(4000, 1), -XEN_EINVAL, "set_priority: a free port");
    port_send(a);
    expect_next(DEFAULT, a, "default priority");
    /* a was its queue's tail; now it goes to another one, and b must not end up behind it. */
    is(set_priority(a, 3), 0, "set_priority");
    port_send(a);
    port_send(b);
    is(control->ready, 1u << 3 | 1u << DEFAULT, "two queues are ready");
    expect_next(3, a, "the higher priority's");
    expect_next(DEFAULT, b, "the default's");
    is(take(3), 0, "the one is empty");
    is(take(DEFAULT), 0, "the other too");
    port_close(a);
    a = open_ipi();
    port_send(a);
    expect_next(DEFAULT, a, "a new port has the default again");
    port_close(a);
    port_close(b);
}

/* A masked port is what one polls for. */
static void polling(void)
{
    unsigned port = port_virq(VIRQ_TIMER, 0);
    evtchn_port_t list[1] = {port};
    struct sched_poll poll = {.nr_ports = 1, .timeout = now() + 30 * S};

    set_xen_guest_handle(poll.ports, list);
    words[port] = MASKED;
    set_timer(now() + MS);
    is(hypercall(sched_op, SCHEDOP_poll, &poll), 0, "poll for the timer");
    ok(words[port] & PENDING, "it came");
    ok(now() < poll.timeout, "in time");
    port_close(port);
}

static void way_back(void)
{
    struct evtchn_reset reset = {.dom = DOMID_SELF};

    is(evtchn(EVTCHNOP_reset, &reset), 0, "reset");
    unsigned port = port_ipi(0);
    events_on();
    port_send(port);
    is(port_count[port], 1, "the 2-level form again");
    events_off();
    is(expand(mfn_of((void *)words)), -XEN_EOPNOTSUPP, "and no array");
    port_close(port);
}

void test_fifo(void)
{
    events_off();
    set_up();
    queues();
    priorities();
    polling();
    if (!real_xen) /* the console's port would be closed */
        way_back();
}
