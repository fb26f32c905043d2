/*
 * run=held: what the host holds back while the vCPU is busy (struct emu_vcpu_shared) comes when it
 * sleeps, and within a time when it doesn't. With a disk, xvda, whose backend (ring_pace.h) holds
 * back 500 us at most. A host that is busy itself makes single rounds slow, so some of many must
 * have been quick.
 */
#include "blk_front.h"

enum { SEVERAL = 8, ROUNDS = 200, ENOUGH = 20 };

#define LIMIT   (500 * 1000ull) /* ns: the backend's */
#define QUICK   (LIMIT - 100 * 1000)
#define PENDING 0x80000000u
#define MASKED  0x40000000u

static struct blk_front disk;
static volatile uint32_t *words; /* of all event channels: the FIFO form */

/* All ports masked: they become pending, and no queue is to be kept. */
static void fifo_form(void)
{
    uint32_t *array = page_alloc();
    struct evtchn_init_control init = {.control_gfn = mfn_of(page_alloc())};
    struct evtchn_expand_array expand = {.array_gfn = mfn_of(array)};

    for (unsigned i = 0; i < PAGE_SIZE / sizeof(*array); i++)
        array[i] = MASKED;
    if (evtchn(EVTCHNOP_init_control, &init) || evtchn(EVTCHNOP_expand_array, &expand))
        bail_out("no FIFO form of events");
    words = array;
}

static bool pending(void)
{
    return words[disk.front.port] & PENDING;
}

static unsigned answers(void)
{
    return READ_ONCE(disk.ring.sring->rsp_prod) - disk.ring.rsp_cons;
}

/* n reads; the host is told only when it asked for that. True: it had. */
static bool ask(unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        blk_front_add(&disk, BLKIF_OP_READ, 0);
    return blk_front_push(&disk);
}

static void spin(uint64_t ns)
{
    uint64_t end = now() + ns;

    while (now() < end)
        pause();
}

/* Takes all answers, and asks for the event of the one that is `ahead` of them. */
static void take(unsigned n, unsigned ahead)
{
    if (!wait_for(answers() >= n, 10 * S))
        bail_out("the disk does not answer");
    disk.ring.rsp_cons += n;
    disk.ring.sring->rsp_event = disk.ring.rsp_cons + ahead;
    smp_mb();
}

/* Nothing is on its way any more. */
static void settle(void)
{
    spin(3 * LIMIT);
    words[disk.front.port] = MASKED;
}

/* Several answers at one event: from the next event on the host may hold back. */
static void be_deep(void)
{
    ask(SEVERAL);
    take(SEVERAL, 1);
    settle();
}

/* Until the port is pending, by hypercall. */
static void sleep(void)
{
    evtchn_port_t list = disk.front.port;
    struct sched_poll op = {.nr_ports = 1, .timeout = now() + S};

    op.ports.p = &list;
    hypercall(sched_op, SCHEDOP_poll, &op);
}

/* A single request's answer is there, seen at *ret_since, and its event is held back. */
static bool hold_one(uint64_t *ret_since)
{
    be_deep();
    ask(1);
    if (!wait_for(answers() == 1, S))
        bail_out("the disk does not answer");
    *ret_since = now();
    spin(LIMIT / 10);
    return !pending();
}

static void comes_with_sleep(void)
{
    unsigned quick = 0, held = 0, came = 0;
    uint64_t since;

    for (unsigned i = 0; i < ROUNDS && quick < ENOUGH; i++) {
        bool was_held = hold_one(&since);
        held += was_held;
        sleep();
        came += pending();
        quick += was_held && pending() && now() - since < QUICK;
        take(1, 1);
    }
    ok(held, "an event is held back while the vCPU is busy");
    is(came > 0 && came >= held, 1, "it comes when the vCPU sleeps");
    is(quick, ENOUGH, "and that soon, not at the limit");
}

static void comes_in_time(void)
{
    unsigned held = 0, came = 0, quick = 0;
    uint64_t since;

    for (unsigned i = 0; i < ROUNDS && quick < ENOUGH; i++) {
        bool was_held = hold_one(&since);
        held += was_held;
        if (!wait_for(pending(), 5 * S))
            break;
        came += was_held;
        quick += was_held && now() - since < 10 * LIMIT;
        take(1, 1);
    }
    is(came, held, "a vCPU that never sleeps gets what was held back");
    is(quick, ENOUGH, "and that in time");
}

/*
 * The other direction. After several the host asks for a quarter of the ring, and the time that it
 * waits for that begins before the guest can see it in req_event: an answer before that time's end
 * is the sleep's doing.
 */
static void rings_with_sleep(void)
{
    unsigned quick = 0, unasked = 0;

    for (unsigned i = 0; i < ROUNDS && quick < ENOUGH; i++) {
        be_deep();
        ask(1);
        settle();
        take(1, 2);
        uint32_t before = READ_ONCE(disk.ring.sring->req_event);
        ask(1);
        if (!wait_for(READ_ONCE(disk.ring.sring->req_event) != before, 10 * S))
            bail_out("the disk does not take a request");
        uint64_t since = now();
        bool notified = ask(1);
        spin(LIMIT / 10);
        bool waits = !notified && answers() < 2;
        unasked += waits;
        sleep();
        quick += waits && answers() == 2 && now() - since < QUICK;
        take(2, 1);
    }
    ok(unasked, "the host does not ask for each request");
    is(quick, ENOUGH, "it looks when the vCPU sleeps");
}

void test_held(void)
{
    events_off();
    xs_init();
    blk_front_connect(&disk, 0);
    take(0, 1);
    fifo_form();
    comes_with_sleep();
    comes_in_time();
    rings_with_sleep();
}
