/*
 * What no kernel in its right mind does. In by name only: run=hostile, seed=N, rounds=N, and wild=1
 * for calls that may well be the guest's end. The checks here are that the guest lives on, or ends
 * as one that broke itself does; the program around it must not notice.
 */
#include "event.h"
#include "hostile.h"
#include "mem.h"
#include "user.h"

#include <xen/callback.h>
#include <xen/grant_table.h>
#include <xen/physdev.h>

static const uint64_t bad_pointers[] = {
    0,
    1,
    0xfff,
    0x7000dead000,
    0x7fffffffffff,
    0x800000000000,
    0x8000000000000000,
    0xffff7fffffffffff,
    0xffff800000000000,
    0xffff830000000000,
    0xffff830000200000,
    0xffff840000000000,
    0xffff87fffffffff8,
    0xfffffffffffffff8,
    ~0ul,
};

/* Calls whose second argument points to something, for each number of the first. */
static const uint8_t pointer_calls[] = {
    __HYPERVISOR_sched_op,    __HYPERVISOR_event_channel_op, __HYPERVISOR_grant_table_op,
    __HYPERVISOR_memory_op,   __HYPERVISOR_xen_version,      __HYPERVISOR_physdev_op,
    __HYPERVISOR_callback_op, __HYPERVISOR_hvm_op,           __HYPERVISOR_nmi_op,
};

static bool harmless(unsigned nr, uint64_t cmd, uint64_t pointer)
{
    if (nr == __HYPERVISOR_sched_op)
        return cmd != SCHEDOP_block;
    /* the address in the callback may be readable by accident: no pointer is that here */
    return pointer != 0 || nr != __HYPERVISOR_sched_op_compat;
}

static void pointers(void)
{
    unsigned odd = 0, calls = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(pointer_calls); i++) {
        for (uint64_t cmd = 0; cmd < 64; cmd++) {
            for (unsigned p = 0; p < ARRAY_SIZE(bad_pointers); p++) {
                if (!harmless(pointer_calls[i], cmd, bad_pointers[p]))
                    continue;
                long rc = hypercall_raw(pointer_calls[i], cmd, bad_pointers[p], 1, 0, 0);
                odd += rc < -4095;
                calls++;
            }
        }
    }
    is(odd, 0, "%u calls with bad pointers: all return", calls);
}

static void lists(void)
{
    unsigned good = 0;

    for (unsigned p = 1; p < ARRAY_SIZE(bad_pointers); p++) {
        uint64_t at = bad_pointers[p];
        good += hypercall(mmu_update, at, 1, 0, DOMID_SELF) == 0;
        good += hypercall(mmuext_op, at, 1, 0, DOMID_SELF) == 0;
        good += hypercall(multicall, at, 1) == 0;
        good += hypercall(set_trap_table, at) == 0;
        good += hypercall(set_gdt, at, 512) == 0;
        good += hypercall(console_io, CONSOLEIO_write, 8, at) == 0;
        for (unsigned cmd = 0; cmd < 20; cmd++) {
            if (cmd == VCPUOP_up || cmd == VCPUOP_down || cmd == VCPUOP_is_up ||
                cmd == VCPUOP_send_nmi || cmd == VCPUOP_stop_periodic_timer ||
                cmd == VCPUOP_stop_singleshot_timer)
                continue;
            good += hypercall(vcpu_op, cmd, 0, at) == 0;
        }
    }
    is(good, 0, "lists and structures at bad pointers: none is taken");
    traps_register();
}

/* xorshift; the same numbers each time. */
static uint64_t state = 1;

static uint64_t random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static uint8_t *scratch;

static uint64_t argument(void)
{
    uint64_t r = random();

    switch (r >> 32 & 7) {
    case 0:
        return r & 63;
    case 1:
        return (uint64_t)scratch + (r & 0xfff);
    case 2:
        return bad_pointers[r % ARRAY_SIZE(bad_pointers)];
    case 3:
        return 1ul << (r & 63);
    case 4:
        return DOMID_SELF;
    case 5:
        return mfn_of(scratch);
    case 6:
        return (uint64_t)scratch;
    default:
        return random();
    }
}

static void fill(void)
{
    for (unsigned i = 0; i < PAGE_SIZE / 8; i++)
        ((uint64_t *)scratch)[i] = argument();
}

/* Not the calls that end the guest or take its footing away, each of which a kernel may do to
 * itself. */
static bool may_call(unsigned nr, const uint64_t arg[5])
{
    switch (nr) {
    case __HYPERVISOR_sched_op:
    case __HYPERVISOR_sched_op_compat:
        return (uint32_t)arg[0] != SCHEDOP_block && (uint32_t)arg[0] != SCHEDOP_poll &&
               (uint32_t)arg[0] != SCHEDOP_shutdown && (uint32_t)arg[0] != SCHEDOP_watchdog;
    case __HYPERVISOR_vcpu_op:
        return (uint32_t)arg[0] != VCPUOP_down && (uint32_t)arg[0] != VCPUOP_send_nmi;
    case __HYPERVISOR_update_va_mapping:
    case __HYPERVISOR_update_va_mapping_otherdomain:
        return (arg[0] & ~(PAGE_SIZE - 1)) != (uint64_t)scratch;
    case __HYPERVISOR_set_trap_table:
    case __HYPERVISOR_set_callbacks:
    case __HYPERVISOR_callback_op:
    case __HYPERVISOR_iret:
    case __HYPERVISOR_multicall:
    case __HYPERVISOR_mmu_update:
    case __HYPERVISOR_mmuext_op:
    case __HYPERVISOR_stack_switch:
    case __HYPERVISOR_console_io: /* prints its argument */
        return false;
    default:
        return true;
    }
}

static void rounds(unsigned count, bool wild)
{
    unsigned made = 0, unknown = 0;

    for (unsigned i = 0; i < count; i++) {
        uint64_t arg[5], r = random();
        uint32_t nr = r & 0x100 ? (uint32_t)(r >> 9) : r & 63;

        for (unsigned k = 0; k < 5; k++)
            arg[k] = argument();
        fill();
        if (nr == __HYPERVISOR_console_io || (!wild && !may_call(nr, arg)))
            continue;
        made++;
        unknown += hypercall_raw(nr, arg[0], arg[1], arg[2], arg[3], arg[4]) == -XEN_ENOSYS;
    }
    ok(made > count / 4 && unknown < made, "%u random calls: alive", made);
}

/* Frames of iret that no CPU takes, and some that one does: user mode may be left in any way. */
static void bad_iret_frames(unsigned count)
{
    user_init();
    for (unsigned i = 0; i < count; i++) {
        struct user_entry e = {.rip = argument(),
                               .rsp = argument(),
                               .rflags = argument() | RFLAGS_IF,
                               .flags = argument() & VGCF_in_syscall,
                               .cs = (argument() & 0xffff) | 3,
                               .ss = argument() & 0xffff};

        if (i & 1)
            e.rip = USER_AT(user_int80);
        if (i & 2)
            e.cs = FLAT_USER_CS64;
        if (i & 4)
            e.ss = FLAT_USER_SS64;
        e.rflags &= ~0x100ul;
        user_enter(&e);
        if (seen[0].count != 1)
            break;
    }
    is(seen[0].count, 1, "%u frames of iret: each ends in one trap", count);
    user_run(user_int80, 0);
    expect_trap(0x80, 0, "user mode works after them");
}

/* Tables that contain themselves, at each level. */
static void table_loops(void)
{
    for (unsigned level = 2; level <= 4; level++) {
        uint64_t *t = page_alloc();
        for (unsigned i = 0; i < 8; i++)
            t[i * 60] = maddr_of(t) | KERNEL_RW;
        remap(t, KERNEL_RO);
        long rc = mmuext(MMUEXT_PIN_L1_TABLE + level - 1, mfn_of(t), 0);
        ok(rc == 0 || rc == -XEN_EINVAL, "an L%u that contains itself", level);
        if (rc == 0)
            mmuext(MMUEXT_UNPIN_TABLE, mfn_of(t), 0);
        mmu_write(&t[0], maddr_of(t) | KERNEL_RW);
        remap(t, KERNEL_RW);
    }
    is(hypercall(xen_version, XENVER_version) >> 16, 4, "table loops: alive");
}

static unsigned number_option(const char *name, unsigned missing)
{
    char buf[16];
    const char *s = option(name, buf, sizeof(buf));
    unsigned n = 0;

    if (!s)
        return missing;
    while (*s >= '0' && *s <= '9')
        n = n * 10 + (unsigned)(*s++ - '0');
    return n;
}

void test_hostile(void)
{
    bool wild = number_option("wild", 0);

    state = number_option("seed", 1) * 0x9e3779b97f4a7c15 + 1;
    scratch = page_alloc();
    events_off();
    pointers();
    lists();
    bad_iret_frames(500);
    table_loops();
    rounds(number_option("rounds", 5000), wild);
}
