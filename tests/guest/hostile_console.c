/* run=hostile_console: the console's ring with indices from nowhere; it is what we report on. */
#include "hostile.h"
#include "event.h"
#include "mem.h"

#include <xen/io/console.h>

static void scribble(volatile XENCONS_RING_IDX *index, XENCONS_RING_IDX value)
{
    struct evtchn_send send = {start_info->console.domU.evtchn};

    *index = value;
    for (unsigned i = 0; i < 10; i++) {
        evtchn(EVTCHNOP_send, &send);
        hypercall(sched_op, SCHEDOP_yield);
    }
}

void test_hostile_console(void)
{
    struct xencons_interface *ring = va_of_mfn(start_info->console.domU.mfn);
    static const uint32_t jumps[] = {2049, 100000, 0x7fffffff, 0xffffffff};

    for (unsigned i = 0; i < ARRAY_SIZE(jumps); i++) {
        console_flush();
        scribble(&ring->out_prod, ring->out_prod + jumps[i]);
        ok(wait_for(READ_ONCE(ring->out_cons) == ring->out_prod, 5 * S), "console: caught up");
    }
    console_flush();
    scribble(&ring->out_cons, ring->out_prod - 5000);
    ok(wait_for(READ_ONCE(ring->out_cons) == ring->out_prod, 5 * S), "console: caught up");
    scribble(&ring->in_cons, ring->in_prod + 5000);
    note("type"); /* what is typed now has no place to go */
    scribble(&ring->in_prod, 77);
    ok(wait_for(false, S / 10) == false, "console: alive");
    scribble(&ring->in_cons, ring->in_prod);
    ok(true, "console: works");
}
