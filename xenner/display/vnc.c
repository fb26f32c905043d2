/* The VNC server's life: LibVNCServer's screen, and the parts around it. */
#include "xenner/display/vnc_private.h"
#include "xenner/util/lazy_library.h"

#include <gio/gio.h>

static void library_log(const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    g_autofree char *text = g_strdup_vprintf(format, ap);
    va_end(ap);
    g_log("vnc", G_LOG_LEVEL_DEBUG, "%s", g_strchomp(text));
}

extern struct lazy_library lazy_libvncserver; /* libvncserver_calls.S */

/* The library's own globals: once a process. */
static void setup_library(void)
{
    static gsize done;

    if (g_once_init_enter(&done)) {
        *(rfbLogProc *)lazy_library_variable(&lazy_libvncserver, "rfbLog") = library_log;
        *(rfbLogProc *)lazy_library_variable(&lazy_libvncserver, "rfbErr") = library_log;
        vnc_input_setup();
        g_once_init_leave(&done, 1);
    }
}

static void setup_screen(struct vnc *v)
{
    rfbScreenInfoPtr screen = v->screen;

    screen->serverFormat.redShift = 16;
    screen->serverFormat.greenShift = 8;
    screen->serverFormat.blueShift = 0;
    screen->serverFormat.depth = 24;
    screen->desktopName = v->title;
    screen->screenData = v;
    screen->backgroundLoop = TRUE; /* a thread for each client */
    screen->cursor = NULL;         /* the guest draws its own */
    screen->permitFileTransfer = FALSE;
    vnc_client_hook(v);
    vnc_input_hook(v);
    vnc_picture_hook(v);
}

struct vnc *vnc_new(const struct vnc_config *c, const char *layout, const char *title,
                    struct display *display, GError **error)
{
    if (!lazy_library_load(&lazy_libvncserver, error))
        return NULL;
    struct vnc *v = g_new0(struct vnc, 1);

    setup_library();
    v->config = c;
    v->map = keymap_find(layout);
    v->display = display;
    v->title = g_strdup(title);
    v->secret = g_strdup(c->secret);
    v->expires = -1;
    v->clients = g_ptr_array_new_with_free_func(vnc_client_free);
    vnc_input_init(v);
    v->screen = rfbGetScreen(NULL, NULL, 640, 480, 8, 3, 4);
    if (!vnc_picture_init(v) || !v->map || !v->screen) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "VNC: %s",
                    v->map ? "out of memory" : "there is no such keyboard layout");
        vnc_free(v);
        return NULL;
    }
    setup_screen(v);
    v->listener = vnc_listen_new(c, vnc_client_accept, v, error);
    if (!v->listener)
        g_clear_pointer(&v, vnc_free);
    return v;
}

void vnc_free(struct vnc *v)
{
    if (!v)
        return;
    vnc_listen_free(v->listener);
    display_unlisten(v->display, v);
    vnc_client_end_all(v);
    if (v->screen)
        rfbScreenCleanup(v->screen);
    vnc_picture_clear(v);
    vnc_input_clear(v);
    g_ptr_array_unref(v->clients);
    g_free(v->title);
    g_free(v->secret);
    g_free(v);
}

bool vnc_server_address(const struct vnc *v, struct vnc_address *ret)
{
    int fd = vnc_listen_socket(v->listener);

    if (fd >= 0)
        vnc_address_get(ret, fd, false);
    return fd >= 0;
}

const char *vnc_label(const struct vnc *v)
{
    return vnc_listen_label(v->listener);
}
