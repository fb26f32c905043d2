#include "xenner/domain/libxl_crash.h"
#include "xenner/domain/crash.h"
#include "xenner/util/frames.h"

#include <string.h>
#include <sys/mman.h>
#include <xenctrl.h>
#include <xenforeignmemory.h>

/* The stack as far as its page goes. */
static void read_stack(xc_interface *xc, uint32_t domid, unsigned vcpu, uint64_t rsp,
                       struct emu_vcpu_shared *s)
{
    uint64_t offset = rsp & (FRAME_SIZE - 1);
    xen_pfn_t frame = xc_translate_foreign_address(xc, domid, (int)vcpu, rsp);
    xenforeignmemory_handle *foreign = frame ? xenforeignmemory_open(NULL, 0) : NULL;
    const uint8_t *page =
        foreign ? xenforeignmemory_map(foreign, domid, PROT_READ, 1, &frame, NULL) : NULL;

    if (page) {
        s->stack_valid = (uint32_t)MIN(FRAME_SIZE - offset, sizeof(s->stack));
        memcpy(s->stack, page + offset, s->stack_valid);
        xenforeignmemory_unmap(foreign, (void *)page, 1);
    }
    if (foreign)
        xenforeignmemory_close(foreign);
}

static bool read_vcpu(xc_interface *xc, uint32_t domid, unsigned vcpu, struct emu_vcpu_shared *s)
{
    vcpu_guest_context_any_t c;

    if (xc_vcpu_getcontext(xc, domid, vcpu, &c))
        return false;
    memcpy(s->regs, &c.x64.user_regs, sizeof(c.x64.user_regs));
    s->cr2 = c.x64.ctrlreg[2];
    s->cr3 = c.x64.ctrlreg[3];
    s->fs_base = c.x64.fs_base;
    s->gs_base = c.x64.flags & VGCF_in_kernel ? c.x64.gs_base_kernel : c.x64.gs_base_user;
    read_stack(xc, domid, vcpu, c.x64.user_regs.rsp, s);
    return true;
}

void libxl_crash_report(uint32_t domid, unsigned first, unsigned end, xentoollog_logger *logger,
                        GString *out)
{
    xc_interface *xc = xc_interface_open(logger, logger, 0);
    /* no symbols: any address of the kernel's half may be a caller's */
    const struct dom_image img = {.virt_base = 0xffffffff80000000, .virt_end = UINT64_MAX};

    for (unsigned i = first; xc && i < end; i++) {
        g_autofree struct emu_vcpu_shared *s = g_new0(struct emu_vcpu_shared, 1);
        if (read_vcpu(xc, domid, i, s))
            crash_report_vcpu(s, i, &img, out);
    }
    if (xc)
        xc_interface_close(xc);
}
