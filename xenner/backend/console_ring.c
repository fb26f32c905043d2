#include "xenner/backend/console_ring.h"

#include <string.h>

/* A guest that writes without end must not keep the main loop: the rest has its turn later. */
#define MAX_STEPS 32

struct console_ring {
    struct xen_host *host;
    struct chardev *chr;
    void (*escape)(void *opaque, char key);
    void *opaque;
    console_tap_fn tap;
    void *tap_opaque;
    /* while attached */
    struct xencons_interface *page;
    struct host_port *port;
    guint more; /* source of that next turn, or 0 */
    bool complained;
};

static void complain(struct console_ring *r, const char *which)
{
    if (!r->complained)
        g_warning("console: the guest broke its %s ring", which);
    r->complained = true;
}

/* What the chardev takes, the tap hears. */
static size_t put_out(struct console_ring *r, const uint8_t *data, size_t len)
{
    size_t n = chardev_write(r->chr, data, len);

    if (n && r->tap)
        r->tap(r->tap_opaque, data, n);
    return n;
}

/*
 * One step: a contiguous piece of the out ring. The guest owns out_prod and may lie; more than a
 * ring full of unread bytes can't be, so the reader catches up with the writer then.
 */
static size_t output_step(struct console_ring *r)
{
    struct xencons_interface *page = r->page;
    const size_t size = sizeof(page->out);
    uint8_t buf[sizeof(page->out)];
    XENCONS_RING_IDX cons = __atomic_load_n(&page->out_cons, __ATOMIC_RELAXED);
    XENCONS_RING_IDX prod = __atomic_load_n(&page->out_prod, __ATOMIC_ACQUIRE);

    if (prod - cons > size) {
        complain(r, "output");
        __atomic_store_n(&page->out_cons, prod, __ATOMIC_SEQ_CST);
        return 0;
    }
    size_t at = MASK_XENCONS_IDX(cons, page->out);
    size_t n = MIN(prod - cons, size - at);
    if (!n)
        return 0;
    memcpy(buf, page->out + at, n);
    n = put_out(r, buf, n);
    __atomic_store_n(&page->out_cons, cons + (XENCONS_RING_IDX)n, __ATOMIC_SEQ_CST);
    return n;
}

static gboolean output_more(gpointer data);

static bool output(struct console_ring *r)
{
    unsigned steps = 0;

    while (r->page && steps < MAX_STEPS && output_step(r) > 0)
        steps++;
    if (steps == MAX_STEPS && !r->more)
        r->more = g_idle_add_full(G_PRIORITY_DEFAULT, output_more, r, NULL);
    return steps > 0;
}

static void on_event(void *opaque)
{
    struct console_ring *r = opaque;

    if (output(r))
        r->host->ops->notify(r->port); /* there is room in the ring again */
    chardev_accept_input(r->chr);
}

static size_t on_input(void *opaque, const uint8_t *data, size_t len)
{
    struct console_ring *r = opaque;
    struct xencons_interface *page = r->page;

    if (!r->port)
        return 0; /* the frontend is yet to come */
    const size_t size = sizeof(page->in);
    XENCONS_RING_IDX prod = __atomic_load_n(&page->in_prod, __ATOMIC_RELAXED);
    XENCONS_RING_IDX cons = __atomic_load_n(&page->in_cons, __ATOMIC_SEQ_CST);
    if (prod - cons > size) {
        complain(r, "input");
        return len; /* there is nobody to read it */
    }
    size_t n = MIN(len, size - (prod - cons));
    for (size_t i = 0; i < n; i++)
        page->in[MASK_XENCONS_IDX(prod + i, page->in)] = (char)data[i];
    if (n) {
        __atomic_store_n(&page->in_prod, prod + (XENCONS_RING_IDX)n, __ATOMIC_SEQ_CST);
        r->host->ops->notify(r->port);
    }
    return n;
}

static void on_writable(void *opaque)
{
    struct console_ring *r = opaque;

    if (output(r) && r->port)
        r->host->ops->notify(r->port);
}

static gboolean output_more(gpointer data)
{
    struct console_ring *r = data;

    r->more = 0;
    on_writable(r);
    return G_SOURCE_REMOVE;
}

static void on_escape(void *opaque, char key)
{
    struct console_ring *r = opaque;

    if (r->escape)
        r->escape(r->opaque, key);
}

static const struct chardev_user user = {
    .input = on_input, .writable = on_writable, .escape = on_escape};

struct console_ring *console_ring_new(struct xen_host *host, struct chardev *chr,
                                      void (*escape)(void *opaque, char key), void *opaque)
{
    struct console_ring *r = g_new0(struct console_ring, 1);

    r->host = host;
    r->chr = chr;
    r->escape = escape;
    r->opaque = opaque;
    chardev_set_user(chr, &user, r);
    return r;
}

void console_ring_set_tap(struct console_ring *r, console_tap_fn fn, void *opaque)
{
    r->tap = fn;
    r->tap_opaque = opaque;
}

void console_ring_free(struct console_ring *r)
{
    if (!r)
        return;
    console_ring_detach(r);
    chardev_set_user(r->chr, NULL, NULL);
    g_free(r);
}

bool console_ring_attach(struct console_ring *r, struct xencons_interface *page, evtchn_port_t port,
                         GError **error)
{
    g_assert(!r->page);
    r->port = r->host->ops->bind(r->host, port, NULL, on_event, r, error);
    if (!r->port)
        return false;
    r->page = page;
    return true; /* the first event comes by itself, with the bind */
}

void console_ring_detach(struct console_ring *r)
{
    output(r);
    if (r->more)
        g_source_remove(r->more);
    r->more = 0;
    r->host->ops->unbind(g_steal_pointer(&r->port));
    r->page = NULL;
}

void console_ring_drain(struct console_ring *r)
{
    output(r);
}

void console_ring_poll(struct console_ring *r)
{
    on_writable(r);
}

void console_ring_text(struct console_ring *r, const char *text, size_t len)
{
    output(r); /* its own bytes in order */
    while (len) {
        size_t n = put_out(r, (const uint8_t *)text, len);
        if (!n)
            return;
        text += n;
        len -= n;
    }
}
