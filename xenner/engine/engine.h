/*
 * Seam 2: what runs memory and vCPUs, and knows nothing of Xen. Private to domain/domain_emu.c.
 *
 * The contents of RAM are complete before create(): emu, the guest, and the page tables that emu
 * starts with. Every vCPU starts alike: 64-bit, ring 0, interrupts off, flat segments from the
 * engine's own GDT, CR3 and RSP as set_entry() said, RDI = the vCPU's number.
 */
#pragma once

#include "xenner/util/guest_mem.h"

#include <glib.h>

struct engine;

struct engine_hooks {
    /* The guest side rang: look at the shared pages. On kvm a vCPU's thread, on tcg the main loop's
     * thread; several may call at once. */
    void (*doorbell)(void *opaque);
    /* The engine died or a vCPU can't go on. Main loop's thread, once. why is for the user. */
    void (*failed)(void *opaque, const char *why);
};

struct engine_entry {
    uint64_t rip, rsp, cr3;
};

struct engine_config {
    struct guest_mem *mem; /* borrowed for the engine's life */
    unsigned vcpus;
    bool sandbox;          /* a process that runs vCPUs gets a filter of its own, too */
    const char *name;      /* the VM's, for process titles */
    const struct engine_entry *entry; /* one a vCPU; copied */
};

struct engine_ops {
    const char *name; /* "kvm", "tcg" */
    bool doorbell_port; /* emu rings with OUT to a port; else with the ivshmem device */
    /* Really tries; on failure why_not gets one clause for the user. */
    bool (*probe)(GString *why_not);
    struct engine *(*create)(const struct engine_config *cfg, const struct engine_hooks *hooks,
                             void *opaque, GError **error);
    bool (*run)(struct engine *e, GError **error);
    /* Returns when every vCPU has stopped. */
    bool (*pause)(struct engine *e, GError **error);
    /* Interrupt one vCPU with emu's kick vector. Any thread. */
    void (*kick)(struct engine *e, unsigned vcpu);
    /*
     * An eventfd that is written to when the guest rings doorbell n, 1 to EMU_DOORBELLS - 1: for whoever
     * polls it; hooks->doorbell is not called. The engine's; -1 when there is none.
     */
    int (*doorbell_fd)(struct engine *e, unsigned n);
    /* What the vCPUs' clocks count: TSC ticks a second. */
    uint64_t (*tsc_hz)(struct engine *e);
    /* The vCPU's thread, for pinning and statistics; 0 when not known yet. */
    int (*vcpu_tid)(struct engine *e, unsigned vcpu);
    /* A stopped vCPU's registers as text, emu's own when that is what ran. Nothing when not known. */
    void (*registers)(struct engine *e, unsigned vcpu, GString *out);
    void (*destroy)(struct engine *e); /* accepts NULL and half-made engines */
};

extern const struct engine_ops engine_tcg;
extern const struct engine_ops engine_kvm;
/* NULL-terminated, in order of preference. */
extern const struct engine_ops *const engines[];
