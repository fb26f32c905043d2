/* xen_version: what Linux and others look at. */
#include "guest.h"

#include <xen/features.h>

static void features(void)
{
    struct xen_feature_info info = {0};

    is(hypercall(xen_version, XENVER_get_features, &info), 0, "get_features");
    ok(info.submap >> XENFEAT_mmu_pt_update_preserve_ad & 1, "preserve_ad is offered");
    ok(!(info.submap >> XENFEAT_auto_translated_physmap & 1), "no auto translation");
    ok(!(info.submap >> XENFEAT_dom0 & 1), "not dom0");
    info.submap_idx = XENFEAT_NR_SUBMAPS;
    is(hypercall(xen_version, XENVER_get_features, &info), -XEN_EINVAL, "get_features, bad index");
}

void test_version(void)
{
    static char text[1024];
    unsigned long start = 0;

    long v = hypercall(xen_version, XENVER_version);
    ok(v >> 16 == 4 && (v & 0xffff) >= 2, "version is 4.x");
    is(hypercall(xen_version, XENVER_extraversion, text), 0, "extraversion");
    ok(text[0] && strlen(text) < sizeof(xen_extraversion_t), "extraversion is a text");
    is(hypercall(xen_version, XENVER_capabilities, text), 0, "capabilities");
    ok(memcmp(text, "xen-3.0-x86_64", 14) == 0, "capabilities name this kind of guest");
    is(hypercall(xen_version, XENVER_compile_info, text), 0, "compile_info");
    is(hypercall(xen_version, XENVER_changeset, text), 0, "changeset");
    is(hypercall(xen_version, XENVER_commandline, text), 0, "commandline");
    is(hypercall(xen_version, XENVER_guest_handle, text), 0, "guest_handle");
    is(hypercall(xen_version, XENVER_platform_parameters, &start), 0, "platform_parameters");
    is(start, HYPERVISOR_VIRT_START, "platform_parameters: where Xen's area begins");
    is(hypercall(xen_version, XENVER_pagesize), PAGE_SIZE, "pagesize");
    features();
    for (unsigned cmd = XENVER_extraversion; cmd <= XENVER_commandline; cmd++) {
        if (cmd != XENVER_pagesize)
            is(hypercall(xen_version, cmd, NOWHERE), -XEN_EFAULT, "command %u, bad pointer", cmd);
    }
    is(hypercall(xen_version, XENVER_build_id, 0), -XEN_EPERM, "build_id: not for guests");
    is(hypercall(xen_version, 99), -XEN_ENOSYS, "unknown command");
}
