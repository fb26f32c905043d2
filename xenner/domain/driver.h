/*
 * What a kind of domain brings to domain.c, its only caller: the emulated one (domain_emu.c), and the one that
 * libxl makes on a Xen host (domain_libxl.c), which lives in a module of its own.
 *
 * The functions are domain.h's; the functions that say so may be NULL.
 */
#pragma once

#include "xenner/domain/domain.h"

struct domain_driver;

/* Drivers embed it as their first member, and set both. */
struct domain {
    const struct domain_driver *driver;
    const char *accel; /* set by domain.c */
};

struct domain_driver {
    bool (*probe)(const char *accel, GString *why_not);
    struct domain *(*create)(const struct vm_config *cfg, const struct boot_images *images,
                             const char *accel, const struct domain_events *events, void *opaque, GError **error);
    /* domain_prepare() and domain_complete(); both or neither. */
    struct domain *(*prepare)(const struct vm_config *cfg, const struct boot_images *images, const char *accel,
                              GError **error);
    bool (*complete)(struct domain *d, const struct domain_events *events, void *opaque, GError **error);
    bool (*set_running)(struct domain *d, bool run, GError **error);
    struct xen_host *(*host)(struct domain *d);
    struct store *(*store)(struct domain *d); /* NULL: the system's own xenstore serves all */
    bool (*console)(struct domain *d, unsigned n, xen_pfn_t *ret_gfn, evtchn_port_t *ret_port);
    int (*vcpu_tid)(struct domain *d, unsigned vcpu); /* NULL: nobody knows */
    uint64_t (*memory)(struct domain *d); /* NULL: nobody knows */
    bool (*nmi)(struct domain *d, GError **error);
    bool (*os_runs)(struct domain *d); /* NULL: nobody knows */
    bool (*power_button)(struct domain *d, GError **error); /* NULL: its guests have none */
    void (*registers)(struct domain *d, unsigned vcpu, GString *out);
    void (*crash_report)(struct domain *d, GString *out);
    void (*destroy)(struct domain *d);
};

extern const struct domain_driver domain_emu_driver;
extern const struct domain_driver domain_libxl_driver; /* only in the module */

/*
 * The module for Xen hosts: a shared object that is linked with Xen's libraries, so that xenner itself
 * is not, and runs where there are none. It exports one symbol, XEN_MODULE_SYMBOL, of this type.
 */
struct xen_module {
    const char *version; /* XENNER_VERSION: a module of another build is refused */
    const struct domain_driver *driver;
};
#define XEN_MODULE_SYMBOL "xenner_xen_module"

/*
 * Its driver, loaded at the first call that finds this machine to be a Xen host's control domain; stays
 * loaded. NULL: why_not has one clause for the user.
 */
const struct domain_driver *xen_module_driver(GString *why_not);
