/*
 * Seam 1: one domain, however it is run. What the lifecycle and the monitors see. The emulated domain
 * (domain_emu.c: builder, emu, an engine, in-process event channels) is one, libxl's (domain_libxl.c) another.
 *
 * Threads: everything here but domain_prepare() is called, and calls back, in the main loop's thread.
 */
#pragma once

#include "xenner/config/boot_source.h"
#include "xenner/config/vm_config.h"
#include "xenner/host/store/store.h"
#include "xenner/host/xen_host.h"

struct domain;

struct domain_events {
    /* The guest ended itself; reason is SHUTDOWN_* of xen/sched.h. Its vCPUs stand still. */
    void (*shutdown)(void *opaque, unsigned reason);
    /* The domain can't go on for a reason that is not the guest's; why is for the user. */
    void (*failed)(void *opaque, const char *why);
    /* HYPERVISOR_console_io: text for the debug console. */
    void (*debug_output)(void *opaque, const char *text, size_t len);
};

/*
 * Builds the domain, paused, on the first accelerator of cfg->accels (or the default list) that
 * passes its probe. cfg is borrowed for the domain's life. images: what it starts with, borrowed for
 * the call; NULL: what cfg says.
 */
struct domain *domain_create(const struct vm_config *cfg, const struct boot_images *images,
                             const struct domain_events *events, void *opaque, GError **error);
/*
 * The long part of domain_create() by itself, of which nobody else sees anything: a domain whose memory has what it
 * starts with, and that is only to be completed or destroyed. accel: domain_accel() of another one of cfg's. Any thread.
 */
struct domain *domain_prepare(const struct vm_config *cfg, const struct boot_images *images, const char *accel,
                              GError **error);
/* What domain_create() would have returned. When it fails d is still the caller's to destroy. */
bool domain_complete(struct domain *d, const struct domain_events *events, void *opaque, GError **error);
/* Lets the vCPUs run, or returns when all have stopped. */
bool domain_set_running(struct domain *d, bool run, GError **error);
/* What backends talk to; borrowed, lives as long as the domain. */
struct xen_host *domain_host(struct domain *d);
/* Its xenstore, for clients of a socket; borrowed. NULL: the system's own serves them. */
struct store *domain_store(struct domain *d);
/*
 * The ring and the port of PV console n; false when the domain has no such console, or (console 0, on
 * a Xen host) xenconsoled serves it and its terminal is in the node console/tty.
 */
bool domain_console(struct domain *d, unsigned n, xen_pfn_t *ret_gfn, evtchn_port_t *ret_port);
/* Bytes of memory that the guest has now: less than it began with when its balloon is inflated. */
uint64_t domain_memory(struct domain *d); /* 0: nobody knows */
/* The accelerator that it runs on: "kvm", "tcg", "xen". */
const char *domain_accel(const struct domain *d);
/* The thread that runs it, 0 when not known. */
int domain_vcpu_tid(struct domain *d, unsigned vcpu);
/* A vCPU's registers now, as text; the domain is stopped. */
void domain_registers(struct domain *d, unsigned vcpu, GString *out);
/* A non-maskable interrupt for vCPU 0. A guest without a handler does not notice. */
bool domain_nmi(struct domain *d, GError **error);
/* Whether what runs is more than a boot loader, which polls: it has asked for events. True also when nobody knows. */
bool domain_os_runs(struct domain *d);
/* Presses an HVM guest's ACPI power button; other guests have none. */
bool domain_power_button(struct domain *d, GError **error);
/*
 * After a shutdown: registers and stack of the vCPU that asked for it, with symbols where the kernel
 * has them, and one line for each other one.
 */
void domain_crash_report(struct domain *d, GString *out);
/* Ends and frees it, whatever state it is in. Accepts NULL. */
void domain_destroy(struct domain *d);

/* The known accelerators, NULL-terminated, in the default order of preference. */
const char *const *domain_accels(void);
/*
 * What cfg's guest would run on: the first of its list that works, or xen where libvirt asks on a Xen host. NULL:
 * the error says for each why not.
 */
const char *domain_choose_accel(const struct vm_config *cfg, GError **error);
/* Really tries accel; when it can't be used, why_not gets one clause for the user. */
bool domain_probe(const char *accel, GString *why_not);
