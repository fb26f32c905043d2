#include "event.h"

struct seen seen[MAX_CPUS];
unsigned long resume_at[MAX_CPUS];
struct vcpu_info *vcpu_infos[MAX_CPUS];
volatile unsigned port_count[4096];
volatile unsigned upcalls[MAX_CPUS];
volatile unsigned upcall_depth, upcall_depth_max;
void (*event_hook)(unsigned port);
void (*nmi_hook)(struct regs *regs);

unsigned long stub(unsigned vector)
{
    return (unsigned long)entry_stubs + vector * 32;
}

/* Breakpoint, overflow and 0x80 are open to user mode. */
void trap_table_fill(trap_info_t *table)
{
    static const uint8_t vectors[] = {0, 1, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 16, 17, 19, 0x80};

    for (unsigned i = 0; i < sizeof(vectors); i++) {
        uint8_t v = vectors[i];
        bool user = v == 3 || v == 4 || v == 0x80;
        table[i] = (trap_info_t){.vector = v, .flags = user ? 3 : 0, .cs = FLAT_KERNEL_CS,
                                 .address = stub(v)};
    }
    memset(&table[sizeof(vectors)], 0, sizeof(table[0]));
}

void callback_address(struct callback_register *reg, unsigned long address)
{
#ifdef __x86_64__
    reg->address = address;
#else
    reg->address.cs = FLAT_KERNEL_CS;
    reg->address.eip = address;
#endif
}

static void callback(unsigned type, unsigned flags, unsigned vector)
{
    struct callback_register reg = {.type = (uint16_t)type, .flags = (uint16_t)flags};

    callback_address(&reg, stub(vector));

    if (hypercall(callback_op, CALLBACKOP_register, &reg) != 0)
        bail_out("callback_op of type %u failed", type);
}

void traps_register(void)
{
    trap_info_t table[32];

    trap_table_fill(table);
    if (hypercall(set_trap_table, table) != 0)
        bail_out("set_trap_table failed");
    callback(CALLBACKTYPE_event, 0, VECTOR_EVENT);
    callback(CALLBACKTYPE_failsafe, CALLBACKF_mask_events, VECTOR_FAILSAFE);
#ifdef __x86_64__
    callback(CALLBACKTYPE_syscall, CALLBACKF_mask_events, VECTOR_SYSCALL);
#endif
    if (this_cpu() == 0)
        hypercall(stack_switch, FLAT_KERNEL_SS, ENTRY_STACK);
}

/* Ports of the 2-level ABI: selector word, then pending and not masked. */
static void event_upcall(void)
{
    struct vcpu_info *v = vcpu_info();

    upcalls[this_cpu()]++;
    v->evtchn_upcall_pending = 0;
    unsigned long words = __atomic_exchange_n(&v->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);
    for (unsigned w = 0; w < BITS_PER_LONG; w++) {
        if (!(words >> w & 1))
            continue;
        unsigned long bits = READ_ONCE(shared_info->evtchn_pending[w]) &
                        ~READ_ONCE(shared_info->evtchn_mask[w]);
        for (unsigned b = 0; b < BITS_PER_LONG; b++) {
            if (!(bits >> b & 1))
                continue;
            __atomic_fetch_and(&shared_info->evtchn_pending[w], ~(1ul << b), __ATOMIC_SEQ_CST);
            if (event_hook)
                event_hook(w * BITS_PER_LONG + b);
            __atomic_fetch_add(&port_count[w * BITS_PER_LONG + b], 1, __ATOMIC_SEQ_CST);
        }
    }
}

void trap_handler(struct regs *regs)
{
    unsigned cpu = this_cpu();
    struct seen *s = &seen[cpu];

    if (regs->vector == VECTOR_EVENT) {
        if (cpu == 0 && ++upcall_depth > upcall_depth_max)
            upcall_depth_max = upcall_depth;
        event_upcall();
        if (cpu == 0)
            upcall_depth--;
        return;
    }
    if (regs->vector == 2 && nmi_hook) {
        nmi_hook(regs);
        return;
    }
    s->count++;
    s->regs = *regs;
    s->frame = (unsigned long)regs;
    s->cr2 = vcpu_info()->arch.cr2;
    s->mask = vcpu_info()->evtchn_upcall_mask;
#ifdef __x86_64__
    if ((regs->cs & 3) == 3)
        leave_user();
#endif
    if (!resume_at[cpu])
        bail_out("vCPU %u: exception %lu, error 0x%lx, at 0x%lx, cr2 0x%lx, frame at 0x%lx",
                 cpu, regs->vector, regs->error, regs->rip, s->cr2, s->frame);
    regs->rip = resume_at[cpu];
}

void expect_trap(unsigned vector, uint64_t error, const char *name)
{
    const struct seen *s = &seen[this_cpu()];

    is(s->count, 1, "%s: one exception", name);
    is(s->regs.vector, vector, "%s: vector", name);
    is(s->regs.error, error, "%s: error code", name);
}
