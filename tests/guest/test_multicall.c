/* multicall: results one by one, errors, and calls that can't be in a list. */
#include "event.h"
#include "mem.h"

/* An entry of a page table as arguments. */
#ifdef __x86_64__
#define VA_ARGS(pte) pte
#else
#define VA_ARGS(pte) (uint32_t)(pte), (uint32_t)((pte) >> 32)
#endif

static void results(void)
{
    struct multicall_entry list[4] = {
        {.op = __HYPERVISOR_xen_version, .args = {XENVER_pagesize}},
        {.op = 63, .result = 77},
        {.op = __HYPERVISOR_memory_op, .args = {XENMEM_current_reservation, NOWHERE}},
        {.op = __HYPERVISOR_sched_op, .result = 77, .args = {SCHEDOP_yield}},
    };

    is(hypercall(multicall, list, 4), 0, "multicall");
    is(list[0].result, PAGE_SIZE, "the first result");
    is(list[1].result, -XEN_ENOSYS, "an unknown call");
    is(list[2].result, -XEN_EFAULT, "an error");
    is(list[3].result, 0, "the calls behind it are made");
    is(list[0].op, __HYPERVISOR_xen_version, "the rest is as it was");
    is(list[0].args[0], XENVER_pagesize, "the arguments too");
}

/* All six arguments arrive: two pages change places in one list. */
static void mappings(void)
{
    unsigned long *a = page_alloc(), *b = page_alloc();
    struct multicall_entry list[2] = {
        {.op = __HYPERVISOR_update_va_mapping,
         .args = {(unsigned long)a, VA_ARGS(maddr_of(b) | KERNEL_RW), UVMF_INVLPG}},
        {.op = __HYPERVISOR_update_va_mapping,
         .args = {(unsigned long)b, VA_ARGS(maddr_of(a) | KERNEL_RW), UVMF_INVLPG}},
    };

    a[0] = 1;
    b[0] = 2;
    is(hypercall(multicall, list, 2), 0, "two mappings");
    is(list[0].result | list[1].result, 0, "both done");
    is(a[0] << 4 | b[0], 0x21, "in effect");
    remap(a, KERNEL_RW);
    remap(b, KERNEL_RW);
}

static void nested(void)
{
    struct multicall_entry inner = {.op = __HYPERVISOR_xen_version, .args = {XENVER_version}};
    struct multicall_entry list[2] = {
        {.op = __HYPERVISOR_multicall, .args = {(unsigned long)&inner, 1}},
        {.op = __HYPERVISOR_xen_version, .args = {XENVER_version}},
    };

    is(hypercall(multicall, list, 2), 0, "a list in a list");
    is(list[0].result, -XEN_EINVAL, "is refused");
    is(inner.result, 0, "and not run");
    is(list[1].result >> 16, 4, "the rest is");
}

static void errors(void)
{
    uint8_t *pages = page_alloc();
    struct multicall_entry *list = (struct multicall_entry *)(pages + PAGE_SIZE) - 1;

    is(hypercall(multicall, NOWHERE, 1), -XEN_EFAULT, "bad pointer");
    is(hypercall(multicall, NOWHERE, 0), 0, "bad pointer, but nothing to do");
    *list = (struct multicall_entry){.op = __HYPERVISOR_xen_version, .args = {XENVER_pagesize}};
    uint8_t *next = page_alloc();
    if (next == pages + PAGE_SIZE) {
        update_va(next, 0, UVMF_INVLPG);
        is(hypercall(multicall, list, 2), -XEN_EFAULT, "a list that runs out of memory");
        is(list->result, PAGE_SIZE, "what was there is done");
        remap(next, KERNEL_RW);
    }
    remap(pages, KERNEL_RO);
    is(hypercall(multicall, list, 1), -XEN_EFAULT, "results that can't be written");
    remap(pages, KERNEL_RW);
}

static void events(void)
{
    unsigned port = port_ipi(0);
    struct evtchn_send send = {port};
    struct multicall_entry list[2] = {
        {.op = __HYPERVISOR_event_channel_op, .args = {EVTCHNOP_send, (unsigned long)&send}},
        {.op = __HYPERVISOR_xen_version, .args = {XENVER_version}},
    };

    events_on();
    is(hypercall(multicall, list, 2), 0, "an event in a list");
    is(port_count[port], 1, "is delivered after it");
    is(list[1].result >> 16, 4, "the list was done");
    events_off();
    port_close(port);
}

void test_multicall(void)
{
    results();
    mappings();
    nested();
    errors();
    events();
}
