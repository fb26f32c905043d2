/*
 * The vCPU's local APIC (Intel SDM vol. 3A, chapter 11): end of interrupt, IPIs, the one-shot timer.
 * Both engines give it a 1 GHz timer clock at divide-by-one: a tick is a nanosecond.
 */
#include "emu/emu.h"

#define LAPIC_MMIO (EMU_BASE_VA + EMU_MMIO_OFF)
#define MSR_APIC_BASE 0x1b
#define MSR_X2APIC    0x800

enum { REG_TPR = 0x80, REG_EOI = 0xb0, REG_SVR = 0xf0, REG_ICR = 0x300, REG_ICR2 = 0x310,
       REG_LVT_TIMER = 0x320, REG_LVT_PERF = 0x340, REG_LVT_LINT0 = 0x350, REG_LVT_LINT1 = 0x360,
       REG_LVT_ERROR = 0x370, REG_TIMER_INIT = 0x380, REG_TIMER_DIV = 0x3e0 };

#define LVT_MASKED (1u << 16)
#define ICR_BUSY   (1u << 12)

static void lapic_write(unsigned reg, uint32_t val)
{
    if (emu.x2apic)
        wrmsr(MSR_X2APIC + reg / 16, val);
    else
        *(volatile uint32_t *)(LAPIC_MMIO + reg) = val;
}

static uint32_t lapic_read(unsigned reg)
{
    return *(volatile uint32_t *)(LAPIC_MMIO + reg);
}

void lapic_init(void)
{
    uint32_t r[4];

    cpuid(1, 0, r);
    emu.x2apic = (r[2] & (1u << 21)) != 0;
    if (emu.x2apic)
        wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | 0xc00);
    lapic_write(REG_SVR, 0x100 | EMU_VECTOR_SPURIOUS);
    lapic_write(REG_TPR, 0);
    lapic_write(REG_LVT_LINT0, LVT_MASKED);
    lapic_write(REG_LVT_LINT1, LVT_MASKED);
    lapic_write(REG_LVT_ERROR, LVT_MASKED);
    lapic_write(REG_TIMER_DIV, 0xb); /* by one */
    lapic_write(REG_LVT_TIMER, EMU_VECTOR_TIMER);
}

void lapic_eoi(void)
{
    lapic_write(REG_EOI, 0);
}

void lapic_send_ipi(unsigned apic_id, unsigned vector)
{
    if (emu.x2apic) {
        smp_mb(); /* the x2APIC's MSRs are not serialising (SDM 11.12.3) */
        wrmsr(MSR_X2APIC + REG_ICR / 16, (uint64_t)apic_id << 32 | vector);
        return;
    }
    while (lapic_read(REG_ICR) & ICR_BUSY)
        pause();
    lapic_write(REG_ICR2, apic_id << 24);
    lapic_write(REG_ICR, vector);
}

/* The counter has 32 bits: a longer wait wakes early and is armed again. */
void lapic_timer_arm(uint64_t ns)
{
    lapic_write(REG_TIMER_INIT, (uint32_t)MIN(ns ? ns : 1, 0xffffffffull));
}

void lapic_timer_stop(void)
{
    lapic_write(REG_TIMER_INIT, 0);
}
