#include "xenner/backend/kbd.h"
#include "xenner/backend/fbpage.h"

#include <gio/gio.h>
#include <string.h>
#include <xen/io/kbdif.h>

/* Input that waits for a guest which does not read its ring; what is more is lost. */
#define MAX_WAITING 512

struct kbd {
    struct xen_host *host;
    struct display *display;
    struct kbd_config config;
    struct xenbus_device *dev;
    GArray *waiting; /* union xenkbd_in_event */
    /* while connected */
    struct fbpage shared;
    bool absolute;
    bool has_last; /* position of the pointer, for relative movement */
    int last_x, last_y;
};

/* Fills the ring from the queue; the guest sends an event when it has read. */
static void flush(struct kbd *kbd)
{
    if (!kbd->shared.port || !kbd->waiting->len)
        return;
    uint32_t prod = fbpage_index(&kbd->shared, FBPAGE_IN_PROD);
    uint32_t cons = fbpage_index(&kbd->shared, FBPAGE_IN_CONS);
    guint done = 0;

    if (prod - cons > XENKBD_IN_RING_LEN) {
        g_log("fb", G_LOG_LEVEL_DEBUG, "input ring from %u to %u", cons, prod);
        xenbus_device_fail(kbd->dev);
        return;
    }
    for (; done < kbd->waiting->len && prod - cons < XENKBD_IN_RING_LEN; done++, prod++)
        memcpy(&XENKBD_IN_RING_REF(kbd->shared.page, prod),
               &g_array_index(kbd->waiting, union xenkbd_in_event, done), XENKBD_IN_EVENT_SIZE);
    if (!done)
        return;
    g_array_remove_range(kbd->waiting, 0, done);
    fbpage_set_index(&kbd->shared, FBPAGE_IN_PROD, prod);
    kbd->host->ops->notify(kbd->shared.port);
}

static void send(struct kbd *kbd, const union xenkbd_in_event *e)
{
    if (!kbd->shared.port)
        return;
    if (kbd->waiting->len < MAX_WAITING)
        g_array_append_vals(kbd->waiting, e, 1);
    flush(kbd);
}

static void on_key(void *opaque, unsigned code, bool down)
{
    union xenkbd_in_event e = {.pad = {0}};

    e.key = (struct xenkbd_key){XENKBD_TYPE_KEY, down, code};
    send(opaque, &e);
}

static int scale(unsigned v, unsigned from, unsigned to)
{
    return from > 1 ? (int)((uint64_t)v * (to - 1) / (from - 1)) : 0;
}

/*
 * Absolute positions go to the range that the guest was told of, which need not be the size of its
 * picture; a relative pointer gets the way from the last position.
 */
static void on_pointer(void *opaque, unsigned x, unsigned y, unsigned width, unsigned height)
{
    struct kbd *kbd = opaque;
    union xenkbd_in_event e = {.pad = {0}};

    if (kbd->absolute)
        e.pos = (struct xenkbd_position){XENKBD_TYPE_POS, scale(x, width, kbd->config.width),
                                         scale(y, height, kbd->config.height), 0};
    else
        e.motion = (struct xenkbd_motion){XENKBD_TYPE_MOTION, (int)x - kbd->last_x,
                                          (int)y - kbd->last_y, 0};
    bool known = kbd->has_last;
    bool moved = !known || (int)x != kbd->last_x || (int)y != kbd->last_y;
    kbd->has_last = true;
    kbd->last_x = (int)x;
    kbd->last_y = (int)y;
    if (moved && (kbd->absolute || known))
        send(kbd, &e);
}

static void on_motion(void *opaque, int dx, int dy)
{
    union xenkbd_in_event e = {.pad = {0}};

    e.motion = (struct xenkbd_motion){XENKBD_TYPE_MOTION, dx, dy, 0};
    send(opaque, &e);
}

static void on_wheel(void *opaque, int steps)
{
    struct kbd *kbd = opaque;
    union xenkbd_in_event e = {.pad = {0}};

    /* The absolute event has a position, too: the last one, in the guest's range already. */
    if (kbd->absolute && kbd->has_last) {
        const struct surface *s = display_surface(kbd->display);
        e.pos = (struct xenkbd_position){XENKBD_TYPE_POS, 0, 0, steps};
        if (s) {
            e.pos.abs_x = scale((unsigned)kbd->last_x, s->width, kbd->config.width);
            e.pos.abs_y = scale((unsigned)kbd->last_y, s->height, kbd->config.height);
        }
    } else {
        e.motion = (struct xenkbd_motion){XENKBD_TYPE_MOTION, 0, 0, steps};
    }
    send(kbd, &e);
}

static bool is_absolute(void *opaque)
{
    return ((struct kbd *)opaque)->absolute;
}

static const struct input_sink sink = {on_key, on_pointer, on_motion, on_wheel, is_absolute};

/* The guest has read, or said something: no out event is defined, so all are done. */
static void on_event(void *opaque)
{
    struct kbd *kbd = opaque;
    uint32_t prod = fbpage_index(&kbd->shared, FBPAGE_OUT_PROD);

    if (fbpage_index(&kbd->shared, FBPAGE_OUT_CONS) != prod) {
        fbpage_set_index(&kbd->shared, FBPAGE_OUT_CONS, prod);
        kbd->host->ops->notify(kbd->shared.port);
    }
    flush(kbd);
}

static void kbd_disconnect(void *opaque)
{
    struct kbd *kbd = opaque;

    display_set_sink(kbd->display, DISPLAY_GUEST, NULL, kbd);
    fbpage_clear(&kbd->shared);
    g_array_set_size(kbd->waiting, 0);
}

static bool kbd_connect(void *opaque, GError **error)
{
    struct kbd *kbd = opaque;
    uint64_t wanted = 0;

    if (!fbpage_map(&kbd->shared, kbd->host, kbd->dev, error) ||
        !fbpage_bind(&kbd->shared, kbd->dev, on_event, kbd, error)) {
        fbpage_clear(&kbd->shared);
        return false;
    }
    xenbus_read_number(kbd->dev, XENKBD_FIELD_REQ_ABS_POINTER, 1, &wanted, NULL);
    kbd->absolute = wanted && kbd->config.absolute;
    kbd->has_last = false;
    display_set_sink(kbd->display, DISPLAY_GUEST, &sink, kbd);
    return true;
}

static const struct xenbus_ops kbd_ops = {XENKBD_DRIVER_NAME, kbd_connect, kbd_disconnect};

static bool offer(struct xen_host *host, unsigned number, const struct kbd_config *c,
                  GError **error)
{
    g_autofree char *width = g_strdup_printf("%u", c->width);
    g_autofree char *height = g_strdup_printf("%u", c->height);
    const struct xenbus_node front[] = {{NULL}};
    const struct xenbus_node back[] = {
        {XENKBD_FIELD_FEAT_ABS_POINTER, c->absolute ? "1" : "0"},
        {XENKBD_FIELD_WIDTH, width}, {XENKBD_FIELD_HEIGHT, height}, {NULL}};

    return xenbus_offer(host, kbd_ops.type, number, front, back, error);
}

struct kbd *kbd_new(struct xen_host *host, unsigned number, const struct kbd_config *config,
                    struct display *display, GError **error)
{
    if (!offer(host, number, config, error))
        return NULL;
    struct kbd *kbd = g_new0(struct kbd, 1);
    kbd->host = host;
    kbd->display = display;
    kbd->config = *config;
    kbd->waiting = g_array_new(FALSE, FALSE, sizeof(union xenkbd_in_event));
    kbd->dev = xenbus_device_new(host, number, &kbd_ops, kbd, error);
    if (!kbd->dev)
        g_clear_pointer(&kbd, kbd_free);
    return kbd;
}

void kbd_free(struct kbd *kbd)
{
    if (!kbd)
        return;
    xenbus_device_free(kbd->dev);
    g_array_unref(kbd->waiting);
    g_free(kbd);
}
