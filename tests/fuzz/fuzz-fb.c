/*
 * Any bytes as a framebuffer's shared page, page directory and events, and as what a keyboard's
 * guest leaves in its ring. What a listener is told must be readable.
 */
#include "fuzz.h"

#include "tests/unit/fb_guest.h"
#include "xenner/backend/fb.h"
#include "xenner/backend/kbd.h"

#include <stdlib.h>
#include <string.h>
#include <xen/io/fbif.h>

struct seen {
    bool there;
    struct surface surface;
    uint32_t sum;
};

static void look(struct seen *seen, const struct rect *r)
{
    const struct surface *s = &seen->surface;
    uint32_t row[16384];

    if (!r->width || !r->height || r->width > s->width - r->x || r->height > s->height - r->y ||
        r->x >= s->width || r->y >= s->height || s->width > G_N_ELEMENTS(row))
        abort();
    for (unsigned y = r->y; y < r->y + r->height; y += MAX(r->height - 1, 1)) {
        surface_read(s, r->x, y, r->width, row);
        seen->sum += row[r->width - 1];
    }
}

static void on_changed(void *opaque, const struct surface *s)
{
    struct seen *seen = opaque;

    seen->there = s != NULL;
    if (!s)
        return;
    seen->surface = *s;
    look(seen, &(struct rect){0, 0, s->width, s->height});
}

static void on_updated(void *opaque, const struct rect *r)
{
    if (!((struct seen *)opaque)->there)
        abort();
    look(opaque, r);
}

static const struct display_listener listener = {on_changed, on_updated};

static void ignore(const gchar *domain, GLogLevelFlags level, const gchar *text, gpointer data)
{
}

/* The next n bytes, as far as there are any. */
static void take(const uint8_t **data, size_t *size, void *to, size_t n)
{
    n = MIN(n, *size);
    memcpy(to, *data, n);
    *data += n;
    *size -= n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct kbd_config config = {800, 600, true};
    struct fb_guest *g = fb_guest_new();
    struct display *d = display_new();
    struct seen seen = {0};
    uint8_t mode = 0;

    g_log_set_default_handler(ignore, NULL); /* what it thinks of such guests */
    display_listen(d, &listener, &seen);
    struct fb *fb = fb_new(g->g.host, 0, d, NULL);
    fb_guest_run();
    uint8_t *page = fb_guest_frame(g, FB_PAGE);
    take(&data, &size, &mode, 1);
    take(&data, &size, page + 4 * sizeof(uint32_t), 48);
    take(&data, &size, fb_guest_frame(g, FB_DIR), 64);
    fb_guest_connect(g, "vfb", mode & 1 ? "x86_32-abi" : "x86_64-abi");
    for (uint8_t by = 0; size; by = 0) {
        struct xenfb_page *p = (struct xenfb_page *)page;
        union xenfb_out_event e = {.pad = {0}};
        take(&data, &size, &by, 1);
        take(&data, &size, &e, sizeof(e));
        memcpy(&XENFB_OUT_RING_REF(p, p->out_prod), &e, sizeof(e));
        p->out_prod += by;
        fb_guest_send(g);
    }
    fb_free(fb);
    /* the same page as a keyboard's */
    struct kbd *kbd = kbd_new(g->g.host, 0, &config, d, NULL);
    fb_guest_run();
    fb_guest_connect(g, "vkbd", "x86_64-abi");
    for (unsigned i = 0; i < 60; i++) {
        display_key(d, i, true);
        display_wheel(d, 1);
        fb_guest_send(g);
    }
    kbd_free(kbd);
    if (seen.there)
        abort();
    display_unlisten(d, &seen);
    display_free(d);
    fb_guest_free(g);
    return 0;
}

/* A good framebuffer of 64x40, with a few events. */
void fuzz_seeds(fuzz_seed_fn add, void *opaque)
{
    for (unsigned kind = 0; kind < 4; kind++) {
        g_autoptr(GByteArray) a = g_byte_array_new();
        struct xenfb_page page = {.width = 64, .height = 40, .line_length = 256,
                                  .mem_length = 10240, .depth = 32, .pd = {FB_DIR}};
        const uint64_t dir[8] = {FB_FIRST + 2, FB_FIRST + 1, FB_FIRST};
        const union xenfb_out_event update = {.update = {XENFB_TYPE_UPDATE, 1, 2, 30, 10}};
        const union xenfb_out_event resize = {.resize = {XENFB_TYPE_RESIZE, 32, 16, 64, 16, 128}};
        const uint8_t mode = 0, one = 1;
        g_autofree char *name = g_strdup_printf("frames%u", kind);

        page.depth = kind == 1 ? 16 : kind == 2 ? 8 : 32;
        g_byte_array_append(a, &mode, 1);
        g_byte_array_append(a, (const guint8 *)&page + 16, 48);
        g_byte_array_append(a, (const guint8 *)dir, sizeof(dir));
        for (unsigned i = 0; i < kind; i++) {
            g_byte_array_append(a, &one, 1);
            g_byte_array_append(a, (const guint8 *)&update, sizeof(update));
            g_byte_array_append(a, &one, 1);
            g_byte_array_append(a, (const guint8 *)&resize, sizeof(resize));
        }
        add(opaque, name, a->data, a->len);
    }
}
