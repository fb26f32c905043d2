#include "xenner/backend/console.h"

#include <string.h>
#include <sys/mman.h>
#include <xen/io/console.h>

struct console_backend {
    struct xen_host *host;
    struct host_port *port;
    struct xencons_interface *ring;
    struct chardev *chr;
    console_escape_fn escape;
    void *escape_opaque;
    bool complained;
};

static void complain(struct console_backend *b, const char *which)
{
    if (!b->complained)
        g_warning("console: the guest broke its %s ring", which);
    b->complained = true;
}

/*
 * One step: a contiguous piece of the out ring. The guest owns out_prod and may lie; more than a ring
 * full of unread bytes can't be, so the reader catches up with the writer then.
 */
static size_t output_step(struct console_backend *b)
{
    const size_t size = sizeof(b->ring->out);
    uint8_t buf[sizeof(b->ring->out)];
    XENCONS_RING_IDX cons = b->ring->out_cons;
    XENCONS_RING_IDX prod = __atomic_load_n(&b->ring->out_prod, __ATOMIC_ACQUIRE);

    if (prod - cons > size) {
        complain(b, "output");
        __atomic_store_n(&b->ring->out_cons, prod, __ATOMIC_SEQ_CST);
        return 0;
    }
    size_t at = MASK_XENCONS_IDX(cons, b->ring->out);
    size_t n = MIN(prod - cons, size - at);
    if (!n)
        return 0;
    memcpy(buf, b->ring->out + at, n);
    n = chardev_write(b->chr, buf, n);
    __atomic_store_n(&b->ring->out_cons, cons + (XENCONS_RING_IDX)n, __ATOMIC_SEQ_CST);
    return n;
}

static bool output(struct console_backend *b)
{
    bool moved = false;

    while (output_step(b) > 0)
        moved = true;
    return moved;
}

static void on_event(void *opaque)
{
    struct console_backend *b = opaque;

    if (output(b))
        b->host->ops->notify(b->port); /* there is room in the ring again */
    chardev_accept_input(b->chr);
}

static size_t on_input(void *opaque, const uint8_t *data, size_t len)
{
    struct console_backend *b = opaque;
    const size_t size = sizeof(b->ring->in);
    XENCONS_RING_IDX prod = b->ring->in_prod;
    XENCONS_RING_IDX cons = __atomic_load_n(&b->ring->in_cons, __ATOMIC_SEQ_CST);

    if (prod - cons > size) {
        complain(b, "input");
        return len; /* there is nobody to read it */
    }
    size_t n = MIN(len, size - (prod - cons));
    for (size_t i = 0; i < n; i++)
        b->ring->in[MASK_XENCONS_IDX(prod + i, b->ring->in)] = (char)data[i];
    if (n) {
        __atomic_store_n(&b->ring->in_prod, prod + (XENCONS_RING_IDX)n, __ATOMIC_SEQ_CST);
        b->host->ops->notify(b->port);
    }
    return n;
}

static void on_writable(void *opaque)
{
    struct console_backend *b = opaque;

    if (output(b))
        b->host->ops->notify(b->port);
}

static void on_escape(void *opaque, char key)
{
    struct console_backend *b = opaque;

    if (b->escape)
        b->escape(b->escape_opaque, key);
}

static const struct chardev_user user = {
    .input = on_input, .writable = on_writable, .escape = on_escape};

struct console_backend *console_backend_new(struct xen_host *host, xen_pfn_t ring,
                                            evtchn_port_t port, struct chardev *chr,
                                            GError **error)
{
    struct console_backend *b = g_new0(struct console_backend, 1);

    b->host = host;
    b->chr = chr;
    b->ring = host->ops->map_foreign(host, &ring, 1, PROT_READ | PROT_WRITE, error);
    if (b->ring)
        b->port = host->ops->bind(host, port, NULL, on_event, b, error);
    if (!b->port) {
        console_backend_free(b);
        return NULL;
    }
    chardev_set_user(chr, &user, b);
    return b;
}

void console_backend_set_escape(struct console_backend *b, console_escape_fn fn, void *opaque)
{
    b->escape = fn;
    b->escape_opaque = opaque;
}

void console_backend_drain(struct console_backend *b)
{
    output(b);
}

/* Its own bytes in order; when the chardev is full, the rest is dropped: the guest can't be held up. */
void console_backend_debug_out(struct console_backend *b, const char *text, size_t len)
{
    output(b);
    while (len) {
        size_t n = chardev_write(b->chr, (const uint8_t *)text, len);
        if (!n)
            return;
        text += n;
        len -= n;
    }
}

void console_backend_free(struct console_backend *b)
{
    if (!b)
        return;
    if (b->port) {
        output(b);
        chardev_set_user(b->chr, NULL, NULL);
        b->host->ops->unbind(b->port);
    }
    b->host->ops->unmap_foreign(b->host, b->ring, 1);
    g_free(b);
}
