#include "xenner/domain/hostcall.h"

#include <glib.h>
#include <string.h>
#include <xen/errno.h>

/* The frame is the guest's to scribble on: everything is copied before it is looked at. */
static int64_t dispatch(uint32_t nr, uint32_t cmd, unsigned vcpu, uint8_t arg[496],
                        const struct hostcall_handlers *h, void *opaque, bool *answer)
{
    struct emu_frames frames;

    switch (nr) {
    case EMU_HOSTCALL_EVTCHN:
        return h->evtchn(opaque, vcpu, cmd, arg, 496);
    case EMU_HOSTCALL_SHUTDOWN:
        *answer = !h->shutdown(opaque, vcpu, cmd);
        return 0;
    case EMU_HOSTCALL_CONSOLE_OUT:
        if (cmd > 496)
            return -XEN_EINVAL;
        h->console(opaque, (const char *)arg, cmd);
        return 0;
    case EMU_HOSTCALL_RELEASE:
        memcpy(&frames, arg, sizeof(frames));
        h->release(opaque, frames.first_mfn, frames.count);
        return 0;
    case EMU_HOSTCALL_PANIC:
        arg[495] = '\0';
        h->panic(opaque, vcpu, (const char *)arg);
        *answer = false;
        return 0;
    default:
        return -XEN_ENOSYS;
    }
}

bool hostcall_serve(struct emu_hostcall *call, unsigned vcpu, const struct hostcall_handlers *h,
                    void *opaque)
{
    uint32_t expected = EMU_HOSTCALL_REQUEST;
    uint8_t arg[496];
    bool answer = true;

    if (!__atomic_compare_exchange_n(&call->state, &expected, EMU_HOSTCALL_SERVING, false,
                                     __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        return false;
    uint32_t nr = *(volatile uint32_t *)&call->nr, cmd = *(volatile uint32_t *)&call->cmd;
    memcpy(arg, call->arg, sizeof(arg));
    int64_t ret = dispatch(nr, cmd, vcpu, arg, h, opaque, &answer);
    if (!answer)
        return false;
    memcpy(call->arg, arg, sizeof(arg));
    call->ret = ret;
    __atomic_store_n(&call->state, EMU_HOSTCALL_DONE, __ATOMIC_SEQ_CST);
    return true;
}
