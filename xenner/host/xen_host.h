/*
 * What a backend may ask of "Xen". An instance, never a global; two implementations: in process
 * (host/local.c), and, on a Xen host, the real libraries. A backend does not know which it has.
 *
 * Threads: bind/unbind/map/unmap in ctx's thread or before it runs, notify from any thread. fn is
 * called in ctx's thread, once for one or more notifications of the guest and once after bind, and
 * not any more after unbind. It may unbind its own port.
 */
#pragma once

#include "xenner/util/frames.h"

#include <glib.h>
#include <xen/xen.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>

struct guest_mem;  /* guest_mem.h */
struct xen_kernel; /* xen_kernel.h */
struct host_port; /* a bound event channel */
typedef void (*host_port_fn)(void *opaque);

struct xs_watch;  /* on a path of xenstore */
typedef void (*xs_watch_fn)(void *opaque, const char *path);

struct xen_host {
    const struct xen_host_ops *ops;
    domid_t domid; /* whom we serve */
    const struct xen_store_ops *xs;
    const struct guest_mem *mem; /* all of the guest's, where we have it mapped; NULL: pages are mapped singly. Borrowed */
    struct xen_kernel *kernel; /* what the host's kernel serves the guest with; NULL: nothing. Borrowed */
};

/* A piece between a granted page and buf, not across the page's end. */
struct grant_copy {
    grant_ref_t ref;
    uint16_t offset, len;
    bool to_guest;
    void *buf;
    int ret; /* set by grant_copy: 0 or -errno */
};

struct xen_host_ops {
    const char *name; /* "local", "libxen" */
    /* Of backends' types in xenstore: "", or what keeps the kernel's own drivers away from ours. */
    const char *type_prefix;
    bool cheap_maps;  /* mapping a grant costs next to nothing: no use in keeping it mapped */
    /* Connects to the guest's unbound (or reserved) port. */
    struct host_port *(*bind)(struct xen_host *h, evtchn_port_t remote, GMainContext *ctx,
                              host_port_fn fn, void *opaque, GError **error);
    void (*notify)(struct host_port *p); /* does nothing when the guest closed the port */
    /*
     * The same for an event that may wait as long as the guest's vCPU has something else to do. True: it is
     * held back, and the caller calls notify() when that was long enough; false: it was told at once.
     * Any thread. NULL where nobody knows what the vCPU does.
     */
    bool (*notify_idle)(struct host_port *p);
    /*
     * Asks for a call of fn when a vCPU of the guest has nothing else to do, once, whether the guest sends
     * or not. In ctx's thread. NULL where nobody knows.
     */
    void (*wake_idle)(struct host_port *p);
    void (*unbind)(struct host_port *p); /* accepts NULL */
    /* A contiguous view of n (1 or more) frames, until unmapped. The guest writes there, too. */
    void *(*map_foreign)(struct xen_host *h, const xen_pfn_t *gfns, unsigned n, int prot,
                         GError **error);
    void (*unmap_foreign)(struct xen_host *h, void *addr, unsigned n); /* accepts NULL */
    /*
     * n pages that the guest granted, a pointer each; PROT_READ, or PROT_READ | PROT_WRITE. 0 or
     * -errno; all or nothing. Any thread. With PROT_READ alone the caller must not write there: in
     * process it could. The guest may write there at any time.
     */
    int (*map_grants)(struct xen_host *h, const grant_ref_t *refs, unsigned n, int prot,
                      void **ret_pages);
    /* All that one map_grants() gave, with the same arguments. */
    void (*unmap_grants)(struct xen_host *h, const grant_ref_t *refs, unsigned n, int prot,
                         void **pages);
    /* Each piece is tried; 0 when all were copied, else the first piece's error. Any thread. */
    int (*grant_copy)(struct xen_host *h, struct grant_copy *pieces, unsigned n);
};

/*
 * xenstore, as domain 0. txn is 0 or what transact() gave its body. Errors are of G_IO_ERROR, with
 * G_IO_ERROR_NOT_FOUND for a missing node. Threads: the main loop's.
 */
struct xen_store_ops {
    char *(*read)(struct xen_host *h, uint32_t txn, const char *path, GError **error);
    bool (*write)(struct xen_host *h, uint32_t txn, const char *path, const char *value,
                  GError **error);
    bool (*rm)(struct xen_host *h, uint32_t txn, const char *path, GError **error);
    /* The names below path, NULL at the end; freed with g_strfreev(). */
    char **(*list)(struct xen_host *h, uint32_t txn, const char *path, GError **error);
    /* owner may do all, reader may read, others nothing. Nodes made below inherit that. */
    bool (*set_perms)(struct xen_host *h, uint32_t txn, const char *path, domid_t owner,
                      domid_t reader, GError **error);
    /* Calls body, again as long as others interfere; nothing is changed when it returns false. */
    bool (*transact)(struct xen_host *h,
                     bool (*body)(struct xen_host *h, uint32_t txn, void *opaque, GError **error),
                     void *opaque, GError **error);
    /*
     * fn is called from the main loop, never from inside another call: once soon, and after changes
     * of path or below it, with the path that changed. Several changes may be one call, and many at
     * once are told as a change of the watched path.
     */
    struct xs_watch *(*watch)(struct xen_host *h, const char *path, xs_watch_fn fn, void *opaque);
    void (*unwatch)(struct xs_watch *w); /* accepts NULL; fn is not called any more */
    /* Whether the guest has a watch on just that path. NULL where that can't be known. */
    bool (*guest_watches)(struct xen_host *h, const char *path);
};
