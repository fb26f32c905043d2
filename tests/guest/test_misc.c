/* console_io, physdev_op, callback_op, hvm_op, vm_assist, calls of control domains, unknown ones.
 */
#define __XEN_TOOLS__ /* the versions of the control domain's interfaces */
#include "event.h"
#include "mem.h"

#include <xen/callback.h>
#include <xen/domctl.h>
#include <xen/hvm/hvm_op.h>
#include <xen/physdev.h>
#include <xen/platform.h>
#include <xen/sysctl.h>

#ifdef __x86_64__
#define IF_64(a, b) (a)
#else
#define IF_64(a, b) (b)
#endif
#define NOT_CANONICAL 0x8000000000000000

static void console(void)
{
    static const char release[] = "domUs write there only if Xen was built for debugging";
    static char in[16];
    static const char text[] = "# this line comes by console_io\n";

    console_flush(); /* another way to the same terminal: not into a line */
    is_or(hypercall(console_io, CONSOLEIO_write, sizeof(text) - 1, text), 0, -XEN_EPERM, release,
          "console_io write");
    is_or(hypercall(console_io, CONSOLEIO_write, 0, NOWHERE), 0, -XEN_EPERM, release,
          "console_io write of nothing");
    is_or(hypercall(console_io, CONSOLEIO_write, 10, NOWHERE), -XEN_EFAULT, -XEN_EPERM, release,
          "console_io write, bad pointer");
    is(hypercall(console_io, CONSOLEIO_read, sizeof(in), in), -XEN_EPERM, "console_io read");
    is(hypercall(console_io, 99, 0, 0), -XEN_EPERM, "console_io, unknown command");
}

static void physdev(void)
{
    struct physdev_set_iopl iopl = {.iopl = 4};
    struct physdev_set_iobitmap bitmap = {.nr_ports = 0};
    struct physdev_map_pirq map = {.domid = DOMID_SELF};
    struct physdev_apic apic = {0};
    struct physdev_op compat = {.cmd = PHYSDEVOP_set_iopl, .u.set_iopl.iopl = 0};

    is(hypercall(physdev_op, PHYSDEVOP_set_iopl, &iopl), -XEN_EINVAL, "set_iopl 4");
    is(hypercall(physdev_op, PHYSDEVOP_set_iopl, NOWHERE), -XEN_EFAULT, "set_iopl, bad pointer");
    is(hypercall(physdev_op, PHYSDEVOP_set_iobitmap, &bitmap), 0, "set_iobitmap");
    bitmap.nr_ports = 65537;
    is(hypercall(physdev_op, PHYSDEVOP_set_iobitmap, &bitmap), -XEN_EINVAL,
       "set_iobitmap, too large");
    is(hypercall(physdev_op, PHYSDEVOP_set_iobitmap, NOWHERE), -XEN_EFAULT,
       "set_iobitmap, bad pointer");
    is(hypercall(physdev_op, PHYSDEVOP_map_pirq, &map), -XEN_EPERM, "map_pirq");
    is(hypercall(physdev_op, PHYSDEVOP_apic_read, &apic), -XEN_EPERM, "apic_read");
    is(hypercall(physdev_op, PHYSDEVOP_apic_write, &apic), -XEN_EPERM, "apic_write");
    is(hypercall(physdev_op, 99, &iopl), -XEN_ENOSYS, "physdev_op, unknown command");
    is(hypercall(physdev_op_compat, &compat), 0, "compat: set_iopl");
    is(hypercall(physdev_op_compat, NOWHERE), -XEN_EFAULT, "compat: bad pointer");
}

static void callbacks(void)
{
    static const uint16_t kept[] = {CALLBACKTYPE_event, CALLBACKTYPE_failsafe,
                                    CALLBACKTYPE_syscall32, CALLBACKTYPE_sysenter};
    struct callback_register reg = {.type = CALLBACKTYPE_nmi};
    struct callback_unregister un = {.type = CALLBACKTYPE_nmi};

    callback_address(&reg, stub(2));
    is(hypercall(callback_op, CALLBACKOP_register, &reg), 0, "register NMI");
    is(hypercall(callback_op, CALLBACKOP_unregister, &un), 0, "unregister NMI");
    for (unsigned i = 0; i < ARRAY_SIZE(kept); i++) {
        un.type = kept[i];
        is(hypercall(callback_op, CALLBACKOP_unregister, &un), -XEN_EINVAL, "unregister type %u",
           kept[i]);
    }
    un.type = CALLBACKTYPE_syscall;
    is(hypercall(callback_op, CALLBACKOP_unregister, &un), IF_64(-XEN_EINVAL, -XEN_ENOSYS),
       "unregister the system call's");
    un.type = 99;
    is(hypercall(callback_op, CALLBACKOP_unregister, &un), -XEN_ENOSYS, "unregister type 99");
    reg.type = 99;
    is(hypercall(callback_op, CALLBACKOP_register, &reg), -XEN_ENOSYS, "register type 99");
#ifdef __x86_64__
    reg = (struct callback_register){.type = CALLBACKTYPE_event, .address = NOT_CANONICAL};
    is(hypercall(callback_op, CALLBACKOP_register, &reg), -XEN_EINVAL, "register nowhere");
#endif
    is(hypercall(callback_op, CALLBACKOP_register, NOWHERE), -XEN_EFAULT, "register, bad pointer");
    is(hypercall(callback_op, CALLBACKOP_unregister, NOWHERE), -XEN_EFAULT,
       "unregister, bad pointer");
    is(hypercall(callback_op, 99, &reg), IF_64(-XEN_ENOSYS, -XEN_EINVAL),
       "callback_op, unknown command");
#ifdef __x86_64__
    long rc = hypercall(set_callbacks, stub(VECTOR_EVENT), stub(VECTOR_FAILSAFE),
                        stub(VECTOR_SYSCALL));
#else
    long rc = hypercall(set_callbacks, FLAT_KERNEL_CS, stub(VECTOR_EVENT), FLAT_KERNEL_CS,
                        stub(VECTOR_FAILSAFE));
#endif
    is(rc, 0, "set_callbacks");
    unsigned port = port_ipi(0);
    events_on();
    port_send(port);
    events_off();
    is(port_count[port], 1, "the event callback works after it");
    port_close(port);
    traps_register();
}

static void trap_tables(void)
{
    unsigned long nmi[2] = {stub(2)};

#ifdef __x86_64__
    trap_info_t table[2] = {{.vector = 6, .cs = FLAT_KERNEL_CS, .address = NOT_CANONICAL}};
    is(hypercall(set_trap_table, table), -XEN_EINVAL, "set_trap_table with an address nowhere");
#endif
    is(hypercall(set_trap_table, 0), 0, "set_trap_table: none");
    traps_register();
    TRY("ud2", NO_OUTS, "m"(seen[0]));
    expect_trap(6, 0, "with the table again");
    is(hypercall(nmi_op, 0, nmi), 0, "nmi_op: register");
    is(hypercall(nmi_op, 0, NOWHERE), -XEN_EFAULT, "nmi_op: bad pointer");
    is(hypercall(nmi_op, 1, 0), 0, "nmi_op: unregister");
    is(hypercall(nmi_op, 99, 0), -XEN_ENOSYS, "nmi_op: unknown command");
}

static void hvm(void)
{
    struct xen_hvm_param param = {.domid = DOMID_SELF, .index = 1};

    is(hypercall(hvm_op, HVMOP_get_param, &param), -XEN_EINVAL, "hvm_op get_param");
    is(hypercall(hvm_op, HVMOP_set_param, &param), -XEN_EINVAL, "hvm_op set_param");
    is(hypercall(hvm_op, HVMOP_get_param, NOWHERE), -XEN_EFAULT, "hvm_op, bad pointer");
    is(hypercall(hvm_op, 99, &param), -XEN_ENOSYS, "hvm_op, unknown command");
}

static void assists(void)
{
    static const unsigned known[] = {
        VMASST_TYPE_4gb_segments,        VMASST_TYPE_4gb_segments_notify,
        VMASST_TYPE_writable_pagetables, VMASST_TYPE_pae_extended_cr3,
        VMASST_TYPE_architectural_iopl,  VMASST_TYPE_runstate_update_flag};

    for (unsigned i = 0; i < ARRAY_SIZE(known); i++) {
        is(hypercall(vm_assist, VMASST_CMD_enable, known[i]), 0, "vm_assist: enable %u", known[i]);
        is(hypercall(vm_assist, VMASST_CMD_disable, known[i]), 0, "vm_assist: disable %u",
           known[i]);
    }
    is(hypercall(vm_assist, VMASST_CMD_enable, VMASST_TYPE_m2p_strict), IF_64(0, -XEN_EINVAL),
       "vm_assist: m2p_strict");
    hypercall(vm_assist, VMASST_CMD_disable, VMASST_TYPE_m2p_strict);
    is(hypercall(vm_assist, VMASST_CMD_enable, 20), -XEN_EINVAL, "vm_assist: unknown type");
    is(hypercall(vm_assist, VMASST_CMD_enable, 64), -XEN_EINVAL, "vm_assist: wild type");
    is(hypercall(vm_assist, 99, known[0]), -XEN_ENOSYS, "vm_assist: unknown command");
}

static void not_for_us(void)
{
    static struct xen_platform_op settime = {.cmd = XENPF_settime64,
                                             .interface_version = XENPF_INTERFACE_VERSION};
    static uint64_t op[32];
    static struct xen_domctl dom = {.cmd = XEN_DOMCTL_getdomaininfo,
                                    .interface_version = XEN_DOMCTL_INTERFACE_VERSION};
    static struct xen_sysctl sys = {.cmd = XEN_SYSCTL_physinfo,
                                    .interface_version = XEN_SYSCTL_INTERFACE_VERSION};

    settime.u.settime64.secs = 1;
    uint32_t sec = shared_info->wc_sec;
    is(hypercall(platform_op, &settime), -XEN_EPERM, "platform_op: settime");
    is(shared_info->wc_sec, sec, "the wall clock is as it was");
    is(hypercall(platform_op, op), -XEN_EACCES, "platform_op of another version");
    is(hypercall(platform_op, NOWHERE), -XEN_EFAULT, "platform_op, bad pointer");
    is(hypercall(domctl, &dom), -XEN_EPERM, "domctl");
    is(hypercall(domctl, op), -XEN_EACCES, "domctl of another version");
    is(hypercall(domctl, NOWHERE), -XEN_EFAULT, "domctl, bad pointer");
    is(hypercall(sysctl, &sys), -XEN_EPERM, "sysctl");
    is(hypercall(sysctl, op), -XEN_EACCES, "sysctl of another version");
    is(hypercall(sysctl, NOWHERE), -XEN_EFAULT, "sysctl, bad pointer");
    is(hypercall(arch_0, op), -XEN_EPERM, "machine checks");
    is(hypercall(kexec_op, 0, op), -XEN_EPERM, "kexec_op");
    is(hypercall(xsm_op, op), -XEN_ENOSYS, "xsm_op");
    is_or(hypercall(xenoprof_op, 0, op), -XEN_ENOSYS, 0, "this Xen was built with profiling",
          "xenoprof_op");
    is(hypercall(tmem_op, op), -XEN_ENOSYS, "tmem_op");
}

static void unknown(void)
{
    static const uint32_t numbers[] = {11, 43,  44,  47,   55,         56,
                                       63, 64, 127, 128, 1000, 0x7fffffff, 0x80000000, 0xffffffff};

    for (unsigned i = 0; i < ARRAY_SIZE(numbers); i++)
        is(hypercall_raw(numbers[i], 1, 2, 3, 4, 5), -XEN_ENOSYS, "call 0x%x", numbers[i]);
    is_or(hypercall_raw(__HYPERVISOR_hypfs_op, 1, 2, 3, 4, 5), -XEN_ENOSYS, -XEN_EPERM,
          "this Xen was built with its file system", "hypfs_op");
    is(hypercall_raw(__HYPERVISOR_xen_version, XENVER_pagesize, 0, 0, 0, 0), PAGE_SIZE,
       "a call without the page works");
}

void test_misc(void)
{
    events_off();
    console();
    physdev();
    callbacks();
    trap_tables();
    hvm();
    assists();
    not_for_us();
    unknown();
}
