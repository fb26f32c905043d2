/* The PV console's ring (xen/io/console.h), output only, and printf onto it. */
#include "guest.h"

#include <xen/io/console.h>

static struct xencons_interface *ring;
static uint32_t lock;

/* The ring's page lies in the region that the builder mapped; only its machine frame is told. */
void console_init(void)
{
    const unsigned long *p2m = (const unsigned long *)start_info->mfn_list;

    for (unsigned long pfn = 0; pfn < start_info->nr_pages; pfn++) {
        if (p2m[pfn] == start_info->console.domU.mfn) {
            ring = (struct xencons_interface *)(VIRT_BASE + pfn * PAGE_SIZE);
            return;
        }
    }
    shut_down(SHUTDOWN_crash); /* there is nobody to tell */
}

static void notify(void)
{
    struct evtchn_send send = {start_info->console.domU.evtchn};

    hypercall(event_channel_op, EVTCHNOP_send, &send);
}

static void put(char c)
{
    while (ring->out_prod - READ_ONCE(ring->out_cons) >= sizeof(ring->out)) {
        notify();
        hypercall(sched_op, SCHEDOP_yield);
    }
    smp_mb();
    ring->out[MASK_XENCONS_IDX(ring->out_prod, ring->out)] = c;
    barrier();
    ring->out_prod++;
}

void print(const char *fmt, ...)
{
    char buf[512];
    __builtin_va_list ap;

    __builtin_va_start(ap, fmt);
    unsigned n = vformat(buf, sizeof(buf), fmt, ap);
    __builtin_va_end(ap);
    while (__atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE))
        pause();
    for (unsigned i = 0; i < n; i++)
        put(buf[i]);
    __atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
    notify();
}

/* Returns when the host has read all. */
void console_flush(void)
{
    while (READ_ONCE(ring->out_cons) != ring->out_prod) {
        notify();
        hypercall(sched_op, SCHEDOP_yield);
    }
}
