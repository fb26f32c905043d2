/* xen_version, vm_assist, console_io, physdev_op, hvm_op, and the contents of the hypercall page. */
#include "emu/emu.h"

#include <xen/features.h>
#include <xen/physdev.h>
#include <xen/version.h>
#include <xen/hvm/hvm_op.h>

#define XEN_MAJOR 4
#define XEN_MINOR 17

/* 32-bit kernels enter emu by INT 0x82, as under Xen. */
static void fill_page32(uint8_t *p)
{
    for (unsigned n = 0; n < 128; n++, p += 32) {
        unsigned i = 0;
        memset(p, 0xcc, 32);
        if (n == __HYPERVISOR_iret)
            p[i++] = 0x50; /* push %eax */
        p[i++] = 0xb8;     /* mov $n, %eax */
        p[i++] = (uint8_t)n;
        p[i++] = 0;
        p[i++] = 0;
        p[i++] = 0;
        p[i++] = 0xcd; /* int $0x82 */
        p[i++] = 0x82;
        if (n != __HYPERVISOR_iret)
            p[i++] = 0xc3;
    }
}

void hypercall_page_fill(void *page)
{
    if (emu.pae32)
        fill_page32(page);
    else
        memcpy(page, hypercall_page_template, PAGE_SIZE);
}

static int copy_text(uint64_t at, const char *text, size_t size)
{
    char buf[1024] = {0};

    memcpy(buf, text, MIN(strlen(text), size - 1));
    return copy_to_guest(at, buf, size);
}

static int64_t compile_info(uint64_t at)
{
    struct xen_compile_info info = {
        .compiler = "gcc", .compile_by = "xenner", .compile_domain = "xenner", .compile_date = ""};

    return copy_to_guest(at, &info, sizeof(info));
}

/*
 * The features of D4: tables and descriptors need no write protection, P2M and M2P are kept by the
 * guest. The rest is what Xen 4.17 gives a PV domU.
 */
static int64_t get_features(uint64_t at)
{
    struct xen_feature_info info;

    if (copy_from_guest(&info, at, sizeof(info)))
        return -XEN_EFAULT;
    if (info.submap_idx >= XENFEAT_NR_SUBMAPS)
        return -XEN_EINVAL;
    info.submap = 1u << XENFEAT_writable_page_tables | 1u << XENFEAT_writable_descriptor_tables |
                  1u << XENFEAT_pae_pgdir_above_4gb | 1u << XENFEAT_mmu_pt_update_preserve_ad |
                  1u << XENFEAT_highmem_assist | 1u << XENFEAT_gnttab_map_avail_bits |
                  1u << XENFEAT_memory_op_vnode_supported;
    return copy_to_guest(at, &info, sizeof(info));
}

HYPERCALL(do_xen_version)
{
    static const uint8_t handle[16] = {0};
    uint64_t virt_start = EMU_M2P_VA;
    uint32_t virt_start32 = EMU_PAE_M2P_VA;

    switch (a[0]) {
    case XENVER_version:
        return XEN_MAJOR << 16 | XEN_MINOR;
    case XENVER_extraversion:
        return copy_text(a[1], "-xenner", sizeof(xen_extraversion_t));
    case XENVER_compile_info:
        return compile_info(a[1]);
    case XENVER_capabilities:
        return copy_text(a[1], "xen-3.0-x86_64 xen-3.0-x86_32p ", sizeof(xen_capabilities_info_t));
    case XENVER_changeset:
        return copy_text(a[1], "", sizeof(xen_changeset_info_t));
    case XENVER_platform_parameters:
        return emu.pae32 ? copy_to_guest(a[1], &virt_start32, 4) : copy_to_guest(a[1], &virt_start, 8);
    case XENVER_get_features:
        return get_features(a[1]);
    case XENVER_pagesize:
        return (int64_t)PAGE_SIZE;
    case XENVER_guest_handle:
        return copy_to_guest(a[1], handle, sizeof(handle));
    case XENVER_commandline:
        return copy_text(a[1], "", sizeof(xen_commandline_t));
    case XENVER_build_id: /* Xen tells nobody but domain 0 */
        return -XEN_EPERM;
    default:
        return -XEN_ENOSYS;
    }
}

/* What the assists do is so anyway; architectural_iopl and the like are only remembered. */
HYPERCALL(do_vm_assist)
{
    uint64_t known = 1ull << VMASST_TYPE_4gb_segments | 1ull << VMASST_TYPE_4gb_segments_notify |
                     1ull << VMASST_TYPE_writable_pagetables |
                     1ull << VMASST_TYPE_pae_extended_cr3 | 1ull << VMASST_TYPE_architectural_iopl |
                     1ull << VMASST_TYPE_runstate_update_flag | 1ull << VMASST_TYPE_m2p_strict;

    if (emu.pae32)
        known = (uint32_t)known; /* m2p_strict has no meaning there */
    if (a[1] >= 64 || !(known >> a[1] & 1))
        return -XEN_EINVAL;
    switch (a[0]) {
    case VMASST_CMD_enable:
        __atomic_fetch_or(&emu.vm_assist, 1ull << a[1], __ATOMIC_RELAXED);
        return 0;
    case VMASST_CMD_disable:
        __atomic_fetch_and(&emu.vm_assist, ~(1ull << a[1]), __ATOMIC_RELAXED);
        return 0;
    default:
        return -XEN_ENOSYS;
    }
}

/* The debug console. As a Xen that was built for debugging, which lets every domain write and domain 0 do the rest. */
HYPERCALL(do_console_io)
{
    uint8_t buf[496];
    uint64_t count = (uint32_t)a[1], done = 0;

    if ((uint32_t)a[0] != CONSOLEIO_write)
        return -XEN_EPERM;
    while (done < count) {
        size_t n = MIN(count - done, sizeof(buf));
        if (copy_from_guest(buf, a[2] + done, n))
            return -XEN_EFAULT;
        hostcall(v, EMU_HOSTCALL_CONSOLE_OUT, (unsigned)n, buf, n);
        done += n;
    }
    return 0;
}

static int64_t set_iopl(struct vcpu *v, uint64_t at)
{
    struct physdev_set_iopl op;

    if (copy_from_guest(&op, at, sizeof(op)))
        return -XEN_EFAULT;
    if (op.iopl > 3)
        return -XEN_EINVAL;
    v->iopl = (uint8_t)op.iopl;
    return 0;
}

/* A domU has no port to allow. */
static int64_t set_iobitmap(uint64_t at)
{
    uint32_t op[4] = {0}; /* a pointer, then the number of ports */
    size_t size = emu.pae32 ? 8 : 16;

    if (copy_from_guest(op, at, size))
        return -XEN_EFAULT;
    return op[emu.pae32 ? 1 : 2] > 65536 ? -XEN_EINVAL : 0;
}

HYPERCALL(do_physdev_op)
{
    switch ((uint32_t)a[0]) {
    case PHYSDEVOP_set_iopl:
        return set_iopl(v, a[1]);
    case PHYSDEVOP_set_iobitmap:
        return set_iobitmap(a[1]);
    case PHYSDEVOP_eoi:
    case PHYSDEVOP_irq_status_query:
        return -XEN_EINVAL; /* no PIRQ */
    case PHYSDEVOP_apic_read:
    case PHYSDEVOP_apic_write:
    case PHYSDEVOP_alloc_irq_vector:
    case PHYSDEVOP_map_pirq:
    case PHYSDEVOP_unmap_pirq:
        return -XEN_EPERM;
    default:
        return -XEN_ENOSYS;
    }
}

HYPERCALL(do_physdev_op_compat)
{
    uint32_t cmd;

    if (copy_from_guest(&cmd, a[0], sizeof(cmd)))
        return -XEN_EFAULT;
    const uint64_t args[6] = {cmd, a[0] + offsetof(struct physdev_op, u)};
    return do_physdev_op(v, regs, args);
}

/* HVM parameters of a PV domain: there are none. HVMOP_set_param 0, HVMOP_get_param 1. */
HYPERCALL(do_hvm_op)
{
    struct xen_hvm_param p;

    if ((uint32_t)a[0] > 1)
        return -XEN_ENOSYS;
    if (copy_from_guest(&p, a[1], sizeof(p)))
        return -XEN_EFAULT;
    return -XEN_EINVAL;
}
