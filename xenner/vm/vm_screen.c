#include "xenner/vm/vm_screen.h"
#include "xenner/backend/fb.h"
#include "xenner/backend/kbd.h"
#include "xenner/display/key_queue.h"
#include "xenner/display/text_view.h"
#include "xenner/display/vnc.h"

#include <stdio.h>
#include <unistd.h>

struct vm_screen {
    const struct vm_config *cfg;
    bool with_model; /* a device model was there, and listened */
    struct display *display;
    struct text_view *text;
    GPtrArray *vncs; /* struct vnc *, owned; as cfg->vncs */
    GPtrArray *vnc_users; /* struct vnc_user *, owned */
    struct key_queue *keys;
    vm_vnc_fn vnc_event;
    void *vnc_opaque;
    struct fb *fb;
    struct kbd *kbd;
};

struct vnc_user { /* whose events they are */
    struct vm_screen *screen;
    unsigned i;
};

static void on_vnc_event(void *opaque, enum vnc_event what, const struct vnc_address *client)
{
    struct vnc_user *u = opaque;

    if (u->screen->vnc_event)
        u->screen->vnc_event(u->screen->vnc_opaque, u->i, what, client);
}

static bool open_vnc(struct vm_screen *s, const struct vnc_config *c, GError **error)
{
    g_autofree char *title = g_strdup_printf("xenner (%s)", s->cfg->name ? s->cfg->name : "guest");
    struct vnc *vnc = vnc_new(c, s->cfg->screen.layout, title, s->display, error);

    if (!vnc) {
        g_prefix_error(error, "%s: ", c->origin.text);
        return false;
    }
    struct vnc_user *u = g_new0(struct vnc_user, 1);
    *u = (struct vnc_user){s, s->vncs->len};
    g_ptr_array_add(s->vnc_users, u);
    vnc_set_events(vnc, on_vnc_event, u);
    g_ptr_array_add(s->vncs, vnc);
    g_log("vnc", G_LOG_LEVEL_DEBUG, "listens on %s", vnc_label(vnc));
    return true;
}

struct vm_screen *vm_screen_new(const struct vm_config *cfg, GError **error)
{
    struct vm_screen *s = g_new0(struct vm_screen, 1);

    s->cfg = cfg;
    s->display = display_new();
    s->keys = key_queue_new(s->display);
    s->text = text_view_new(s->display);
    s->vnc_users = g_ptr_array_new_with_free_func(g_free);
    s->vncs = g_ptr_array_new_with_free_func((GDestroyNotify)vnc_free);
    for (guint i = 0; cfg->type != GUEST_HVM && i < cfg->vncs->len; i++) { /* its device model listens */
        if (!open_vnc(s, g_ptr_array_index(cfg->vncs, i), error)) {
            vm_screen_free(s);
            return NULL;
        }
    }
    return s;
}

bool vm_screen_open(struct vm_screen *s, struct xen_host *host, GError **error)
{
    const struct screen_config *c = &s->cfg->screen;
    const struct kbd_config kbd = {c->width, c->height, !c->relative};

    s->with_model = s->cfg->type == GUEST_HVM;
    text_view_reset(s->text);
    if (c->keyboard && !(s->kbd = kbd_new(host, 0, &kbd, s->display, error)))
        return false;
    return !c->framebuffer || (s->fb = fb_new(host, 0, s->display, error));
}

void vm_screen_close(struct vm_screen *s)
{
    if (!s)
        return;
    g_clear_pointer(&s->fb, fb_free);
    g_clear_pointer(&s->kbd, kbd_free);
}

/* A device model that is told to end leaves its socket. */
static void remove_model_socket(const struct vm_screen *s)
{
    for (guint i = 0; s->with_model && i < s->cfg->vncs->len; i++) {
        const struct vnc_config *c = g_ptr_array_index(s->cfg->vncs, i);
        if (c->path)
            unlink(c->path);
    }
}

void vm_screen_free(struct vm_screen *s)
{
    if (!s)
        return;
    vm_screen_close(s);
    remove_model_socket(s);
    g_ptr_array_unref(s->vncs);
    g_ptr_array_unref(s->vnc_users);
    key_queue_free(s->keys);
    text_view_free(s->text);
    display_free(s->display);
    g_free(s);
}

void vm_screen_text(void *opaque, const uint8_t *data, size_t len)
{
    struct vm_screen *s = opaque;

    text_view_write(s->text, data, len);
}

struct display *vm_screen_display(struct vm_screen *s)
{
    return s->display;
}

struct key_queue *vm_screen_keys(struct vm_screen *s)
{
    return s->keys;
}

void vm_screen_set_vnc_events(struct vm_screen *s, vm_vnc_fn fn, void *opaque)
{
    s->vnc_event = fn;
    s->vnc_opaque = opaque;
}

struct vnc *vm_screen_vnc(struct vm_screen *s, const char *id)
{
    for (guint i = 0; i < s->vncs->len; i++) {
        const struct vnc_config *c = g_ptr_array_index(s->cfg->vncs, i);
        if (!id || g_strcmp0(c->id, id) == 0)
            return g_ptr_array_index(s->vncs, i);
    }
    return NULL;
}
