/* The one dispatcher: a table for all calls, and multicall, which runs rows of it. */
#include "emu/emu.h"

typedef int64_t hypercall_fn(struct vcpu *v, struct cpu_user_regs *regs, const uint64_t a[6]);

static HYPERCALL(do_multicall);
static HYPERCALL(do_noperm);

static hypercall_fn *const table[] = {
    [__HYPERVISOR_set_trap_table] = do_set_trap_table,
    [__HYPERVISOR_mmu_update] = do_mmu_update,
    [__HYPERVISOR_set_gdt] = do_set_gdt,
    [__HYPERVISOR_stack_switch] = do_stack_switch,
    [__HYPERVISOR_set_callbacks] = do_set_callbacks,
    [__HYPERVISOR_fpu_taskswitch] = do_fpu_taskswitch,
    [__HYPERVISOR_sched_op_compat] = do_sched_op_compat,
    [__HYPERVISOR_set_debugreg] = do_set_debugreg,
    [__HYPERVISOR_get_debugreg] = do_get_debugreg,
    [__HYPERVISOR_update_descriptor] = do_update_descriptor,
    [__HYPERVISOR_memory_op] = do_memory_op,
    [__HYPERVISOR_multicall] = do_multicall,
    [__HYPERVISOR_update_va_mapping] = do_update_va_mapping,
    [__HYPERVISOR_set_timer_op] = do_set_timer_op,
    [__HYPERVISOR_event_channel_op_compat] = do_event_channel_op_compat,
    [__HYPERVISOR_xen_version] = do_xen_version,
    [__HYPERVISOR_console_io] = do_console_io,
    [__HYPERVISOR_physdev_op_compat] = do_physdev_op_compat,
    [__HYPERVISOR_grant_table_op] = do_grant_table_op,
    [__HYPERVISOR_vm_assist] = do_vm_assist,
    [__HYPERVISOR_update_va_mapping_otherdomain] = do_update_va_mapping_otherdomain,
    [__HYPERVISOR_iret] = do_iret,
    [__HYPERVISOR_vcpu_op] = do_vcpu_op,
    [__HYPERVISOR_set_segment_base] = do_set_segment_base,
    [__HYPERVISOR_mmuext_op] = do_mmuext_op,
    [__HYPERVISOR_xsm_op] = do_nosys,
    [__HYPERVISOR_nmi_op] = do_nmi_op,
    [__HYPERVISOR_sched_op] = do_sched_op,
    [__HYPERVISOR_callback_op] = do_callback_op,
    [__HYPERVISOR_event_channel_op] = do_event_channel_op,
    [__HYPERVISOR_physdev_op] = do_physdev_op,
    [__HYPERVISOR_hvm_op] = do_hvm_op,
    /* the control domain's */
    [__HYPERVISOR_platform_op] = do_platform_op,
    [__HYPERVISOR_sysctl] = do_sysctl,
    [__HYPERVISOR_domctl] = do_domctl,
    [__HYPERVISOR_arch_0] = do_noperm, /* machine checks */
    [__HYPERVISOR_kexec_op] = do_noperm,
    /* known, and not there: guests ask and go on without */
    [__HYPERVISOR_xenoprof_op] = do_nosys,
    [__HYPERVISOR_tmem_op] = do_nosys,
    [__HYPERVISOR_argo_op] = do_nosys,
    [__HYPERVISOR_xenpmu_op] = do_nosys,
    [__HYPERVISOR_dm_op] = do_nosys,
    [__HYPERVISOR_hypfs_op] = do_nosys,
};

#define NR_CALLS (sizeof(table) / sizeof(table[0]))

HYPERCALL(do_nosys)
{
    return -XEN_ENOSYS;
}

static HYPERCALL(do_noperm)
{
    return -XEN_EPERM;
}

static void say_unknown_once(uint64_t nr)
{
    uint32_t bit = 1u << (nr % 32);

    if (nr / 32 >= 4)
        return;
    if (!(__atomic_fetch_or(&emu.unknown_seen[nr / 32], bit, __ATOMIC_RELAXED) & bit))
        trace("hypercall %lu is not known: -ENOSYS\n", nr);
}

int64_t hypercall_dispatch(struct vcpu *v, struct cpu_user_regs *regs, uint64_t nr,
                           const uint64_t arg[6])
{
    if (nr >= NR_CALLS || !table[nr]) {
        say_unknown_once(nr);
        return -XEN_ENOSYS;
    }
    return table[nr](v, regs, arg);
}

void emu_hypercall(struct cpu_user_regs *regs)
{
    struct vcpu *v = this_vcpu();
    uint64_t nr = (uint32_t)regs->rax;
    uint64_t arg[6];

    v->shared->hypercalls++;
    if (emu.pae32) {
        arg[0] = (uint32_t)regs->rbx;
        arg[1] = (uint32_t)regs->rcx;
        arg[2] = (uint32_t)regs->rdx;
        arg[3] = (uint32_t)regs->rsi;
        arg[4] = (uint32_t)regs->rdi;
        arg[5] = (uint32_t)regs->rbp;
    } else {
        arg[0] = regs->rdi;
        arg[1] = regs->rsi;
        arg[2] = regs->rdx;
        arg[3] = regs->r10;
        arg[4] = regs->r8;
        arg[5] = regs->r9;
    }
    int64_t ret = hypercall_dispatch(v, regs, nr, arg);
    if (nr != __HYPERVISOR_iret)
        regs->rax = emu.pae32 ? (uint32_t)ret : (uint64_t)ret;
    if (emu.boot.trace && ret < 0)
        trace("hypercall %lu(0x%lx, 0x%lx, 0x%lx) = %ld\n", nr, arg[0], arg[1], arg[2], ret);
}

/* A list in a list is refused; a call that leaves the vCPU elsewhere makes no sense in one. */
static int64_t multicall_call(struct vcpu *v, struct cpu_user_regs *regs, uint64_t nr,
                              const uint64_t arg[6])
{
    if (nr == __HYPERVISOR_multicall)
        return -XEN_EINVAL;
    if (nr == __HYPERVISOR_iret)
        return -XEN_ENOSYS;
    return hypercall_dispatch(v, regs, nr, arg);
}

static int multicall_one(struct vcpu *v, struct cpu_user_regs *regs, uint64_t at)
{
    if (emu.pae32) {
        struct {
            uint32_t op, result, args[6];
        } e;
        if (copy_from_guest(&e, at, sizeof(e)))
            return -XEN_EFAULT;
        uint64_t arg[6] = {e.args[0], e.args[1], e.args[2], e.args[3], e.args[4], e.args[5]};
        e.result = (uint32_t)multicall_call(v, regs, e.op, arg);
        return copy_to_guest(at + 4, &e.result, sizeof(e.result));
    }
    struct multicall_entry e;
    if (copy_from_guest(&e, at, sizeof(e)))
        return -XEN_EFAULT;
    e.result = (xen_ulong_t)multicall_call(v, regs, e.op, (const uint64_t *)e.args);
    return copy_to_guest(at + offsetof(struct multicall_entry, result), &e.result,
                         sizeof(e.result));
}

static HYPERCALL(do_multicall)
{
    uint64_t size = emu.pae32 ? 32 : sizeof(struct multicall_entry);
    uint32_t count = (uint32_t)a[1];

    for (uint32_t i = 0; i < count; i++) {
        int rc = multicall_one(v, regs, a[0] + i * size);
        if (rc < 0)
            return rc;
    }
    return 0;
}
