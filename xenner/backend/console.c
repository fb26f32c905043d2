#include "xenner/backend/console.h"
#include "xenner/backend/console_ring.h"
#include "xenner/backend/console_tty.h"
#include "xenner/backend/xenbus.h"

#include <gio/gio.h>
#include <string.h>
#include <sys/mman.h>

#define OUTPUT_LIMIT "1048576" /* what xl writes as `limit`; the guest makes no use of it */

struct console_backend {
    struct xen_host *host;
    struct console_ring *ring; /* NULL: it is a terminal */
    struct console_tty *tty;
    console_escape_fn escape;
    void *escape_opaque;
    struct xenbus_device *dev; /* NULL for the primary console */
    void *page;                /* mapped ring; of a grant (ref) unless primary */
    grant_ref_t ref;
};

static void on_escape(void *opaque, char key)
{
    struct console_backend *b = opaque;

    if (b->escape)
        b->escape(b->escape_opaque, b, key);
}

/* What xenconsole(1) opens: the node `tty` of a console. */
static const char *tty_of(struct chardev *chr)
{
    const char *label = chardev_label(chr);

    return g_str_has_prefix(label, "pty:") ? label + strlen("pty:") : "";
}

static struct console_backend *backend_new(struct xen_host *host, struct chardev *chr)
{
    struct console_backend *b = g_new0(struct console_backend, 1);

    b->host = host;
    b->ring = console_ring_new(host, chr, on_escape, b);
    return b;
}

struct console_backend *console_backend_new(struct xen_host *host, xen_pfn_t ring,
                                            evtchn_port_t port, struct chardev *chr,
                                            GError **error)
{
    struct console_backend *b = backend_new(host, chr);
    g_autofree char *path = g_strdup_printf("/local/domain/%u/console/tty", host->domid);

    b->page = host->ops->map_foreign(host, &ring, 1, PROT_READ | PROT_WRITE, error);
    if (!b->page || !console_ring_attach(b->ring, b->page, port, error) ||
        !host->xs->write(host, 0, path, tty_of(chr), error)) {
        console_backend_free(b);
        return NULL;
    }
    return b;
}

struct console_backend *console_backend_new_tty(struct xen_host *host, const char *node, struct chardev *chr)
{
    struct console_backend *b = g_new0(struct console_backend, 1);

    b->host = host;
    b->tty = console_tty_new(host, node, chr, on_escape, b);
    return b;
}

static void console_disconnect(void *opaque)
{
    struct console_backend *b = opaque;

    console_ring_detach(b->ring);
    b->host->ops->unmap_grants(b->host, &b->ref, 1, PROT_READ | PROT_WRITE, &b->page);
    b->page = NULL;
}

static bool console_connect(void *opaque, GError **error)
{
    struct console_backend *b = opaque;
    uint64_t ref, port;

    if (!xenbus_read_number(b->dev, "ring-ref", UINT32_MAX, &ref, error) ||
        !xenbus_read_number(b->dev, "port", UINT32_MAX, &port, error))
        return false;
    b->ref = (grant_ref_t)ref;
    int rc = b->host->ops->map_grants(b->host, &b->ref, 1, PROT_READ | PROT_WRITE, &b->page);
    if (rc < 0) {
        g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(-rc),
                    "grant %u of the ring can't be mapped: %s", b->ref, g_strerror(-rc));
        return false;
    }
    if (console_ring_attach(b->ring, b->page, (evtchn_port_t)port, error))
        return true;
    console_disconnect(b);
    return false;
}

static const struct xenbus_ops console_ops = {"console", console_connect, console_disconnect};

struct console_backend *console_backend_new_device(struct xen_host *host, unsigned number,
                                                   struct chardev *chr, GError **error)
{
    const struct xenbus_node front[] = {
        {"protocol", "vt100"}, {"limit", OUTPUT_LIMIT}, {"type", "ioemu"}, {"output", "chardev"},
        {"tty", tty_of(chr)}, {NULL}};
    static const struct xenbus_node back[] = {{"protocol", "vt100"}, {NULL}};

    if (!xenbus_offer(host, console_ops.type, number, front, back, error))
        return NULL;
    struct console_backend *b = backend_new(host, chr);
    b->dev = xenbus_device_new(host, number, &console_ops, b, error);
    if (!b->dev) {
        console_backend_free(b);
        return NULL;
    }
    return b;
}

void console_backend_set_escape(struct console_backend *b, console_escape_fn fn, void *opaque)
{
    b->escape = fn;
    b->escape_opaque = opaque;
}

void console_backend_set_tap(struct console_backend *b,
                             void (*fn)(void *opaque, const uint8_t *data, size_t len), void *opaque)
{
    if (b->tty)
        console_tty_set_tap(b->tty, fn, opaque);
    else
        console_ring_set_tap(b->ring, fn, opaque);
}

void console_backend_drain(struct console_backend *b)
{
    if (b->tty)
        console_tty_drain(b->tty);
    else
        console_ring_drain(b->ring);
}

void console_backend_poll(struct console_backend *b)
{
    if (!b->tty)
        console_ring_poll(b->ring);
}

void console_backend_debug_out(struct console_backend *b, const char *text, size_t len)
{
    if (b->tty)
        console_tty_text(b->tty, text, len);
    else
        console_ring_text(b->ring, text, len);
}

void console_backend_free(struct console_backend *b)
{
    if (!b)
        return;
    bool primary = !b->dev;
    xenbus_device_free(b->dev); /* unmaps its page */
    console_ring_free(b->ring);
    console_tty_free(b->tty);
    if (primary)
        b->host->ops->unmap_foreign(b->host, b->page, 1);
    g_free(b);
}
