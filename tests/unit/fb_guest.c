#include "fb_guest.h"

#include <string.h>

enum { SHARED_INFO = 1, GRANTS = 2, TABLE = 3, STATUS = 8 };

void *fb_guest_frame(struct fb_guest *g, uint64_t frame)
{
    return guest_frame(g->mem, mfn(frame));
}

static void *vcpu_info_of(void *opaque, unsigned vcpu)
{
    return fb_guest_frame(opaque, SHARED_INFO);
}

static void no_kick(void *opaque, unsigned vcpu)
{
}

static void on_message(void *opaque, const struct xsd_sockmsg *h, const void *payload)
{
}

struct fb_guest *fb_guest_new(void)
{
    struct fb_guest *g = g_new0(struct fb_guest, 1);

    g->mem = guest_mem_new(FB_GUEST_FRAMES * FRAME_SIZE, NULL);
    uint8_t *info = fb_guest_frame(g, SHARED_INFO);
    g->shared = fb_guest_frame(g, GRANTS);
    *g->shared = (struct emu_gnttab){.version = 1, .nr_frames = 1, .frame = {TABLE << FRAME_SHIFT}};
    const struct gnttab_config grants = {.mem = g->mem, .shared = g->shared,
                                         .first_mfn = mfn(STATUS)};
    const struct evtchn_config events = {
        .shared = g->ports, .host_pending = g->host_pending,
        .bits = {.pending = info + evtchn_2l_pending_offset(false),
                 .mask = info + evtchn_2l_mask_offset(false)},
        .nr_vcpus = 1, .vcpu_info = vcpu_info_of, .kick = no_kick, .opaque = g,
    };
    g->evtchn = evtchn_new(&events);
    g->gnttab = gnttab_new(&grants);
    g->store = store_new();
    g->conn = store_connect(g->store, GUEST_DOMID, on_message, g);
    g->host = local_host_new(g->mem, g->evtchn, g->gnttab, g->store);
    return g;
}

void fb_guest_free(struct fb_guest *g)
{
    fb_guest_run();
    local_host_free(g->host);
    store_disconnect(g->conn);
    store_free(g->store);
    gnttab_free(g->gnttab);
    evtchn_free(g->evtchn);
    guest_mem_free(g->mem);
    g_free(g);
}

void fb_guest_write(struct fb_guest *g, const char *type, const char *key, const char *value)
{
    g_autoptr(GByteArray) payload = g_byte_array_new();
    g_autofree char *path = g_strdup_printf("/local/domain/1/device/%s/0/%s", type, key);

    g_byte_array_append(payload, (const guint8 *)path, (guint)strlen(path) + 1);
    g_byte_array_append(payload, (const guint8 *)value, (guint)strlen(value));
    const struct xsd_sockmsg h = {.type = XS_WRITE, .len = payload->len};
    store_request(g->conn, &h, payload->data);
}

void fb_guest_connect(struct fb_guest *g, const char *type, const char *protocol)
{
    struct evtchn_alloc_unbound op = {.dom = DOMID_SELF, .remote_dom = 0};

    evtchn_guest_op(g->evtchn, EVTCHNOP_alloc_unbound, 0, &op, sizeof(op));
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

    return store_read(g->store, path);
}

void fb_guest_send(struct fb_guest *g)
{
    struct evtchn_send op = {.port = g->port};

    evtchn_guest_op(g->evtchn, EVTCHNOP_send, 0, &op, sizeof(op));
    local_host_doorbell(g->host);
    fb_guest_run();
}

void fb_guest_run(void)
{
    while (g_main_context_iteration(NULL, FALSE))
        ;
}
