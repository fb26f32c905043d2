#include "fake_host.h"

#include <errno.h>
#include <gio/gio.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include <sys/mman.h>

static struct host_port *fake_bind(struct xen_host *host, evtchn_port_t remote, GMainContext *ctx,
                                   host_port_fn fn, void *opaque, GError **error)
{
    struct fake_host *h = (struct fake_host *)host;

    if (remote != FAKE_PORT) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "no port %u", remote);
        return NULL;
    }
    assert_false(h->bound);
    h->bound = true;
    h->fn = fn;
    h->opaque = opaque;
    return (struct host_port *)h;
}

static void fake_notify(struct host_port *p)
{
    struct fake_host *h = (struct fake_host *)p;

    assert_true(h->bound);
    h->notified++;
}

static bool fake_notify_idle(struct host_port *p)
{
    struct fake_host *h = (struct fake_host *)p;

    if (!h->busy)
        fake_notify(p);
    h->held += h->busy;
    return h->busy;
}

static void fake_wake_idle(struct host_port *p)
{
    ((struct fake_host *)p)->wake_idle++;
}

static void fake_unbind(struct host_port *p)
{
    struct fake_host *h = (struct fake_host *)p;

    if (!h)
        return;
    assert_true(h->bound);
    h->bound = false;
}

static void *fake_map(struct xen_host *host, const xen_pfn_t *gfns, unsigned n, int prot,
                      GError **error)
{
    struct fake_host *h = (struct fake_host *)host;

    assert_int_equal(n, 1);
    if (gfns[0] != FAKE_FRAME) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "no frame");
        return NULL;
    }
    assert_false(h->mapped);
    h->mapped = true;
    return h->page;
}

static void fake_unmap(struct xen_host *host, void *addr, unsigned n)
{
    struct fake_host *h = (struct fake_host *)host;

    if (!addr)
        return;
    assert_ptr_equal(addr, h->page);
    assert_true(h->mapped);
    h->mapped = false;
}

static void fake_unmap_grants(struct xen_host *host, const grant_ref_t *refs, unsigned n, int prot,
                              void **pages)
{
    struct fake_host *h = (struct fake_host *)host;

    for (unsigned i = 0; i < n; i++) {
        assert_true(refs[i] < FAKE_GRANTS && h->granted[refs[i]]);
        assert_ptr_equal(pages[i], h->grants[refs[i]]);
        h->granted[refs[i]]--;
    }
}

static int fake_map_grants(struct xen_host *host, const grant_ref_t *refs, unsigned n, int prot,
                           void **ret_pages)
{
    struct fake_host *h = (struct fake_host *)host;

    for (unsigned i = 0; i < n; i++) {
        bool there = refs[i] < FAKE_GRANTS && h->grants[refs[i]];
        if (!there || (h->readonly[refs[i]] && (prot & PROT_WRITE))) {
            fake_unmap_grants(host, refs, i, prot, ret_pages);
            return there ? -EACCES : -ENOENT;
        }
        ret_pages[i] = h->grants[refs[i]];
        h->granted[refs[i]]++;
    }
    return 0;
}

static int fake_grant_copy(struct xen_host *host, struct grant_copy *pieces, unsigned n)
{
    struct fake_host *h = (struct fake_host *)host;
    int first = 0;

    for (unsigned i = 0; i < n; i++) {
        struct grant_copy *p = &pieces[i];
        p->ret = p->ref < FAKE_GRANTS && h->grants[p->ref] ? 0 : -ENOENT;
        first = first ? first : p->ret;
        if (p->ret)
            continue;
        assert_true(p->offset + p->len <= FRAME_SIZE);
        char *at = (char *)h->grants[p->ref] + p->offset;
        if (p->to_guest)
            memcpy(at, p->buf, p->len);
        else
            memcpy(p->buf, at, p->len);
    }
    return first;
}

void *fake_host_grant(struct fake_host *h, grant_ref_t ref)
{
    if (!h->grants[ref])
        h->grants[ref] = g_malloc0(FRAME_SIZE);
    return h->grants[ref];
}

static const struct xen_host_ops fake_ops = {
    .name = "fake",
    .bind = fake_bind,
    .notify = fake_notify,
    .notify_idle = fake_notify_idle,
    .wake_idle = fake_wake_idle,
    .unbind = fake_unbind,
    .map_foreign = fake_map,
    .unmap_foreign = fake_unmap,
    .map_grants = fake_map_grants,
    .unmap_grants = fake_unmap_grants,
    .grant_copy = fake_grant_copy,
};

static bool fake_write(struct xen_host *host, uint32_t txn, const char *path, const char *value,
                       GError **error)
{
    struct fake_host *h = (struct fake_host *)host;

    g_free(h->written);
    h->written = g_strdup_printf("%s=%s", path, value);
    return true;
}

static const struct xen_store_ops fake_xs = {.write = fake_write};

struct fake_host *fake_host_new(void)
{
    struct fake_host *h = g_new0(struct fake_host, 1);

    h->base = (struct xen_host){.ops = &fake_ops, .domid = FAKE_GUEST, .xs = &fake_xs};
    h->page = g_malloc0(FRAME_SIZE);
    return h;
}

void fake_host_free(struct fake_host *h)
{
    assert_false(h->mapped);
    assert_false(h->bound);
    for (unsigned i = 0; i < FAKE_GRANTS; i++) {
        assert_int_equal(h->granted[i], 0);
        g_free(h->grants[i]);
    }
    g_free(h->page);
    g_free(h->written);
    g_free(h);
}

void fake_host_event(struct fake_host *h)
{
    assert_true(h->bound);
    h->fn(h->opaque);
}
