/* The requests of emu (emu_abi.h: struct emu_hostcall), told apart, copied and checked. */
#pragma once

#include "emu/abi/emu_abi.h"

#include <stdbool.h>
#include <stddef.h>

struct hostcall_handlers {
    int64_t (*evtchn)(void *opaque, unsigned vcpu, uint32_t cmd, void *arg, size_t size);
    /* true: granted, the vCPU gets no answer and sleeps for good */
    bool (*shutdown)(void *opaque, unsigned vcpu, uint32_t reason);
    void (*console)(void *opaque, const char *text, size_t len);
    void (*release)(void *opaque, uint64_t first_mfn, uint64_t count);
    void (*panic)(void *opaque, unsigned vcpu, const char *text);
};

/*
 * Serves the request in *call, if there is one that nobody else serves. True when the vCPU must be
 * kicked because its answer is there. Any thread, also several at once on different or the same call.
 */
bool hostcall_serve(struct emu_hostcall *call, unsigned vcpu, const struct hostcall_handlers *h,
                    void *opaque);
