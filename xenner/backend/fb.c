#include "xenner/backend/fb.h"
#include "xenner/backend/fb_events.h"

#include <gio/gio.h>
#include <string.h>
#include <sys/mman.h>
#include <xen/io/fbif.h>
#include <xen/io/protocols.h>

#define MAX_SIDE 16384 /* pixels: no product of two sides and a pixel overflows */

struct fb {
    struct xen_host *host;
    struct display *display;
    struct xenbus_device *dev;
    /* while connected */
    struct fbpage shared;
    struct fb_events events;
    uint8_t *memory;
    unsigned frames;
    size_t size; /* as the guest said, at most frames whole */
    struct surface surface;
    bool unknown_seen;
};

bool fb_check(const struct fb_geometry *g, const uint8_t *memory, size_t size, struct surface *ret,
              const char **ret_why)
{
    enum surface_format format;

    switch (g->depth) {
    case 32:
        format = SURFACE_XRGB8888;
        break;
    case 16:
        format = SURFACE_RGB565;
        break;
    case 8:
        format = SURFACE_RGB332;
        break;
    default:
        *ret_why = "no such depth";
        return false;
    }
    uint64_t row = (uint64_t)MAX(g->width, 0) * surface_pixel_bytes(format);
    *ret_why = NULL;
    if (g->width < 1 || g->width > MAX_SIDE || g->height < 1 || g->height > MAX_SIDE)
        *ret_why = "the size is out of bounds";
    else if (g->stride < 1 || (uint64_t)g->stride < row || g->stride > 8 * MAX_SIDE)
        *ret_why = "rows are longer than the stride";
    else if (g->offset < 0 || (uint64_t)g->offset > size ||
             (uint64_t)g->stride * (uint64_t)(g->height - 1) + row > size - (uint64_t)g->offset)
        *ret_why = "the picture ends behind the memory";
    if (*ret_why)
        return false;
    *ret = (struct surface){memory + g->offset, (unsigned)g->width, (unsigned)g->height,
                            (size_t)g->stride, format};
    return true;
}

static void show(struct fb *fb, const struct surface *s)
{
    fb->surface = *s;
    display_set_surface(fb->display, DISPLAY_GUEST, s);
}

static void on_update(struct fb *fb, const struct xenfb_update *u)
{
    struct rect r;

    if (rect_clip(u->x, u->y, u->width, u->height, fb->surface.width, fb->surface.height, &r))
        display_update(fb->display, DISPLAY_GUEST, &r);
}

static bool on_resize(struct fb *fb, const struct xenfb_resize *r)
{
    const struct fb_geometry g = {r->width, r->height, r->stride, r->depth, r->offset};
    struct surface s;
    const char *why;

    if (!fb_check(&g, fb->memory, fb->size, &s, &why)) {
        g_log("fb", G_LOG_LEVEL_DEBUG, "resize to %dx%d, stride %d, depth %d, offset %d: %s",
              r->width, r->height, r->stride, r->depth, r->offset, why);
        return false;
    }
    show(fb, &s);
    return true;
}

static bool on_event(void *opaque, const union xenfb_out_event *e)
{
    struct fb *fb = opaque;

    switch (e->type) {
    case XENFB_TYPE_UPDATE:
        on_update(fb, &e->update);
        return true;
    case XENFB_TYPE_RESIZE:
        return on_resize(fb, &e->resize);
    default:
        if (!fb->unknown_seen)
            g_log("fb", G_LOG_LEVEL_DEBUG, "event of unknown type %u", e->type);
        fb->unknown_seen = true;
        return true;
    }
}

static void on_failed(void *opaque)
{
    xenbus_device_fail(((struct fb *)opaque)->dev);
}

static void on_port(void *opaque)
{
    fb_events_rang(&((struct fb *)opaque)->events);
}

/* Somebody is about to look. */
static void on_refresh(void *opaque)
{
    fb_events_read(&((struct fb *)opaque)->events);
}

/* n numbers of the guest's type long out of its memory. */
static void copy_longs(const void *from, bool wide, unsigned n, xen_pfn_t *ret)
{
    for (unsigned i = 0; i < n; i++) {
        uint32_t narrow;
        uint64_t full;
        if (wide) {
            memcpy(&full, (const uint8_t *)from + i * sizeof(full), sizeof(full));
            ret[i] = full;
        } else {
            memcpy(&narrow, (const uint8_t *)from + i * sizeof(narrow), sizeof(narrow));
            ret[i] = narrow;
        }
    }
}

/*
 * Page, directory, pixels: pd[] of the shared page names frames that are full of frame numbers. Its
 * place and the width of a number are those of the guest's C compiler.
 */
static bool map_pixels(struct fb *fb, bool wide, GError **error)
{
    const size_t word = wide ? 8 : 4;
    const unsigned per_page = (unsigned)(FRAME_SIZE / word);
    const size_t pd = (offsetof(struct xenfb_page, depth) + word) & ~(word - 1);
    unsigned dirs = (fb->frames + per_page - 1) / per_page;
    g_autofree xen_pfn_t *gfns = g_new(xen_pfn_t, fb->frames);
    xen_pfn_t dir_gfns[G_N_ELEMENTS(((struct xenfb_page *)0)->pd)];

    g_assert(dirs <= G_N_ELEMENTS(dir_gfns)); /* FB_MAX_MEMORY */
    copy_longs((const uint8_t *)fb->shared.page + pd, wide, dirs, dir_gfns);
    void *dir = fb->host->ops->map_foreign(fb->host, dir_gfns, dirs, PROT_READ, error);
    if (!dir) {
        g_prefix_error(error, "page directory: ");
        return false;
    }
    copy_longs(dir, wide, fb->frames, gfns);
    fb->host->ops->unmap_foreign(fb->host, dir, dirs);
    fb->memory = fb->host->ops->map_foreign(fb->host, gfns, fb->frames, PROT_READ, error);
    if (!fb->memory)
        g_prefix_error(error, "framebuffer: ");
    return fb->memory != NULL;
}

/* The shared page's head, copied once. */
static bool read_head(struct fb *fb, struct fb_geometry *ret, GError **error)
{
    struct xenfb_page head;

    memcpy(&head, fb->shared.page, offsetof(struct xenfb_page, pd));
    *ret = (struct fb_geometry){head.width, head.height, (int32_t)MIN(head.line_length, INT32_MAX),
                                head.depth, 0};
    if (!head.mem_length || head.mem_length > FB_MAX_MEMORY) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                    "a framebuffer of %u bytes (at most %u)", head.mem_length, FB_MAX_MEMORY);
        return false;
    }
    fb->size = head.mem_length;
    fb->frames = (unsigned)frames_up(head.mem_length);
    return true;
}

static void fb_disconnect(void *opaque)
{
    struct fb *fb = opaque;

    fb_events_clear(&fb->events);
    display_set_refresh(fb->display, DISPLAY_GUEST, NULL, NULL);
    display_set_surface(fb->display, DISPLAY_GUEST, NULL); /* before the pixels go */
    fb->host->ops->unmap_foreign(fb->host, fb->memory, fb->frames);
    fb->memory = NULL;
    fbpage_clear(&fb->shared);
}

static bool open_pixels(struct fb *fb, GError **error)
{
    g_autofree char *protocol = xenbus_read(fb->dev, "protocol", NULL);
    struct fb_geometry g;
    struct surface s;
    const char *why;

    if (!fbpage_map(&fb->shared, fb->host, fb->dev, error) || !read_head(fb, &g, error) ||
        !map_pixels(fb, g_strcmp0(protocol, XEN_IO_PROTO_ABI_X86_32) != 0, error))
        return false;
    if (!fb_check(&g, fb->memory, fb->size, &s, &why)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                    "a framebuffer of %dx%d, stride %d, depth %d: %s", g.width, g.height, g.stride,
                    g.depth, why);
        return false;
    }
    fb->events = (struct fb_events){
        .shared = &fb->shared, .event = on_event, .failed = on_failed, .opaque = fb};
    fb_events_init(&fb->events);
    if (!fbpage_bind(&fb->shared, fb->dev, on_port, fb, error))
        return false;
    display_set_refresh(fb->display, DISPLAY_GUEST, on_refresh, fb);
    show(fb, &s);
    return true;
}

static bool fb_connect(void *opaque, GError **error)
{
    struct fb *fb = opaque;

    if (open_pixels(fb, error))
        return true;
    fb_disconnect(fb);
    return false;
}

static const struct xenbus_ops fb_ops = {"vfb", fb_connect, fb_disconnect};

struct fb *fb_new(struct xen_host *host, unsigned number, struct display *display, GError **error)
{
    g_autofree char *videoram = g_strdup_printf("%u", FB_MAX_MEMORY >> 20);
    const struct xenbus_node front[] = {{NULL}};
    const struct xenbus_node back[] = {
        {"feature-resize", "1"}, {"request-update", "1"}, {"videoram", videoram}, {NULL}};

    if (!xenbus_offer(host, fb_ops.type, number, front, back, error))
        return NULL;
    struct fb *fb = g_new0(struct fb, 1);
    fb->host = host;
    fb->display = display;
    fb->dev = xenbus_device_new(host, number, &fb_ops, fb, error);
    if (!fb->dev)
        g_clear_pointer(&fb, fb_free);
    return fb;
}

void fb_free(struct fb *fb)
{
    if (!fb)
        return;
    xenbus_device_free(fb->dev);
    g_free(fb);
}
