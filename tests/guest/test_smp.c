/* vcpu_op: bringing vCPUs up and down; IPIs, NMIs, flushes of other vCPUs' TLBs. Needs vcpus=N. */
#include "mem.h"
#include "smp.h"

static long is_up(unsigned id)
{
    return hypercall(vcpu_op, VCPUOP_is_up, id);
}

static long info_of(unsigned id, struct vcpu_runstate_info *r)
{
    return hypercall(vcpu_op, VCPUOP_get_runstate_info, id, r);
}

static void boot_states(void)
{
    static struct vcpu_guest_context c;
    struct vcpu_runstate_info r;

    is(is_up(0), 1, "vCPU 0 is up");
    is(is_up(nr_cpus), -XEN_ENOENT, "there is no vCPU %u", nr_cpus);
    cpu_context(&c, 0);
    is(hypercall(vcpu_op, VCPUOP_initialise, 0, &c), -XEN_EEXIST, "initialise vCPU 0");
    for (unsigned id = 1; id < nr_cpus; id++) {
        is(is_up(id), 0, "vCPU %u is down at first", id);
        is(hypercall(vcpu_op, VCPUOP_up, id), -XEN_EINVAL, "up before initialise");
        is(info_of(id, &r), 0, "get_runstate_info of it");
        is(r.state, RUNSTATE_offline, "its state");
    }
}

static void bad_contexts(void)
{
    static struct vcpu_guest_context c;

    is(hypercall(vcpu_op, VCPUOP_initialise, 1, NOWHERE), -XEN_EFAULT, "initialise, bad pointer");
    cpu_context(&c, 1);
    c.ctrlreg[3] = xen_pfn_to_cr3(NO_FRAME);
    is(hypercall(vcpu_op, VCPUOP_initialise, 1, &c), -XEN_EINVAL, "initialise, CR3 is no frame");
    cpu_context(&c, 1);
    c.gdt_ents = 8192;
    is(hypercall(vcpu_op, VCPUOP_initialise, 1, &c), -XEN_EINVAL, "initialise, GDT too large");
    cpu_context(&c, 1);
    c.gdt_ents = 1;
    c.gdt_frames[0] = NO_FRAME;
    is(hypercall(vcpu_op, VCPUOP_initialise, 1, &c), -XEN_EINVAL, "initialise, GDT is no frame");
    is(hypercall(vcpu_op, VCPUOP_up, 1), -XEN_EINVAL, "not initialised by any of them");
}

static volatile unsigned ran[MAX_CPUS], ran_on[MAX_CPUS];

static void count_run(unsigned id)
{
    ran[id]++;
    ran_on[id] = this_cpu();
}

static void bring_up(void)
{
    struct vcpu_runstate_info r;

    for (unsigned id = 1; id < nr_cpus; id++) {
        ok(cpu_start(id), "vCPU %u starts", id);
        is(cpu_initialise(id), -XEN_EEXIST, "initialise again");
        is(is_up(id), 1, "vCPU %u is up", id);
        cpu_call(id, count_run);
        ok(cpu_wait(id), "vCPU %u works", id);
        is(ran_on[id], id, "on a stack of its own");
        is(info_of(id, &r), 0, "get_runstate_info");
        ok(r.state != RUNSTATE_offline, "its state");
    }
}

static unsigned ipi_port[MAX_CPUS];
static volatile bool stop;

static void take_events(unsigned id)
{
    events_on();
    while (!stop)
        pause();
    events_off();
}

static void block_for_events(unsigned id)
{
    while (!stop)
        block();
}

static void send_from_here(unsigned id)
{
    for (unsigned i = 0; i < nr_cpus; i++)
        port_send(ipi_port[i]);
}

/* To vCPUs that run, then to ones that sleep. */
static void ipis(void (*receive)(unsigned), const char *how)
{
    stop = false;
    for (unsigned id = 1; id < nr_cpus; id++)
        cpu_call(id, receive);
    for (unsigned id = 1; id < nr_cpus; id++) {
        port_count[ipi_port[id]] = 0;
        for (unsigned n = 1; n <= 100; n++) {
            port_send(ipi_port[id]);
            if (!wait_for(port_count[ipi_port[id]] == n, 5 * S))
                break;
        }
        is(port_count[ipi_port[id]], 100, "IPIs to vCPU %u, which %s", id, how);
    }
    stop = true;
    for (unsigned id = 1; id < nr_cpus; id++) {
        port_send(ipi_port[id]);
        ok(cpu_wait(id), "vCPU %u ends", id);
    }
}

static void ipis_here(void)
{
    for (unsigned id = 1; id < nr_cpus; id++) {
        port_count[ipi_port[0]] = 0;
        events_on();
        cpu_call(id, send_from_here);
        ok(wait_for(port_count[ipi_port[0]] == 1, 5 * S), "an IPI from vCPU %u", id);
        cpu_wait(id);
        events_off();
    }
}

static void all_ipis(void)
{
    for (unsigned id = 0; id < nr_cpus; id++) {
        ipi_port[id] = port_ipi(id);
        ok(ipi_port[id], "a port for vCPU %u", id);
    }
    ipis(take_events, "runs");
    ipis(block_for_events, "is blocked");
    ipis_here();
    for (unsigned id = 0; id < nr_cpus; id++)
        port_close(ipi_port[id]);
}

/* vCPU 1 reads the page all the time; after the flush it must never see the old frame again. */
static uint64_t *volatile watched;
static volatile uint64_t seen_value;
static volatile unsigned rounds;

static void watch(unsigned id)
{
    while (!stop) {
        seen_value = READ_ONCE(*watched);
        smp_mb();
        rounds++;
    }
}

static void next_rounds(void)
{
    unsigned r = rounds;

    wait_for(rounds - r >= 3, 5 * S);
}

static void flush_multi(unsigned cmd, const char *name)
{
    uint64_t *page = page_alloc(), *other = page_alloc(), mask = 1ul << 1;
    unsigned old = 0;

    page[0] = 1;
    other[0] = 2;
    watched = page;
    stop = false;
    cpu_call(1, watch);
    next_rounds();
    is(seen_value, 1, "%s: the first frame", name);
    for (unsigned i = 0; i < 50; i++) {
        const uint64_t *frame = i & 1 ? page : other;
        update_va(page, maddr_of(frame) | KERNEL_RW, 0);
        mmuext(cmd, (unsigned long)page, (unsigned long)&mask);
        next_rounds();
        old += seen_value != (i & 1 ? 1 : 2);
    }
    is(old, 0, "%s: never an old frame", name);
    stop = true;
    cpu_wait(1);
}

static void flushes(void)
{
    flush_multi(MMUEXT_INVLPG_MULTI, "INVLPG_MULTI");
    flush_multi(MMUEXT_TLB_FLUSH_MULTI, "TLB_FLUSH_MULTI");
    flush_multi(MMUEXT_INVLPG_ALL, "INVLPG_ALL");
    flush_multi(MMUEXT_TLB_FLUSH_ALL, "TLB_FLUSH_ALL");
    is(mmuext(MMUEXT_TLB_FLUSH_MULTI, 0, NOWHERE), -XEN_EINVAL, "TLB_FLUSH_MULTI, bad pointer");
}

/* All vCPUs flush all others at once: nobody waits for ever. */
static void flush_storm(unsigned id)
{
    for (unsigned i = 0; i < 200; i++)
        mmuext(i & 1 ? MMUEXT_TLB_FLUSH_ALL : MMUEXT_INVLPG_ALL, (unsigned long)watched, 0);
}

static void storm(void)
{
    for (unsigned id = 1; id < nr_cpus; id++)
        cpu_call(id, flush_storm);
    flush_storm(0);
    for (unsigned id = 1; id < nr_cpus; id++)
        ok(cpu_wait(id), "flushing each other: vCPU %u", id);
}

static void go_down(unsigned id)
{
    hypercall(vcpu_op, VCPUOP_down, id);
    ran[id] = 1000;
}

static void down(void)
{
    struct vcpu_runstate_info r = {0};

    cpu_call(1, go_down);
    ok(wait_for(is_up(1) == 0, 5 * S), "vCPU 1 takes itself down");
    ok(wait_for(info_of(1, &r) == 0 && r.state == RUNSTATE_offline, 5 * S), "its state");
    ok(ran[1] != 1000, "and stays there");
    is(hypercall(vcpu_op, VCPUOP_up, 1), 0, "up again");
    ok(cpu_wait(1), "it goes on where it was");
    is(ran[1], 1000, "behind its call");
    unsigned last = nr_cpus - 1;
    is(hypercall(vcpu_op, VCPUOP_down, last), 0, "down from another vCPU");
    is(is_up(last), 0, "is down");
    ran[last] = 0;
    cpu_call(last, count_run);
    is(hypercall(vcpu_op, VCPUOP_up, last), 0, "and up");
    ok(cpu_wait(last), "and works");
    is(hypercall(vcpu_op, VCPUOP_up, last), 0, "up when it is up");
}

static volatile unsigned nmis;

static void count_nmi(struct regs *regs)
{
    nmis++;
}

static void nmi_here(unsigned id)
{
    struct callback_register reg = {.type = CALLBACKTYPE_nmi};

    callback_address(&reg, stub(2));
    ran[id] = hypercall(callback_op, CALLBACKOP_register, &reg) == 0;
    stop = false;
    while (!stop)
        pause();
}

static void nmi(void)
{
    stop = true;
    nmi_hook = count_nmi;
    nmis = 0;
    cpu_call(1, nmi_here);
    ok(wait_for(!stop, 5 * S), "vCPU 1 has a handler");
    is(ran[1], 1, "callback_op of the NMI");
    for (unsigned n = 1; n <= 5; n++) {
        is(hypercall(vcpu_op, VCPUOP_send_nmi, 1), 0, "send_nmi");
        ok(wait_for(nmis == n, 5 * S), "NMI %u, though events are held back", n);
    }
    is(hypercall(vcpu_op, VCPUOP_send_nmi, 1, 8), -XEN_EINVAL, "send_nmi with an argument");
    stop = true;
    ok(cpu_wait(1), "vCPU 1 goes on");
}

static void timers(void)
{
    struct vcpu_set_singleshot_timer single = {.timeout_abs_ns = now() + MS};
    struct vcpu_set_periodic_timer period = {.period_ns = 2 * MS};
    unsigned port = port_virq(VIRQ_TIMER, 1);

    ok(port, "a port for vCPU 1's timer");
    is(hypercall(vcpu_op, VCPUOP_set_singleshot_timer, 1, &single), -XEN_EINVAL,
       "set_singleshot_timer of another vCPU");
    is(hypercall(vcpu_op, VCPUOP_stop_singleshot_timer, 1), -XEN_EINVAL,
       "stop_singleshot_timer of another vCPU");
    stop = false;
    cpu_call(1, take_events);
    is(hypercall(vcpu_op, VCPUOP_set_periodic_timer, 1, &period), 0,
       "set_periodic_timer of another vCPU");
    ok(wait_for(port_count[port] >= 3, 10 * S), "it fires there");
    is(hypercall(vcpu_op, VCPUOP_stop_periodic_timer, 1), 0, "stop_periodic_timer");
    stop = true;
    ok(cpu_wait(1), "vCPU 1 goes on");
    port_close(port);
}

/* vcpu_info moves into a page of ours; an event that was pending is not lost. */
static void vcpu_info_page(void)
{
    uint8_t *page = page_alloc();
    struct vcpu_register_vcpu_info reg = {.mfn = mfn_of(page), .offset = 4064};
    unsigned port = port_ipi(0);

    is(hypercall(vcpu_op, VCPUOP_register_vcpu_info, 0, NOWHERE), -XEN_EFAULT,
       "register_vcpu_info, bad pointer");
    is(hypercall(vcpu_op, VCPUOP_register_vcpu_info, 0, &reg), -XEN_ENXIO,
       "register_vcpu_info across a page's end");
    reg = (struct vcpu_register_vcpu_info){.mfn = NO_FRAME};
    is(hypercall(vcpu_op, VCPUOP_register_vcpu_info, 0, &reg), -XEN_EINVAL,
       "register_vcpu_info, no frame");
    if (nr_cpus > 1) {
        reg.mfn = mfn_of(page);
        is(hypercall(vcpu_op, VCPUOP_register_vcpu_info, 1, &reg), -XEN_EINVAL,
           "register_vcpu_info of another vCPU that is up");
    }
    port_send(port);
    reg.mfn = mfn_of(page);
    is(hypercall(vcpu_op, VCPUOP_register_vcpu_info, 0, &reg), 0, "register_vcpu_info");
    vcpu_infos[0] = (struct vcpu_info *)page;
    is(vcpu_info()->evtchn_upcall_mask, 1, "the mask has moved too");
    ok(vcpu_info()->time.tsc_to_system_mul != 0, "and the clock");
    events_on();
    is(port_count[port], 1, "what was pending is delivered");
    port_send(port);
    is(port_count[port], 2, "and what comes later");
    events_off();
    is(hypercall(vcpu_op, VCPUOP_register_vcpu_info, 0, &reg), -XEN_EINVAL,
       "register_vcpu_info twice");
    port_close(port);
}

void test_smp(void)
{
    boot_states();
    if (nr_cpus > 1) {
        bad_contexts();
        bring_up();
        all_ipis();
        flushes();
        storm();
        down();
        nmi();
        timers();
    }
    vcpu_info_page();
}
