#include "xenner/backend/fbpage.h"

#include <gio/gio.h>
#include <sys/mman.h>

#define FRAME_MAX (UINT64_C(1) << 40) /* frame numbers of 52-bit addresses */

static bool map_grant(struct fbpage *p, grant_ref_t ref, GError **error)
{
    int rc = p->host->ops->map_grants(p->host, &ref, 1, PROT_READ | PROT_WRITE, &p->page);

    if (rc < 0) {
        p->page = NULL;
        g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(-rc),
                    "grant %u of the page can't be mapped: %s", ref, g_strerror(-rc));
        return false;
    }
    p->ref = ref;
    p->granted = true;
    return true;
}

bool fbpage_map(struct fbpage *p, struct xen_host *host, struct xenbus_device *dev, GError **error)
{
    uint64_t n;

    *p = (struct fbpage){.host = host};
    if (xenbus_read_number(dev, "page-gref", UINT32_MAX, &n, NULL))
        return map_grant(p, (grant_ref_t)n, error);
    if (!xenbus_read_number(dev, "page-ref", FRAME_MAX, &n, error))
        return false;
    const xen_pfn_t gfn = n;
    p->page = host->ops->map_foreign(host, &gfn, 1, PROT_READ | PROT_WRITE, error);
    return p->page != NULL;
}

bool fbpage_bind(struct fbpage *p, struct xenbus_device *dev, host_port_fn fn, void *opaque,
                 GError **error)
{
    uint64_t port;

    if (!xenbus_read_number(dev, "event-channel", UINT32_MAX, &port, error))
        return false;
    p->port = p->host->ops->bind(p->host, (evtchn_port_t)port, NULL, fn, opaque, error);
    return p->port != NULL;
}

void fbpage_clear(struct fbpage *p)
{
    if (p->port)
        p->host->ops->unbind(p->port);
    if (p->page && p->granted)
        p->host->ops->unmap_grants(p->host, &p->ref, 1, PROT_READ | PROT_WRITE, &p->page);
    else if (p->page)
        p->host->ops->unmap_foreign(p->host, p->page, 1);
    *p = (struct fbpage){0};
}

uint32_t fbpage_index(const struct fbpage *p, unsigned which)
{
    return __atomic_load_n((const uint32_t *)p->page + which, __ATOMIC_ACQUIRE);
}

void fbpage_set_index(struct fbpage *p, unsigned which, uint32_t value)
{
    __atomic_store_n((uint32_t *)p->page + which, value, __ATOMIC_SEQ_CST);
}
