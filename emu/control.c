/*
 * domctl, sysctl and platform_op are the control domain's. Who asks by another version of the interface is
 * told that first, as by Xen: tools of another release say so, instead of that they may not.
 */
#define __XEN_TOOLS__ /* what the versions are */
#include "emu/emu.h"

#include <xen/domctl.h>
#include <xen/platform.h>
#include <xen/sysctl.h>

static int64_t refuse(uint64_t at, uint32_t version)
{
    uint32_t head[2]; /* all three begin with the command and the version */

    if (copy_from_guest(head, at, sizeof(head)))
        return -XEN_EFAULT;
    return head[1] == version ? -XEN_EPERM : -XEN_EACCES;
}

HYPERCALL(do_domctl)
{
    return refuse(a[0], XEN_DOMCTL_INTERFACE_VERSION);
}

HYPERCALL(do_sysctl)
{
    return refuse(a[0], XEN_SYSCTL_INTERFACE_VERSION);
}

HYPERCALL(do_platform_op)
{
    return refuse(a[0], XENPF_INTERFACE_VERSION);
}
