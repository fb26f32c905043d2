/*
 * Is this KVM good for PV guests? /dev/kvm may exist and be of no use: nested or paravirtual
 * implementations run user mode natively and everything else by an instruction emulator, or refuse
 * parts of the address space. So the probe does what emu does, and measures it.
 */
#include "xenner/engine/kvm.h"
#include "xenner/engine/tsc.h"
#include "xenner/engine/kvm_probe_abi.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

extern const uint8_t kvm_probe_code[], kvm_probe_code_end[], kvm_probe_stubs[];
extern const uint8_t kvm_probe_user[], kvm_probe_user_end[];

#define MEMORY   0x40000u
#define TIME_MS  200
#define SLOWNESS 30 /* ring 1 against ring 3: beyond this it is no hardware that runs it */

/* Frames of the VM. */
enum { F_L4 = 1, F_BASE_L3, F_BASE_L2, F_BASE_L1, F_M2P_L3, F_M2P_L2, F_M2P_L1, F_USER_L3, F_USER_L2,
       F_USER_L1, F_CODE, F_DESC, F_STACK, F_M2P, F_USER };

struct probe {
    int kvm, vm, vcpu;
    uint8_t *mem;
    struct kvm_run *run;
    size_t run_size;
    GString *why_not;
};

static const char *const step_names[] = {
    "starting", "loading descriptor tables", "setting system call MSRs",
    "reading through page table slot 256", "swapgs", "iretq to ring 1", "running in ring 1",
    "syscall from ring 1", "mov cr3 after syscall", "sysret to ring 3", "a page fault from ring 3"};

static bool no(struct probe *p, const char *what)
{
    g_string_append_printf(p->why_not, "%s: %s", what, g_strerror(errno));
    return false;
}

static void *frame(struct probe *p, unsigned n)
{
    return p->mem + n * 4096;
}

static void map(struct probe *p, uint64_t va, unsigned l3, unsigned target, bool user)
{
    const uint64_t flags = 0x63 | (user ? 4 : 0);
    unsigned tables[] = {F_L4, l3, l3 + 1, l3 + 2, target};

    for (unsigned i = 0; i < 4; i++) {
        unsigned shift = 39 - 9 * i;
        ((uint64_t *)frame(p, tables[i]))[va >> shift & 511] = tables[i + 1] * 4096u | flags;
    }
}

static uint64_t flat(unsigned type, unsigned dpl, bool code64)
{
    return 0x008f00000000ffffull | (code64 ? 1ull << 53 : 1ull << 54) | 0x90ull << 40 |
           (uint64_t)dpl << 45 | (uint64_t)type << 40;
}

static void fill_descriptors(struct probe *p)
{
    uint8_t *d = frame(p, F_DESC);
    uint64_t *gdt = (uint64_t *)(d + PROBE_GDT), base = PROBE_VA + 4096;
    uint64_t tss = base + PROBE_TSS, stack = PROBE_VA + 3 * 4096;

    gdt[1] = flat(0xb, 0, true);
    gdt[2] = flat(0x3, 0, false);
    gdt[5] = flat(0x3, 3, false); /* SYSRET: 0x2b, 0x33 */
    gdt[6] = flat(0xb, 3, true);
    gdt[7] = flat(0xb, 1, true);
    gdt[8] = flat(0x3, 1, false);
    gdt[9] = 0x67 | (tss & 0xffffff) << 16 | 0x89ull << 40 | (tss >> 24 & 0xff) << 56;
    gdt[10] = tss >> 32;
    memcpy(d + PROBE_TSS + 4, &stack, 8); /* RSP0 */
    for (unsigned i = 0; i < 32; i++) {
        uint64_t at = PROBE_VA + (uint64_t)(kvm_probe_stubs - kvm_probe_code) + i * 16;
        uint64_t gate[2] = {(at & 0xffff) | 0x08 << 16 | 0x8eull << 40 | (at >> 16 & 0xffff) << 48,
                            at >> 32};
        memcpy(d + PROBE_IDT + i * 16, gate, 16);
    }
    const uint16_t limits[] = {11 * 8 - 1, 32 * 16 - 1};
    const uint64_t bases[] = {base + PROBE_GDT, base + PROBE_IDT};
    for (unsigned i = 0; i < 2; i++) {
        memcpy(d + (i ? PROBE_IDTR : PROBE_GDTR), &limits[i], 2);
        memcpy(d + (i ? PROBE_IDTR : PROBE_GDTR) + 2, &bases[i], 8);
    }
}

static void fill_memory(struct probe *p)
{
    map(p, PROBE_VA, F_BASE_L3, F_CODE, false);
    map(p, PROBE_VA + 4096, F_BASE_L3, F_DESC, false);
    map(p, PROBE_VA + 2 * 4096, F_BASE_L3, F_STACK, false);
    map(p, PROBE_M2P_VA, F_M2P_L3, F_M2P, false);
    map(p, PROBE_USER_VA, F_USER_L3, F_USER, true);
    memcpy(frame(p, F_CODE), kvm_probe_code, (size_t)(kvm_probe_code_end - kvm_probe_code));
    memcpy(frame(p, F_USER), kvm_probe_user, (size_t)(kvm_probe_user_end - kvm_probe_user));
    *(uint32_t *)frame(p, F_M2P) = PROBE_MAGIC;
    fill_descriptors(p);
}

static bool open_vm(struct probe *p)
{
    p->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (p->kvm < 0)
        return no(p, "could not open '/dev/kvm'");
    if (ioctl(p->kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION) {
        g_string_append(p->why_not, "'/dev/kvm' speaks another version of KVM");
        return false;
    }
    p->vm = ioctl(p->kvm, KVM_CREATE_VM, 0ul);
    if (p->vm < 0)
        return no(p, "could not make a VM");
    p->mem = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct kvm_userspace_memory_region region = {.memory_size = MEMORY,
                                                 .userspace_addr = (uintptr_t)p->mem};
    if (p->mem == MAP_FAILED || ioctl(p->vm, KVM_SET_USER_MEMORY_REGION, &region) < 0)
        return no(p, "could not give a VM its memory");
    if (ioctl(p->kvm, KVM_CHECK_EXTENSION, KVM_CAP_IRQCHIP) <= 0) {
        g_string_append(p->why_not, "this KVM has no interrupt controllers of its own");
        return false;
    }
    return true;
}

static bool open_vcpu(struct probe *p)
{
    p->vcpu = ioctl(p->vm, KVM_CREATE_VCPU, 0ul);
    int size = ioctl(p->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
    if (p->vcpu < 0 || size < (int)sizeof(*p->run))
        return no(p, "could not make a vCPU");
    p->run_size = (size_t)size;
    p->run = mmap(NULL, p->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, p->vcpu, 0);
    if (p->run == MAP_FAILED) {
        p->run = NULL;
        return no(p, "could not map a vCPU's state");
    }
    fill_memory(p);
    if (!kvm_set_cpuid(p->kvm, p->vcpu, 0) ||
        !kvm_set_long_mode(p->vcpu, PROBE_VA, PROBE_VA + 3 * 4096, F_L4 * 4096, PROBE_VA + 4096))
        return no(p, "could not set a vCPU's registers");
    return true;
}

/* After TIME_MS a signal ends KVM_RUN, whatever the vCPU is at. */
static void on_alarm(int sig, siginfo_t *info, void *context)
{
    struct kvm_run *run = info->si_value.sival_ptr;

    run->immediate_exit = 1;
}

static int run_with_limit(struct probe *p)
{
    struct sigaction sa = {.sa_sigaction = on_alarm, .sa_flags = SA_SIGINFO}, old;
    struct sigevent ev = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR2,
                          .sigev_value.sival_ptr = p->run};
    struct itimerspec limit = {.it_value.tv_nsec = TIME_MS * 1000000l};
    timer_t timer;

    ev._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    sigaction(SIGUSR2, &sa, &old);
    if (timer_create(CLOCK_MONOTONIC, &ev, &timer) < 0)
        return -1;
    timer_settime(timer, 0, &limit, NULL);
    int rc = ioctl(p->vcpu, KVM_RUN, 0);
    int err = errno;
    timer_delete(timer);
    sigaction(SIGUSR2, &old, NULL);
    errno = err;
    return rc;
}

static void say_stuck(struct probe *p, const char *how)
{
    struct kvm_regs r = {0};

    ioctl(p->vcpu, KVM_GET_REGS, &r);
    const char *step = r.r15 < G_N_ELEMENTS(step_names) ? step_names[r.r15] : "the end";
    g_string_append_printf(p->why_not, "its VM %s at %s: no real VT-x or AMD-V", how, step);
}

static bool judge(struct probe *p)
{
    struct kvm_regs r = {0};
    uint32_t result = 0;

    memcpy(&result, (uint8_t *)p->run + p->run->io.data_offset, sizeof(result));
    if (result != PROBE_DONE) {
        unsigned step = result & 0xff, vector = result >> 8 & 0xff;
        const char *name = step < G_N_ELEMENTS(step_names) ? step_names[step] : "the end";
        g_string_append_printf(p->why_not, "its VM can't do what PV guests need: %s %s", name,
                               vector == 0xff ? "gave a wrong result" : "raised an exception");
        if (vector != 0xff)
            g_string_append_printf(p->why_not, " (vector %u)", vector);
        return false;
    }
    ioctl(p->vcpu, KVM_GET_REGS, &r);
    if (r.r8 > (r.r9 + 1000) * SLOWNESS) {
        g_string_append_printf(p->why_not, "it emulates ring 1 instruction by instruction (%u times "
                               "slower than ring 3)", (unsigned)(r.r8 / MAX(r.r9, 1)));
        return false;
    }
    return true;
}

static bool check_tsc(struct probe *p)
{
    if (tsc_is_stable())
        return true;
    g_string_append(p->why_not, "this machine's TSC is unstable, and with it guests' clocks");
    return false;
}

static bool run_probe(struct probe *p)
{
    if (run_with_limit(p) < 0) {
        if (errno == EINTR)
            say_stuck(p, "hangs");
        else
            no(p, "could not run a vCPU");
        return false;
    }
    if (p->run->exit_reason == KVM_EXIT_IO && p->run->io.port == 0xe4)
        return judge(p);
    say_stuck(p, p->run->exit_reason == KVM_EXIT_SHUTDOWN ? "triple-faults" : "stops");
    return false;
}

bool kvm_probe(GString *why_not)
{
    struct probe p = {.kvm = -1, .vm = -1, .vcpu = -1, .mem = MAP_FAILED, .why_not = why_not};
    bool ok = open_vm(&p) && check_tsc(&p) && open_vcpu(&p) && run_probe(&p);

    if (p.run)
        munmap(p.run, p.run_size);
    if (p.mem != MAP_FAILED)
        munmap(p.mem, MEMORY);
    const int fds[] = {p.vcpu, p.vm, p.kvm};
    for (unsigned i = 0; i < G_N_ELEMENTS(fds); i++) {
        if (fds[i] >= 0)
            close(fds[i]);
    }
    return ok;
}
