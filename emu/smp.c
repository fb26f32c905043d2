/* More than one vCPU: bringing them up and down, waking them, and flushing their TLBs. */
#include "emu/emu.h"

/* Of a periodic timer, Xen's limits: a millisecond, and half of what a signed time holds. */
#define PERIOD_MIN 1000000ull
#define PERIOD_MAX (1ull << 62)

void vcpu_kick(unsigned id)
{
    lapic_send_ipi(id, EMU_VECTOR_KICK);
}

void flush_local_all(struct vcpu *v)
{
    write_cr3(read_cr3());
}

/* Carries out what others asked of this vCPU. */
void flush_serve(struct vcpu *v)
{
    if (__atomic_load_n(&v->flush_all, __ATOMIC_SEQ_CST)) {
        flush_local_all(v);
        __atomic_store_n(&v->flush_all, 0, __ATOMIC_SEQ_CST);
    }
    if (__atomic_load_n(&v->flush_one, __ATOMIC_SEQ_CST) == 2) {
        invlpg(v->flush_va);
        __atomic_store_n(&v->flush_one, 0, __ATOMIC_SEQ_CST);
    }
}

/* One address, if the slot for it is free; flush_one: 0 free, 1 being filled in, 2 a request. */
static void request(struct vcpu *target, uint64_t va)
{
    uint32_t unused = 0;

    if (va != FLUSH_EVERYTHING &&
        __atomic_compare_exchange_n(&target->flush_one, &unused, 1, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST)) {
        target->flush_va = va;
        __atomic_store_n(&target->flush_one, 2, __ATOMIC_SEQ_CST);
        return;
    }
    __atomic_store_n(&target->flush_all, 1, __ATOMIC_SEQ_CST);
}

static bool still_asked(const struct vcpu *target)
{
    return !__atomic_load_n(&target->blocked, __ATOMIC_SEQ_CST) &&
           (__atomic_load_n(&target->flush_all, __ATOMIC_SEQ_CST) ||
            __atomic_load_n(&target->flush_one, __ATOMIC_SEQ_CST));
}

/*
 * A vCPU that waits in emu (blocked) uses none of the guest's mappings and flushes when it goes on:
 * it is asked but not woken. Order: we set the request, then read blocked; it clears blocked, then
 * reads the request (both sequentially consistent), so one of us sees the other.
 *
 * While we wait we serve others, or two vCPUs flushing each other would wait for ever.
 */
void flush_vcpus(struct vcpu *v, uint64_t mask, uint64_t va)
{
    uint64_t waiting = 0;

    for (unsigned i = 0; i < emu.nr_vcpus; i++) {
        struct vcpu *target = vcpu_by_id(i);
        if (!(mask >> i & 1) || target == v)
            continue;
        request(target, va);
        if (!still_asked(target))
            continue;
        waiting |= 1ull << i;
        lapic_send_ipi(i, EMU_VECTOR_FLUSH);
    }
    if (mask >> v->id & 1) {
        if (va == FLUSH_EVERYTHING)
            flush_local_all(v);
        else
            invlpg(va);
    }
    for (unsigned i = 0; waiting >> i; i++) {
        while ((waiting >> i & 1) && still_asked(vcpu_by_id(i))) {
            flush_serve(v);
            pause();
        }
    }
}

/* Takes part in the guest again after a wait: see flush_vcpus(). */
static void vcpu_unblock(struct vcpu *v)
{
    __atomic_store_n(&v->blocked, 0, __ATOMIC_SEQ_CST);
    flush_serve(v);
}

void vcpu_wait_online(struct vcpu *v)
{
    if (__atomic_load_n(&v->online, __ATOMIC_SEQ_CST)) {
        runstate_change(v, RS_RUNNING);
        return;
    }
    runstate_change(v, RS_OFFLINE);
    v->shared->online = 0;
    __atomic_store_n(&v->blocked, 1, __ATOMIC_SEQ_CST);
    while (!__atomic_load_n(&v->online, __ATOMIC_SEQ_CST)) {
        wait_for_interrupt();
        watchdog_check(v, v->top_regs);
    }
    vcpu_unblock(v);
    v->shared->online = 1;
    runstate_change(v, RS_RUNNING);
}

/* GPRs and pointers of a 64-bit context; regs.cs RPL 3 with VGCF_in_kernel clear is user mode. */
int vcpu_load_context(struct vcpu *v, const vcpu_guest_context_t *c)
{
    uint64_t root = c->ctrlreg[3];

    /* ctrlreg[3] is xen_pfn_to_cr3(): the frame number, in 64-bit plainly shifted */
    if (mmu_new_kernel_root(v, root & PTE_ADDR) < 0)
        return -XEN_EINVAL;
    v->user_root = c->ctrlreg[1] & PTE_ADDR;
    if (v->user_root && !is_guest_frame(v->user_root >> PAGE_SHIFT))
        return -XEN_EINVAL;
    for (unsigned i = 0; i < 256; i++)
        v->traps[i] = (struct trap_gate){c->trap_ctxt[i].address, c->trap_ctxt[i].cs,
                                         c->trap_ctxt[i].flags};
    v->event_cb = (struct callback){c->event_callback_eip, 0, 1};
    v->failsafe_cb = (struct callback){c->failsafe_callback_eip, 0,
                                       !!(c->flags & VGCF_failsafe_disables_events)};
    v->syscall_cb = c->syscall_callback_eip;
    v->syscall_masks = !!(c->flags & VGCF_syscall_disables_events);
    v->kernel_sp = c->kernel_sp & ~15ul;
    v->kernel_ss_guest = (uint16_t)c->kernel_ss;
    v->start_regs = c->user_regs;
    v->in_kernel = !!(c->flags & VGCF_in_kernel);
    v->iopl = c->user_regs.rflags >> 12 & 3;
    v->start_gs_kernel = c->gs_base_kernel;
    v->start_gs_user = c->gs_base_user;
    v->start_fs = c->fs_base;
    v->start_ldt_base = c->ldt_base;
    v->start_ldt_ents = (uint32_t)c->ldt_ents;
    int rc = segments_set_gdt(v, c->gdt_frames, (uint32_t)c->gdt_ents);
    if (rc < 0)
        return rc;
    vcpu_update_fast(v);
    v->initialised = true;
    return 0;
}

static int64_t op_initialise(struct vcpu *v, struct vcpu *target, uint64_t arg)
{
    static uint32_t lock;
    static vcpu_guest_context_t ctx; /* too large for the stack */
    int rc;

    if (target->initialised)
        return -XEN_EEXIST;
    spin_lock(&lock);
    if (emu.pae32) {
        rc = vcpu_load_context32(target, arg);
    } else {
        rc = copy_from_guest(&ctx, arg, sizeof(ctx));
        if (rc == 0)
            rc = vcpu_load_context(target, &ctx);
    }
    spin_unlock(&lock);
    return rc;
}

static int64_t op_up(struct vcpu *v, struct vcpu *target)
{
    if (!target->initialised)
        return -XEN_EINVAL;
    __atomic_store_n(&target->online, 1, __ATOMIC_SEQ_CST);
    vcpu_kick(target->id);
    return 0;
}

/*
 * Down means: at the next way out of emu, see emu_exit_work(). When the last one goes, the guest has
 * powered off.
 */
static int64_t op_down(struct vcpu *v, struct cpu_user_regs *regs, struct vcpu *target)
{
    unsigned others = 0;

    for (unsigned i = 0; i < emu.nr_vcpus; i++)
        others += vcpu_by_id(i) != target && __atomic_load_n(&vcpu_by_id(i)->online, __ATOMIC_SEQ_CST);
    if (!others)
        guest_shutdown(v, regs, SHUTDOWN_poweroff);
    __atomic_store_n(&target->online, 0, __ATOMIC_SEQ_CST);
    if (target != v)
        vcpu_kick(target->id);
    return 0;
}

static int64_t op_register_runstate(struct vcpu *target, uint64_t arg)
{
    uint64_t va = 0;

    if (copy_from_guest(&va, arg, emu.pae32 ? 4 : 8))
        return -XEN_EFAULT;
    target->runstate_area = va;
    runstate_publish(target);
    return 0;
}

/* The TSC is constant: what is written there now stays true, so the address need not be kept. */
static int64_t op_register_time(struct vcpu *target, uint64_t arg)
{
    uint64_t va = 0;

    if (copy_from_guest(&va, arg, emu.pae32 ? 4 : 8))
        return -XEN_EFAULT;
    return timer_publish(target, va);
}

/* Moves vcpu_info into a page of the guest's; what is pending there must not get lost. */
static int64_t op_register_vcpu_info(struct vcpu *v, struct vcpu *target, uint64_t arg)
{
    struct vcpu_register_vcpu_info info;
    uint64_t maddr;

    if (copy_from_guest(&info, arg, sizeof(info)))
        return -XEN_EFAULT;
    maddr = (info.mfn << PAGE_SHIFT) + info.offset;
    if (info.offset > PAGE_SIZE - sizeof(struct vcpu_info))
        return -XEN_ENXIO;
    if (!is_guest_frame(info.mfn))
        return -XEN_EINVAL;
    if (target->vinfo_registered)
        return -XEN_EINVAL;
    if (target != v && __atomic_load_n(&target->online, __ATOMIC_SEQ_CST))
        return -XEN_EINVAL;

    uint8_t *to = direct(maddr);
    memcpy(to, target->vinfo, sizeof(struct vcpu_info));
    target->vinfo_registered = true;
    __atomic_store_n(&target->vinfo, to, __ATOMIC_SEQ_CST);
    __atomic_store_n(&target->shared->vcpu_info_maddr, maddr, __ATOMIC_SEQ_CST);
    /* A sender may have hit the old place in between: raise everything again, masks filter. */
    if (emu.pae32)
        __atomic_store_n((uint32_t *)(to + 4), ~0u, __ATOMIC_SEQ_CST);
    else
        __atomic_store_n((uint64_t *)(to + 8), ~0ull, __ATOMIC_SEQ_CST);
    __atomic_store_n(to, 1, __ATOMIC_SEQ_CST);
    if (target != v)
        vcpu_kick(target->id);
    return 0;
}

static int64_t op_set_periodic(struct vcpu *v, struct vcpu *target, uint64_t arg)
{
    struct vcpu_set_periodic_timer set;

    if (copy_from_guest(&set, arg, sizeof(set)))
        return -XEN_EFAULT;
    if (set.period_ns < PERIOD_MIN || set.period_ns > PERIOD_MAX)
        return -XEN_EINVAL;
    target->periodic.period = set.period_ns;
    __atomic_store_n(&target->periodic.deadline, system_time() + set.period_ns, __ATOMIC_SEQ_CST);
    if (target == v)
        timer_rearm(v);
    else
        vcpu_kick(target->id);
    return 0;
}

static int64_t op_send_nmi(struct vcpu *v, struct vcpu *target, uint64_t arg)
{
    if (arg)
        return -XEN_EINVAL;
    __atomic_store_n(&target->nmi_pending, 1, __ATOMIC_SEQ_CST);
    if (target != v)
        vcpu_kick(target->id);
    return 0;
}

static int64_t op_set_singleshot(struct vcpu *v, struct vcpu *target, uint64_t arg)
{
    struct vcpu_set_singleshot_timer set;

    if (target != v)
        return -XEN_EINVAL;
    if (copy_from_guest(&set, arg, emu.pae32 ? 12 : sizeof(set)))
        return -XEN_EFAULT;
    /* VCPU_SSHOTTMR_future is ignored, as Xen does since 4.17.1: no guest deals well with -ETIME */
    v->singleshot.deadline = set.timeout_abs_ns ? set.timeout_abs_ns : 1;
    timer_rearm(v);
    return 0;
}

HYPERCALL(do_vcpu_op)
{
    uint32_t id = (uint32_t)a[1];
    struct vcpu *target = id < emu.nr_vcpus ? vcpu_by_id(id) : NULL;

    if (!target)
        return -XEN_ENOENT;
    switch ((uint32_t)a[0]) {
    case VCPUOP_initialise:
        return op_initialise(v, target, a[2]);
    case VCPUOP_up:
        return op_up(v, target);
    case VCPUOP_down:
        return op_down(v, regs, target);
    case VCPUOP_is_up:
        return __atomic_load_n(&target->online, __ATOMIC_SEQ_CST) != 0;
    case VCPUOP_get_runstate_info:
        return runstate_read(target, a[2]);
    case VCPUOP_register_runstate_memory_area:
        return op_register_runstate(target, a[2]);
    case VCPUOP_register_vcpu_time_memory_area:
        return op_register_time(target, a[2]);
    case VCPUOP_register_vcpu_info:
        return op_register_vcpu_info(v, target, a[2]);
    case VCPUOP_set_periodic_timer:
        return op_set_periodic(v, target, a[2]);
    case VCPUOP_stop_periodic_timer:
        target->periodic = (struct vcpu_timer){0};
        return 0;
    case VCPUOP_set_singleshot_timer:
        return op_set_singleshot(v, target, a[2]);
    case VCPUOP_stop_singleshot_timer:
        if (target != v)
            return -XEN_EINVAL;
        target->singleshot.deadline = 0;
        return 0;
    case VCPUOP_send_nmi:
        return op_send_nmi(v, target, a[2]);
    case VCPUOP_get_physid:
        return -XEN_EINVAL; /* not pinned */
    default:
        return -XEN_ENOSYS;
    }
}
