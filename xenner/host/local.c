#include "xenner/host/local_priv.h"

#include <errno.h>
#include <gio/gio.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

static gboolean port_dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
    struct host_port *p = (struct host_port *)source;

    /* Not ready any more before fn looks: a send from here on brings another round. */
    g_source_set_ready_time(source, -1);
    p->fn(p->opaque);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs port_source = {.dispatch = port_dispatch};

static struct host_port *local_bind(struct xen_host *h, evtchn_port_t remote, GMainContext *ctx,
                                    host_port_fn fn, void *opaque, GError **error)
{
    struct local_host *l = (struct local_host *)h;
    struct host_port *p = (struct host_port *)g_source_new(&port_source, sizeof(*p));

    p->host = l;
    p->port = remote;
    p->fn = fn;
    p->opaque = opaque;
    p->door = local_door_enter(l, ctx, p);
    p->link = evtchn_host_connect(l->evtchn, remote, local_door_number(p->door));
    if (!p->link) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                    "event channel %u does not wait for a backend", remote);
        local_door_leave(p);
        g_source_unref(&p->source);
        return NULL;
    }
    g_mutex_lock(&l->lock);
    g_hash_table_insert(l->ports, GUINT_TO_POINTER(remote), p);
    g_mutex_unlock(&l->lock);
    /* What the guest sent before there was anybody is nowhere on record: look once, as Xen does. */
    g_source_set_ready_time(&p->source, 0);
    g_source_attach(&p->source, ctx);
    return p;
}

static void local_notify(struct host_port *p)
{
    evtchn_host_notify(p->host->evtchn, p->port, p->link);
}

static bool local_notify_idle(struct host_port *p)
{
    return evtchn_host_notify_idle(p->host->evtchn, p->port, p->link);
}

static void local_wake_idle(struct host_port *p)
{
    /* Without a door of its own the caller's limit has to do. */
    p->wants_idle = p->door != NULL;
    if (p->door)
        evtchn_host_wake_idle(p->host->evtchn, local_door_number(p->door));
}

static void local_unbind(struct host_port *p)
{
    if (!p)
        return;
    struct local_host *l = p->host;
    evtchn_host_disconnect(l->evtchn, p->port, p->link);
    g_mutex_lock(&l->lock);
    /* The guest may have closed it, and another backend may have the number since. */
    if (g_hash_table_lookup(l->ports, GUINT_TO_POINTER(p->port)) == p)
        g_hash_table_remove(l->ports, GUINT_TO_POINTER(p->port));
    g_mutex_unlock(&l->lock);
    local_door_leave(p);
    g_source_destroy(&p->source);
    g_source_unref(&p->source);
}

static bool contiguous(const xen_pfn_t *gfns, unsigned n)
{
    for (unsigned i = 1; i < n; i++) {
        if (gfns[i] != gfns[0] + i)
            return false;
    }
    return true;
}

/* Pieces of the memfd in one view, for frames that do not lie together. */
static void *map_pieces(struct local_host *l, const xen_pfn_t *gfns, unsigned n, int prot)
{
    uint8_t *view = mmap(NULL, n * (size_t)FRAME_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct guest_range r[2];
    unsigned ranges = guest_mem_ranges(l->mem, r);

    for (unsigned i = 0; view != MAP_FAILED && i < n; i++) {
        uint64_t gpa = gfns[i] << FRAME_SHIFT;
        const struct guest_range *in = gpa >= GUEST_MEM_HOLE_END && ranges > 1 ? &r[1] : &r[0];
        off_t offset = (off_t)(in->offset + gpa - in->gpa);
        if (mmap(view + i * (size_t)FRAME_SIZE, FRAME_SIZE, prot, MAP_SHARED | MAP_FIXED,
                 guest_mem_fd(l->mem), offset) == MAP_FAILED) {
            munmap(view, n * (size_t)FRAME_SIZE);
            return NULL;
        }
    }
    return view == MAP_FAILED ? NULL : view;
}

/* Frame numbers come from the guest. No grants, as in tests: all RAM is its own. */
static bool is_own(const struct local_host *l, xen_pfn_t gfn)
{
    return l->gnttab ? gnttab_own_frame(l->gnttab, gfn) : guest_frame(l->mem, mfn(gfn));
}

static void *local_map_foreign(struct xen_host *h, const xen_pfn_t *gfns, unsigned n, int prot,
                               GError **error)
{
    struct local_host *l = (struct local_host *)h;

    for (unsigned i = 0; i < n; i++) {
        if (!is_own(l, gfns[i])) {
            g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                        "frame 0x%" PRIx64 " is not memory of the guest's", (uint64_t)gfns[i]);
            return NULL;
        }
    }
    void *direct = n ? guest_ptr(l->mem, gfns[0] << FRAME_SHIFT, n * (uint64_t)FRAME_SIZE) : NULL;
    if (direct && contiguous(gfns, n))
        return direct;
    void *view = n ? map_pieces(l, gfns, n, prot) : NULL;
    if (!view)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "could not map %u guest frames: %s", n,
                    g_strerror(errno));
    return view;
}

static void local_unmap_foreign(struct xen_host *h, void *addr, unsigned n)
{
    struct local_host *l = (struct local_host *)h;
    uint8_t *base = guest_ptr(l->mem, 0, 1);

    if (!addr)
        return;
    if ((uint8_t *)addr >= base && (uint8_t *)addr < base + guest_mem_bytes(l->mem))
        return; /* a pointer into RAM itself */
    munmap(addr, n * (size_t)FRAME_SIZE);
}

static void local_unmap_grants(struct xen_host *h, const grant_ref_t *refs, unsigned n, int prot,
                               void **pages)
{
    struct local_host *l = (struct local_host *)h;

    for (unsigned i = 0; i < n; i++)
        gnttab_unmap(l->gnttab, refs[i], prot & PROT_WRITE);
}

static int local_map_grants(struct xen_host *h, const grant_ref_t *refs, unsigned n, int prot,
                            void **ret_pages)
{
    struct local_host *l = (struct local_host *)h;

    for (unsigned i = 0; i < n; i++) {
        int rc = gnttab_map(l->gnttab, refs[i], prot & PROT_WRITE, &ret_pages[i]);
        if (rc < 0) {
            local_unmap_grants(h, refs, i, prot, ret_pages);
            return rc;
        }
    }
    return 0;
}

static int local_grant_copy(struct xen_host *h, struct grant_copy *pieces, unsigned n)
{
    struct local_host *l = (struct local_host *)h;
    int first = 0;

    for (unsigned i = 0; i < n; i++) {
        struct grant_copy *p = &pieces[i];
        p->ret = gnttab_copy(l->gnttab, p->ref, p->to_guest, p->offset, p->buf, p->len);
        first = first ? first : p->ret;
    }
    return first;
}

static const struct xen_host_ops local_ops = {
    .name = "local",
    .cheap_maps = true,
    .bind = local_bind,
    .notify = local_notify,
    .notify_idle = local_notify_idle,
    .wake_idle = local_wake_idle,
    .unbind = local_unbind,
    .map_foreign = local_map_foreign,
    .unmap_foreign = local_unmap_foreign,
    .map_grants = local_map_grants,
    .unmap_grants = local_unmap_grants,
    .grant_copy = local_grant_copy,
};

struct xen_host *local_host_new(struct guest_mem *mem, struct evtchn_table *evtchn,
                                struct gnttab *gnttab, struct store *store)
{
    struct local_host *l = g_new0(struct local_host, 1);

    l->base = (struct xen_host){.ops = &local_ops, .domid = GUEST_DOMID, .xs = &local_xs_ops, .mem = mem};
    l->mem = mem;
    l->evtchn = evtchn;
    l->gnttab = gnttab;
    l->xs = store ? local_xs_new(store) : NULL;
    memset(l->door_fd, -1, sizeof(l->door_fd));
    g_mutex_init(&l->lock);
    l->ports = g_hash_table_new(NULL, NULL);
    return &l->base;
}

void local_host_free(struct xen_host *h)
{
    struct local_host *l = (struct local_host *)h;

    if (!l)
        return;
    local_xs_free(l->xs);
    g_hash_table_unref(l->ports);
    g_mutex_clear(&l->lock);
    g_free(l);
}

static void make_ready(void *opaque, evtchn_port_t port)
{
    struct local_host *l = opaque;

    g_mutex_lock(&l->lock);
    struct host_port *p = g_hash_table_lookup(l->ports, GUINT_TO_POINTER(port));
    if (p)
        g_source_set_ready_time(&p->source, 0);
    g_mutex_unlock(&l->lock);
}

void local_host_doorbell(struct xen_host *h)
{
    struct local_host *l = (struct local_host *)h;

    evtchn_host_take_pending(l->evtchn, make_ready, l);
}
