#include "xenner/engine/kvm.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#define MAX_CPUID 256

/*
 * User mode of the guest asks the CPU itself, so the bits that emu hides from the kernel (emu/cpuid.c)
 * and that user mode could act on are hidden here too.
 */
static void mask_leaf(struct kvm_cpuid_entry2 *c, unsigned apic_id)
{
    switch (c->function) {
    case 1:
        c->ebx = (c->ebx & 0x00ffffff) | apic_id << 24;
        c->ecx |= 1u << 31;
        break;
    case 7:
        if (c->index == 0) {
            c->ebx &= ~(1u << 0 | 1u << 7 | 1u << 20); /* FSGSBASE, SMEP, SMAP */
            c->ecx &= ~(1u << 2 | 1u << 3 | 1u << 4 | 1u << 16); /* UMIP, PKU, OSPKE, LA57 */
        }
        break;
    case 0xb:
    case 0x1f:
        c->edx = apic_id;
        break;
    }
}

bool kvm_set_cpuid(int kvm, int vcpu, unsigned apic_id)
{
    g_autofree struct kvm_cpuid2 *cpuid =
        g_malloc0(sizeof(*cpuid) + MAX_CPUID * sizeof(cpuid->entries[0]));

    cpuid->nent = MAX_CPUID;
    if (ioctl(kvm, KVM_GET_SUPPORTED_CPUID, cpuid) < 0)
        return false;
    for (unsigned i = 0; i < cpuid->nent; i++)
        mask_leaf(&cpuid->entries[i], apic_id);
    return ioctl(vcpu, KVM_SET_CPUID2, cpuid) == 0;
}

static struct kvm_segment flat_segment(uint16_t selector, uint8_t type, bool code64)
{
    return (struct kvm_segment){.limit = 0xffffffff, .selector = selector, .type = type,
                                .present = 1, .db = !code64, .s = 1, .l = code64, .g = 1};
}

bool kvm_set_long_mode(int vcpu, uint64_t rip, uint64_t rsp, uint64_t cr3, uint64_t number)
{
    struct kvm_sregs s;
    struct kvm_regs r = {.rip = rip, .rsp = rsp, .rdi = number, .rflags = 2};

    if (ioctl(vcpu, KVM_GET_SREGS, &s) < 0)
        return false;
    s.cs = flat_segment(0x08, 0xb, true);
    s.ds = s.es = s.fs = s.gs = s.ss = flat_segment(0x10, 0x3, false);
    s.cr0 = 0x80010033; /* PG, WP, NE, ET, MP, PE */
    s.cr3 = cr3;
    s.cr4 = 0x20;       /* PAE */
    s.efer = 0xd00;     /* LME, LMA, NXE */
    return ioctl(vcpu, KVM_SET_SREGS, &s) == 0 && ioctl(vcpu, KVM_SET_REGS, &r) == 0;
}

void kvm_print_registers(int vcpu, GString *out)
{
    struct kvm_regs r;
    struct kvm_sregs s;

    if (ioctl(vcpu, KVM_GET_REGS, &r) < 0 || ioctl(vcpu, KVM_GET_SREGS, &s) < 0)
        return;
    const struct {
        const char *name;
        uint64_t value;
    } regs[] = {{"RAX", r.rax}, {"RBX", r.rbx}, {"RCX", r.rcx}, {"RDX", r.rdx}, {"RSI", r.rsi},
                {"RDI", r.rdi}, {"RBP", r.rbp}, {"RSP", r.rsp}, {"R8 ", r.r8},  {"R9 ", r.r9},
                {"R10", r.r10}, {"R11", r.r11}, {"R12", r.r12}, {"R13", r.r13}, {"R14", r.r14},
                {"R15", r.r15}, {"RIP", r.rip}, {"RFL", r.rflags}, {"CR2", s.cr2}, {"CR3", s.cr3},
                {"CR0", s.cr0}, {"CR4", s.cr4}, {"FS ", s.fs.base}, {"GS ", s.gs.base}};
    for (size_t i = 0; i < G_N_ELEMENTS(regs); i++)
        g_string_append_printf(out, "%s=%016llx%c", regs[i].name, (unsigned long long)regs[i].value,
                               i % 4 == 3 ? '\n' : ' ');
    g_string_append_printf(out, "CS =%04x CPL=%u SS =%04x EFER=%llx\n", s.cs.selector, s.ss.dpl,
                           s.ss.selector, (unsigned long long)s.efer);
}
