#include "fake_host.h"

#include <gio/gio.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

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

static const struct xen_host_ops fake_ops = {
    .name = "fake",
    .bind = fake_bind,
    .notify = fake_notify,
    .unbind = fake_unbind,
    .map_foreign = fake_map,
    .unmap_foreign = fake_unmap,
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
    g_free(h->page);
    g_free(h->written);
    g_free(h);
}

void fake_host_event(struct fake_host *h)
{
    assert_true(h->bound);
    h->fn(h->opaque);
}
