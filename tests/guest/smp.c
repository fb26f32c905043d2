#include "smp.h"
#include "mem.h"

static struct {
    void (*volatile fn)(unsigned id);
    volatile bool up;
    evtchn_port_t port; /* masked: says that there is something to do */
} work[MAX_CPUS];

extern uint8_t secondary_entry[];

/* In SCHEDOP_poll, which needs no upcall. */
static void sleep_until_called(unsigned id)
{
    struct sched_poll op = {.nr_ports = 1};

    op.ports.p = &work[id].port;
    hypercall(sched_op, SCHEDOP_poll, &op);
    port_clear(work[id].port);
}

void secondary_main(unsigned id)
{
    traps_register();
    hypercall(vcpu_op, VCPUOP_stop_periodic_timer, id);
    smp_mb();
    work[id].up = true;
    for (;;) {
        void (*fn)(unsigned id) = work[id].fn;
        if (fn) {
            fn(id);
            smp_mb();
            work[id].fn = NULL;
        } else {
            sleep_until_called(id);
        }
    }
}

void cpu_context(struct vcpu_guest_context *c, unsigned id)
{
    memset(c, 0, sizeof(*c));
    c->flags = VGCF_in_kernel;
    c->user_regs.cs = FLAT_KERNEL_CS;
    c->user_regs.ss = FLAT_KERNEL_SS;
    c->kernel_ss = FLAT_KERNEL_SS;
    c->kernel_sp = (unsigned long)stacks + (id + 1) * STACK_BYTES;
    c->ctrlreg[3] = xen_pfn_to_cr3(root_mfn());
    c->event_callback_eip = stub(VECTOR_EVENT);
    c->failsafe_callback_eip = stub(VECTOR_FAILSAFE);
#ifdef __x86_64__
    c->syscall_callback_eip = stub(VECTOR_SYSCALL);
    c->user_regs.rip = (unsigned long)secondary_entry;
    c->user_regs.rsp = c->kernel_sp;
    c->user_regs.rdi = id;
    c->user_regs.rflags = 0x1000;
#else
    c->event_callback_cs = c->failsafe_callback_cs = FLAT_KERNEL_CS;
    c->user_regs.ds = c->user_regs.es = FLAT_KERNEL_DS;
    c->user_regs.eip = (unsigned long)secondary_entry;
    c->user_regs.esp = c->kernel_sp;
    c->user_regs.edi = id;
    c->user_regs.eflags = 0x1000;
#endif
}

long cpu_initialise(unsigned id)
{
    static struct vcpu_guest_context c;

    cpu_context(&c, id);
    return hypercall(vcpu_op, VCPUOP_initialise, id, &c);
}

bool cpu_start(unsigned id)
{
    if (work[id].up)
        return true;
    long rc = cpu_initialise(id);
    if (!work[id].port) {
        work[id].port = port_ipi(id);
        port_mask(work[id].port, true);
    }
    if ((rc && rc != -XEN_EEXIST) || hypercall(vcpu_op, VCPUOP_up, id))
        return false;
    return wait_for(work[id].up, 10 * S);
}

void cpu_call(unsigned id, void (*fn)(unsigned id))
{
    smp_mb();
    work[id].fn = fn;
    smp_mb();
    port_send(work[id].port);
}

bool cpu_wait(unsigned id)
{
    return wait_for(!work[id].fn, 20 * S);
}
