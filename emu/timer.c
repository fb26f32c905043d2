/* Time: pvclock, the timers of each vCPU behind one LAPIC timer, runstate. */
#include "emu/emu.h"

static uint64_t scale(uint64_t tsc)
{
    const struct emu_boot_info *b = &emu.boot;
    uint64_t lo, hi;

    tsc = b->tsc_shift >= 0 ? tsc << b->tsc_shift : tsc >> -b->tsc_shift;
    __asm__("mulq %3" : "=a"(lo), "=d"(hi) : "a"(tsc), "r"((uint64_t)b->tsc_to_system_mul));
    return lo >> 32 | hi << 32;
}

/* Nanoseconds since emu started. */
uint64_t system_time(void)
{
    uint64_t tsc = rdtsc();

    return tsc > emu.tsc0 ? scale(tsc - emu.tsc0) : 0;
}

/*
 * struct vcpu_time_info, at 32 of vcpu_info for both widths. The TSC is constant and the same on all
 * vCPUs, so it is filled once and stays.
 */
static void fill_time_info(uint8_t *vinfo)
{
    struct vcpu_time_info *t = (struct vcpu_time_info *)(vinfo + 32);

    t->version |= 1;
    barrier();
    t->tsc_timestamp = emu.tsc0;
    t->system_time = 0;
    t->tsc_to_system_mul = emu.boot.tsc_to_system_mul;
    t->tsc_shift = (int8_t)emu.boot.tsc_shift;
    t->flags = 1; /* XEN_PVCLOCK_TSC_STABLE_BIT */
    barrier();
    t->version++;
}

/* A copy for user space (vDSO) at a guest address. */
int timer_publish(struct vcpu *v, uint64_t va)
{
    struct vcpu_time_info info = *(const struct vcpu_time_info *)(v->vinfo + 32);

    return copy_to_guest(va, &info, sizeof(info));
}

_Static_assert(offsetof(struct vcpu_info, time) == 32, "vcpu_info");

void timer_init_vcpu(struct vcpu *v)
{
    fill_time_info(v->vinfo);
}

static uint64_t earliest(uint64_t a, uint64_t b)
{
    return !a ? b : !b ? a : MIN(a, b);
}

/* Sets the LAPIC timer to what comes first. */
void timer_rearm(struct vcpu *v)
{
    uint64_t next = earliest(earliest(v->timer.deadline, v->singleshot.deadline),
                             v->periodic.deadline);

    if (v->polling)
        next = earliest(next, v->poll_timer.deadline);
    if (v->id == 0)
        next = earliest(next, earliest(emu.watchdog[0], emu.watchdog[1]));

    if (next == v->armed)
        return;
    v->armed = next;
    if (!next) {
        lapic_timer_stop();
        return;
    }
    uint64_t now = system_time();
    lapic_timer_arm(next > now ? next - now : 0);
}

static bool expire(struct vcpu_timer *t, uint64_t now)
{
    if (!t->deadline || t->deadline > now)
        return false;
    if (!t->period) {
        t->deadline = 0;
        return true;
    }
    t->deadline += t->period;
    if (t->deadline <= now) /* late by more than a period: one tick stands for all */
        t->deadline = now + t->period;
    return true;
}

void timer_interrupt(struct vcpu *v)
{
    uint64_t now = system_time();
    bool due = expire(&v->timer, now);

    due |= expire(&v->singleshot, now);
    due |= expire(&v->periodic, now);
    v->armed = 0;
    if (v->polling)
        expire(&v->poll_timer, now);
    for (unsigned i = 0; v->id == 0 && i < 2; i++) {
        uint64_t end = __atomic_load_n(&emu.watchdog[i], __ATOMIC_SEQ_CST);
        if (end && end <= now) {
            __atomic_store_n(&emu.watchdog[i], 0, __ATOMIC_SEQ_CST);
            __atomic_store_n(&emu.watchdog_bit, 1, __ATOMIC_SEQ_CST);
        }
    }
    if (due)
        evtchn_raise_virq(v, VIRQ_TIMER);
    timer_rearm(v);
}

HYPERCALL(do_set_timer_op)
{
    uint64_t deadline = emu.pae32 ? (uint32_t)a[0] | a[1] << 32 : a[0];

    v->timer.deadline = deadline;
    timer_rearm(v);
    return 0;
}

static int write_runstate(uint64_t va, const struct vcpu_runstate_info *info)
{
    if (!emu.pae32)
        return copy_to_guest(va, info, sizeof(*info));
    /* no padding behind the state */
    return copy_to_guest(va, &info->state, 4) | copy_to_guest(va + 4, &info->state_entry_time, 40);
}

/* What VCPUOP_get_runstate_info gives: the state that lasts is counted up to now. */
int runstate_read(const struct vcpu *v, uint64_t va)
{
    struct vcpu_runstate_info info = {.state = v->runstate, .state_entry_time = v->runstate_entry};

    memcpy(info.time, v->runstate_time, sizeof(info.time));
    info.time[v->runstate] += system_time() - v->runstate_entry;
    return write_runstate(va, &info);
}

/* With the assist, whoever reads another vCPU's area sees by a bit of the time that it changes. */
void runstate_publish(struct vcpu *v)
{
    struct vcpu_runstate_info info = {.state = v->runstate, .state_entry_time = v->runstate_entry};
    uint64_t at = v->runstate_area, update = info.state_entry_time | XEN_RUNSTATE_UPDATE;
    uint64_t flag_at = at + (emu.pae32 ? 4 : offsetof(struct vcpu_runstate_info, state_entry_time));
    bool flagged = emu.vm_assist >> VMASST_TYPE_runstate_update_flag & 1;

    if (!at)
        return;
    memcpy(info.time, v->runstate_time, sizeof(info.time));
    if (flagged) {
        copy_to_guest(flag_at, &update, sizeof(update));
        info.state_entry_time = update;
    }
    write_runstate(at, &info);
    barrier();
    if (flagged)
        copy_to_guest(flag_at, &v->runstate_entry, sizeof(v->runstate_entry));
}

void runstate_change(struct vcpu *v, int state)
{
    uint64_t now = system_time();

    v->runstate_time[v->runstate] += now - v->runstate_entry;
    v->runstate_entry = now;
    v->runstate = state;
    runstate_publish(v);
}
