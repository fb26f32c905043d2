/*
 * What CPUID says to a PV kernel (by Xen's ud2 "xen" prefix): the CPU's own answers less what a PV
 * guest can't use, and Xen's leaves. Feature bits: Intel SDM vol. 2A, CPUID; AMD APM vol. 3, app. E.
 */
#include "emu/emu.h"

#include <xen/arch-x86/cpuid.h>

#define BIT(n) (1u << (n))

/* Leaf 1 */
#define EDX1_HIDE (BIT(1) /* VME */ | BIT(2) /* DE */ | BIT(3) /* PSE */ | BIT(7) /* MCE */ | BIT(14) /* MCA */ | BIT(12) /* MTRR */ | \
                   BIT(13) /* PGE */ | BIT(17) /* PSE36 */ | BIT(11) /* SEP: see below */ | \
                   BIT(21) /* DS */ | BIT(22) /* ACPI */ | BIT(29) /* TM */)
#define ECX1_HIDE (BIT(2) /* DTES64 */ | BIT(3) /* MONITOR */ | BIT(4) /* DSCPL */ | \
                   BIT(5) /* VMX */ | BIT(6) /* SMX */ | BIT(7) /* EST */ | BIT(8) /* TM2 */ | \
                   BIT(10) /* CID */ | BIT(14) /* xTPR */ | BIT(15) /* PDCM */ | \
                   BIT(17) /* PCID */ | BIT(18) /* DCA */ | BIT(21) /* x2APIC */ | \
                   BIT(24) /* TSC deadline */)
/* Leaf 7: ring 1 is supervisor mode for SMEP and SMAP, and FSGSBASE would make Linux read a trapped
 * MSR at each context switch where it keeps the base in memory otherwise. */
#define EBX7_HIDE (BIT(0) /* FSGSBASE */ | BIT(1) /* TSC_ADJUST */ | BIT(7) /* SMEP */ | \
                   BIT(10) /* INVPCID */ | BIT(12) /* PQM */ | BIT(15) /* PQE */ | \
                   BIT(20) /* SMAP */ | BIT(25) /* PT */)
#define ECX7_HIDE (BIT(2) /* UMIP */ | BIT(3) /* PKU */ | BIT(4) /* OSPKE */ | BIT(5) /* WAITPKG */ | \
                   BIT(7) /* CET_SS */ | BIT(16) /* LA57 */ | BIT(31) /* PKS */)
#define EDX7_HIDE (BIT(20) /* CET_IBT */ | BIT(26) /* SPEC_CTRL */ | BIT(27) /* STIBP */ | \
                   BIT(28) /* L1D_FLUSH */ | BIT(29) /* ARCH_CAPABILITIES */ | BIT(31) /* SSBD */)
/* Leaf 0x80000001 */
#define ECX81_HIDE (BIT(2) /* SVM */ | BIT(3) /* ExtApic */ | BIT(9) /* OSVW */ | BIT(10) /* IBS */ | \
                    BIT(12) /* SKINIT */ | BIT(13) /* WDT */ | BIT(15) /* LWP */ | \
                    BIT(19) /* NodeId */ | BIT(23) /* PERFCTR_CORE */ | BIT(24) | BIT(28) | \
                    BIT(29) /* MONITORX */)
#define EDX81_HIDE (BIT(1) | BIT(2) | BIT(3) | BIT(12) | BIT(13) | BIT(17) | \
                    BIT(26) /* 1 GiB pages */)

#define XEN_LEAF 0x40000000u

static void xen_leaf(struct vcpu *v, uint32_t leaf, uint32_t sub, uint32_t r[4])
{
    r[0] = r[1] = r[2] = r[3] = 0;
    switch (leaf - XEN_LEAF) {
    case 0:
        r[0] = XEN_LEAF + 5;
        r[1] = XEN_CPUID_SIGNATURE_EBX;
        r[2] = XEN_CPUID_SIGNATURE_ECX;
        r[3] = XEN_CPUID_SIGNATURE_EDX;
        break;
    case 1:
        r[0] = 4 << 16 | 17;
        break;
    case 2:
        r[0] = 1;          /* hypercall pages */
        r[1] = 0x40000000; /* base of the hypercall MSRs */
        r[2] = XEN_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD;
        break;
    case 3:
        if (sub == 0) {
            r[1] = 1; /* tsc_mode: never emulated */
            r[2] = (uint32_t)(emu.boot.tsc_hz / 1000);
        } else if (sub == 1) {
            r[2] = emu.boot.tsc_to_system_mul;
            r[3] = (uint32_t)emu.boot.tsc_shift;
        }
        break;
    case 5:
        /* Linux takes grants of version 2, the longer ones, when a frame's number may need more than 32 bits. */
        if (sub == 0)
            r[1] = (uint32_t)(64 - __builtin_clzl(emu.boot.guest_end_mfn - 1)) + PAGE_SHIFT;
        break;
    }
}

void guest_cpuid(struct vcpu *v, uint32_t leaf, uint32_t sub, uint32_t r[4])
{
    if (leaf >= XEN_LEAF && leaf < XEN_LEAF + 0x100) {
        xen_leaf(v, leaf, sub, r);
        return;
    }
    cpuid(leaf, sub, r);
    switch (leaf) {
    case 1:
        r[1] = (r[1] & 0xffffff) | v->id << 24;
        /* OSXSAVE says what emu set up: Linux takes XSAVE only when it sees both */
        r[2] = (r[2] & ~ECX1_HIDE) | BIT(31) /* hypervisor */;
        r[3] &= ~EDX1_HIDE;
        break;
    case 7:
        if (sub == 0) {
            r[1] &= ~EBX7_HIDE;
            r[2] &= ~ECX7_HIDE;
            r[3] &= ~EDX7_HIDE;
        } else {
            r[3] = 0;
        }
        break;
    case 5:  /* MONITOR */
    case 6:  /* power */
    case 0xa: /* performance counters */
    case 0x12: /* SGX */
    case 0x14: /* PT */
        r[0] = r[1] = r[2] = r[3] = 0;
        break;
    case 0xb: /* x2APIC topology: the vCPU's number is its APIC id */
        r[3] = v->id;
        break;
    case 0x80000001:
        r[2] &= ~ECX81_HIDE;
        r[3] &= ~EDX81_HIDE;
        r[3] |= BIT(11); /* SYSCALL, also when asked from 32-bit code */
        break;
    case 0x80000007:
        r[3] = BIT(8); /* the TSC is constant */
        break;
    case 0x80000008:
        r[1] = 0;
        break;
    case 0x8000000a: /* SVM */
    case 0x8000001f: /* SEV */
        r[0] = r[1] = r[2] = r[3] = 0;
        break;
    }
}
