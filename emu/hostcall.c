/* emu -> xenner: the doorbell, and the one synchronous request a vCPU. */
#include "emu/emu.h"

#define IVSHMEM_ID 0x11101af4u
#define PCI_ADDR   0xcf8
#define PCI_DATA   0xcfc
#define BAR_REGS   0xfebf0000u /* anywhere below the LAPIC that is not RAM */
#define BAR_MSIX   0xfebf1000u
#define MSIX_CAP   0x11

static uint32_t inl(uint16_t port)
{
    uint32_t val;

    __asm__ volatile("inl %1, %0" : "=a"(val) : "d"(port) : "memory");
    return val;
}

static uint32_t pci_read(unsigned devfn, unsigned reg)
{
    outl(PCI_ADDR, 0x80000000u | devfn << 8 | (reg & 0xfc));
    return inl(PCI_DATA);
}

static void pci_write(unsigned devfn, unsigned reg, uint32_t val)
{
    outl(PCI_ADDR, 0x80000000u | devfn << 8 | (reg & 0xfc));
    outl(PCI_DATA, val);
}

static unsigned pci_find(uint32_t id)
{
    for (unsigned devfn = 0; devfn < 256; devfn++) {
        if (pci_read(devfn, 0) == id)
            return devfn;
    }
    return 0;
}

/*
 * QEMU's ivshmem-doorbell (docs/specs/ivshmem-spec.txt): BAR 0 holds the doorbell register at 12, its
 * MSI-X table is BAR 1. No firmware ran, so the BARs are ours to place. Vector n of the table is
 * the host's kick for vCPU n.
 */
static void ivshmem_init(void)
{
    unsigned devfn = pci_find(IVSHMEM_ID);
    if (!devfn)
        for (;;)
            __asm__ volatile("cli; hlt"); /* nobody to tell: the host notices that nothing comes */

    pci_write(devfn, 0x10, BAR_REGS);
    pci_write(devfn, 0x14, BAR_MSIX);
    pci_write(devfn, 0x04, 0x6); /* memory space, bus master */

    volatile uint32_t *table = (volatile uint32_t *)direct(BAR_MSIX);
    for (unsigned i = 0; i < emu.nr_vcpus; i++) {
        table[i * 4] = 0xfee00000u | i << 12;
        table[i * 4 + 1] = 0;
        table[i * 4 + 2] = EMU_VECTOR_KICK;
        table[i * 4 + 3] = 0;
    }
    unsigned cap = pci_read(devfn, 0x34) & 0xfc;
    while (cap && (pci_read(devfn, cap) & 0xff) != MSIX_CAP)
        cap = pci_read(devfn, cap) >> 8 & 0xfc;
    pci_write(devfn, cap, pci_read(devfn, cap) | 1u << 31);
    emu.doorbell = (volatile uint32_t *)direct(BAR_REGS + 12);
}

void doorbell_init(void)
{
    if (emu.boot.doorbell == EMU_DOORBELL_IVSHMEM)
        ivshmem_init();
}

/* Asynchronous: "look at the shared pages". */
void host_ring_doorbell(unsigned n)
{
    if (emu.doorbell)
        *emu.doorbell = n; /* peer 0, vector n: xenner */
    else
        outl(EMU_PORT_ASYNC, n);
}

/*
 * Returns what the host answered. arg goes there and comes back. With the port doorbell the answer
 * is there when OUT returns; else the vCPU sleeps until the host's kick, and takes other interrupts
 * meanwhile (they only leave notes, see traps.c).
 */
int64_t hostcall(struct vcpu *v, unsigned nr, unsigned cmd, void *arg, size_t len)
{
    struct emu_hostcall *call = &v->shared->call;

    if (len > sizeof(call->arg))
        return -XEN_EINVAL;
    call->nr = nr;
    call->cmd = cmd;
    memcpy(call->arg, arg, len);
    __atomic_store_n(&call->state, EMU_HOSTCALL_REQUEST, __ATOMIC_SEQ_CST);
    if (emu.doorbell)
        host_ring_doorbell(0);
    else
        outl(EMU_PORT_SYNC, v->id);
    while (__atomic_load_n(&call->state, __ATOMIC_SEQ_CST) != EMU_HOSTCALL_DONE)
        wait_for_interrupt();
    memcpy(arg, call->arg, len);
    int64_t ret = call->ret;
    __atomic_store_n(&call->state, EMU_HOSTCALL_IDLE, __ATOMIC_SEQ_CST);
    return ret;
}
