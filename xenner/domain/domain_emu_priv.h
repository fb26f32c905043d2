/*
 * What the files of the emulated domain share: domain_emu.c is its driver, domain_emu_build.c makes what
 * it consists of, domain_emu_events.c serves the guest's doorbell and tells the owner what happened.
 */
#pragma once

#include "xenner/build/image.h"
#include "xenner/domain/driver.h"
#include "xenner/domain/emu_area.h"
#include "xenner/engine/engine.h"
#include "xenner/host/evtchn.h"
#include "xenner/host/gnttab.h"
#include "xenner/host/store/ring.h"

struct emu_domain {
    struct domain base;
    const struct vm_config *cfg;
    const struct domain_events *events;
    void *opaque;

    struct guest_mem *mem;
    struct emu_area area;
    struct emu_boot_info *boot;
    struct dom_image image;
    const struct engine_ops *ops;
    struct engine *engine;
    struct evtchn_table *evtchn;
    struct gnttab *gnttab;
    struct xen_host *host;
    evtchn_port_t console_port, store_port;
    struct store *store;
    struct store_ring *store_ring;

    GMutex lock;       /* log position, shutdown, texts for the main loop */
    uint32_t log_cons;
    GString *log_line;
    GString *console;  /* debug console output on its way to the main loop */
    char *failure;
    bool shut_down;
    unsigned shutdown_reason, shutdown_vcpu;
    bool told;         /* shutdown() or failed() was called */
    guint idle;        /* source that brings the above to the main loop */
};

/* The page that emu and this process share about a vCPU. */
static inline struct emu_vcpu_shared *vcpu_shared(struct emu_domain *d, unsigned vcpu)
{
    return guest_ptr(d->mem, d->area.vcpu_shared + vcpu * (uint64_t)FRAME_SIZE, FRAME_SIZE);
}

/* The steps of a domain's making, in this order; what was made is freed by the driver's destroy(). */
bool emu_lay_out(struct emu_domain *d, GError **error);
bool emu_start_engine(struct emu_domain *d, GError **error); /* its vCPUs do not run yet */
/* images: as domain_create() has them. */
bool emu_build(struct emu_domain *d, const struct boot_images *images, GError **error);
void emu_fill_boot_info(struct emu_domain *d);
void emu_fill_clock(struct emu_domain *d);
void emu_make_host(struct emu_domain *d);
bool emu_start_store(struct emu_domain *d, GError **error);

/* What an engine calls, from its own threads. */
extern const struct engine_hooks emu_engine_hooks;
/* emu's log so far: its lines go to g_log's domain "emu". Any thread. */
void emu_drain_log(struct emu_domain *d);
