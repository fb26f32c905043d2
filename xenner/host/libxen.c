#include "xenner/host/libxen_priv.h"

#include <errno.h>
#include <gio/gio.h>
#include <poll.h>

/* Each port has a handle of its own, so that it can be watched in any main context. */
struct host_port {
    GSource source;
    xenevtchn_handle *handle;
    evtchn_port_t local;
    host_port_fn fn;
    void *opaque;
};

static gboolean port_dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
    struct host_port *p = (struct host_port *)source;
    xenevtchn_port_or_error_t port = xenevtchn_pending(p->handle);

    /* Unmasked before fn looks: a send from here on brings another round. */
    if (port >= 0)
        xenevtchn_unmask(p->handle, (evtchn_port_t)port);
    p->fn(p->opaque);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs port_source = {.dispatch = port_dispatch};

static struct host_port *libxen_bind(struct xen_host *h, evtchn_port_t remote, GMainContext *ctx,
                                     host_port_fn fn, void *opaque, GError **error)
{
    xenevtchn_handle *handle = xenevtchn_open(NULL, 0);
    xenevtchn_port_or_error_t local =
        handle ? xenevtchn_bind_interdomain(handle, h->domid, remote) : -1;

    if (local < 0) {
        g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(errno),
                    "event channel %u of domain %u can't be bound: %s", remote, h->domid,
                    g_strerror(errno));
        if (handle)
            xenevtchn_close(handle);
        return NULL;
    }
    struct host_port *p = (struct host_port *)g_source_new(&port_source, sizeof(*p));
    p->handle = handle;
    p->local = (evtchn_port_t)local;
    p->fn = fn;
    p->opaque = opaque;
    /* Xen raises a port once when it is bound: that is the first call of fn. */
    g_source_add_unix_fd(&p->source, xenevtchn_fd(handle), G_IO_IN);
    g_source_attach(&p->source, ctx);
    return p;
}

static void libxen_notify(struct host_port *p)
{
    xenevtchn_notify(p->handle, p->local);
}

static void libxen_unbind(struct host_port *p)
{
    if (!p)
        return;
    g_source_destroy(&p->source);
    xenevtchn_unbind(p->handle, p->local);
    xenevtchn_close(p->handle);
    g_source_unref(&p->source);
}

static void *libxen_map_foreign(struct xen_host *h, const xen_pfn_t *gfns, unsigned n, int prot,
                                GError **error)
{
    struct libxen_host *l = (struct libxen_host *)h;
    void *view = xenforeignmemory_map(l->foreign, h->domid, prot, n, gfns, NULL);

    if (!view)
        g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(errno),
                    "could not map %u frames of domain %u: %s", n, h->domid, g_strerror(errno));
    return view;
}

static void libxen_unmap_foreign(struct xen_host *h, void *addr, unsigned n)
{
    struct libxen_host *l = (struct libxen_host *)h;

    if (addr)
        xenforeignmemory_unmap(l->foreign, addr, n);
}

static int libxen_map_grants(struct xen_host *h, const grant_ref_t *refs, unsigned n, int prot,
                             void **ret_pages)
{
    struct libxen_host *l = (struct libxen_host *)h;
    g_autofree uint32_t *copy = g_memdup2(refs, n * sizeof(*refs)); /* its argument is not const */
    uint8_t *view = xengnttab_map_domain_grant_refs(l->gnttab, n, h->domid, copy, prot);

    if (!view)
        return errno ? -errno : -EINVAL;
    for (unsigned i = 0; i < n; i++)
        ret_pages[i] = view + i * (size_t)FRAME_SIZE;
    return 0;
}

static void libxen_unmap_grants(struct xen_host *h, const grant_ref_t *refs, unsigned n, int prot,
                                void **pages)
{
    struct libxen_host *l = (struct libxen_host *)h;

    xengnttab_unmap(l->gnttab, pages[0], n);
}

static void fill_segment(const struct grant_copy *p, domid_t domid,
                         xengnttab_grant_copy_segment_t *s)
{
    union xengnttab_copy_ptr local = {.virt = p->buf};
    union xengnttab_copy_ptr remote = {
        .foreign = {.ref = p->ref, .offset = p->offset, .domid = domid}};

    *s = (xengnttab_grant_copy_segment_t){
        .source = p->to_guest ? local : remote,
        .dest = p->to_guest ? remote : local,
        .len = p->len,
        .flags = p->to_guest ? GNTCOPY_dest_gref : GNTCOPY_source_gref,
    };
}

static int libxen_grant_copy(struct xen_host *h, struct grant_copy *pieces, unsigned n)
{
    struct libxen_host *l = (struct libxen_host *)h;
    g_autofree xengnttab_grant_copy_segment_t *segments =
        g_new(xengnttab_grant_copy_segment_t, n);
    int first = 0;

    for (unsigned i = 0; i < n; i++)
        fill_segment(&pieces[i], h->domid, &segments[i]);
    int err = xengnttab_grant_copy(l->gnttab, n, segments) < 0 ? errno : 0;
    for (unsigned i = 0; i < n; i++) {
        pieces[i].ret = err ? -err : segments[i].status != GNTST_okay ? -EFAULT : 0;
        first = first ? first : pieces[i].ret;
    }
    return first;
}

static const struct xen_host_ops libxen_ops = {
    .name = "libxen",
    .type_prefix = LIBXEN_TYPE_PREFIX,
    .cheap_maps = false,
    .bind = libxen_bind,
    .notify = libxen_notify,
    .unbind = libxen_unbind,
    .map_foreign = libxen_map_foreign,
    .unmap_foreign = libxen_unmap_foreign,
    .map_grants = libxen_map_grants,
    .unmap_grants = libxen_unmap_grants,
    .grant_copy = libxen_grant_copy,
};

struct xen_host *libxen_host_new(domid_t domid, GError **error)
{
    struct libxen_host *l = g_new0(struct libxen_host, 1);

    l->base = (struct xen_host){&libxen_ops, domid, &libxen_xs_ops};
    l->gnttab = xengnttab_open(NULL, 0);
    l->foreign = xenforeignmemory_open(NULL, 0);
    if (!l->gnttab || !l->foreign)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED,
                    "no access to the memory of Xen's guests (modules xen-gntdev, xen-privcmd): %s",
                    g_strerror(errno));
    else
        l->xs = libxen_xs_new(error);
    if (l->xs)
        return &l->base;
    libxen_host_free(&l->base);
    return NULL;
}

void libxen_host_free(struct xen_host *h)
{
    struct libxen_host *l = (struct libxen_host *)h;

    if (!l)
        return;
    libxen_xs_free(l->xs);
    if (l->gnttab)
        xengnttab_close(l->gnttab);
    if (l->foreign)
        xenforeignmemory_close(l->foreign);
    g_free(l);
}
