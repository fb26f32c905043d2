#include "fb_guest.h"

#include <string.h>

void *fb_guest_frame(struct fb_guest *g, uint64_t frame)
{
    return device_guest_frame(&g->g, frame);
}

struct fb_guest *fb_guest_new(void)
{
    struct fb_guest *g = g_new0(struct fb_guest, 1);

    device_guest_init(&g->g, FB_GUEST_FRAMES * FRAME_SIZE);
    return g;
}

void fb_guest_free(struct fb_guest *g)
{
    fb_guest_run();
    device_guest_done(&g->g);
    g_free(g);
}

void fb_guest_write(struct fb_guest *g, const char *type, const char *key, const char *value)
{
    g_autoptr(GByteArray) payload = g_byte_array_new();
    g_autofree char *path = g_strdup_printf("/local/domain/1/device/%s/0/%s", type, key);

    g_byte_array_append(payload, (const guint8 *)path, (guint)strlen(path) + 1);
    g_byte_array_append(payload, (const guint8 *)value, (guint)strlen(value));
    const struct xsd_sockmsg h = {.type = XS_WRITE, .len = payload->len};
    store_request(g->g.conn, &h, payload->data);
}

void fb_guest_connect(struct fb_guest *g, const char *type, const char *protocol)
{
    struct evtchn_alloc_unbound op = {.dom = DOMID_SELF, .remote_dom = 0};

    evtchn_guest_op(g->g.evtchn, EVTCHNOP_alloc_unbound, 0, &op, sizeof(op));
    g->port = op.port;
    g_autofree char *port = g_strdup_printf("%u", op.port);
    g_autofree char *page = g_strdup_printf("%u", FB_PAGE);
    fb_guest_write(g, type, "page-ref", page);
    fb_guest_write(g, type, "event-channel", port);
    fb_guest_write(g, type, "protocol", protocol);
    fb_guest_write(g, type, "state", "3");
    fb_guest_run();
}

char *fb_guest_backend(struct fb_guest *g, const char *type, const char *key)
{
    g_autofree char *path = g_strdup_printf("/local/domain/0/backend/%s/1/0/%s", type, key);

    return store_read(g->g.store, path);
}

void fb_guest_send(struct fb_guest *g)
{
    struct evtchn_send op = {.port = g->port};

    evtchn_guest_op(g->g.evtchn, EVTCHNOP_send, 0, &op, sizeof(op));
    local_host_doorbell(g->g.host);
    fb_guest_run();
}

void fb_guest_run(void)
{
    while (g_main_context_iteration(NULL, FALSE))
        ;
}
