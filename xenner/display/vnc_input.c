/* What VNC clients type: from their threads through a bounded queue to the main loop's display. */
#include "xenner/display/vnc_private.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/eventfd.h>

#define MAX_PENDING 512    /* input of one client that the main loop has not seen yet */
#define EXT_KEY     (-258) /* pseudo-encoding: key events with the key's number */

void vnc_input_post(struct vnc *v, const struct vnc_input *in)
{
    const uint64_t one = 1;

    g_mutex_lock(&v->lock);
    g_array_append_vals(v->inputs, in, 1);
    g_mutex_unlock(&v->lock);
    if (write(v->wake, &one, sizeof(one)) < 0)
        g_log("vnc", G_LOG_LEVEL_DEBUG, "wake-up: %s", g_strerror(errno));
}

static void post_input(rfbClientPtr cl, enum vnc_input_kind kind, uint32_t a, uint32_t b, uint32_t c)
{
    struct vnc_client *client = cl->clientData;

    if (g_atomic_int_get(&client->pending) >= MAX_PENDING)
        return; /* no person types that fast */
    g_atomic_int_inc(&client->pending);
    vnc_input_post(client->vnc, &(struct vnc_input){kind, client, a, b, c});
}

static void on_key(rfbBool down, rfbKeySym keysym, rfbClientPtr cl)
{
    post_input(cl, VNC_INPUT_KEYSYM, keysym, down != 0, 0);
}

static void on_pointer(int buttons, int x, int y, rfbClientPtr cl)
{
    post_input(cl, VNC_INPUT_POINTER, (uint32_t)buttons, (uint32_t)MAX(x, 0), (uint32_t)MAX(y, 0));
}

static void key(struct vnc *v, struct vnc_client *c, unsigned code, bool down)
{
    if (!code || code >= KEY_CNT)
        return;
    if (down)
        c->held[code / 8] |= (uint8_t)(1 << code % 8);
    else
        c->held[code / 8] &= (uint8_t)~(1 << code % 8);
    display_key(v->display, code, down);
}

static void pointer(struct vnc *v, struct vnc_client *c, int buttons, unsigned x, unsigned y)
{
    static const uint16_t codes[8] = {BTN_LEFT, BTN_MIDDLE, BTN_RIGHT, 0, 0, 0, 0, BTN_SIDE};
    int changed = buttons ^ c->buttons;

    c->buttons = buttons;
    display_pointer(v->display, x, y);
    for (unsigned i = 0; i < G_N_ELEMENTS(codes); i++) {
        bool down = buttons & 1 << i;
        if (!(changed & 1 << i))
            continue;
        if (codes[i])
            key(v, c, codes[i], down);
        else if (down && (i == 3 || i == 4))
            display_wheel(v->display, i == 3 ? -1 : 1);
    }
}

static void take_input(struct vnc *v, const struct vnc_input *in)
{
    struct vnc_client *c = in->client;

    switch (in->kind) {
    case VNC_INPUT_NEW:
        vnc_client_new(v, c);
        return;
    case VNC_INPUT_READY:
        vnc_client_ready(v, c);
        return;
    case VNC_INPUT_GONE:
        vnc_client_gone(v, c, in->thread);
        return;
    case VNC_INPUT_KEYSYM:
        key(v, c, keymap_code(v->map, in->a), in->b);
        break;
    case VNC_INPUT_KEY: {
        const struct key *k = key_by_number(in->a);
        key(v, c, k ? k->code : 0, in->b);
        break;
    }
    case VNC_INPUT_POINTER:
        pointer(v, c, (int)in->a, in->b, in->c);
        break;
    }
    g_atomic_int_add(&c->pending, -1);
}

void vnc_input_take(struct vnc *v)
{
    uint64_t count;

    if (read(v->wake, &count, sizeof(count)) < 0 && errno != EAGAIN)
        g_log("vnc", G_LOG_LEVEL_DEBUG, "wake-up: %s", g_strerror(errno));
    g_mutex_lock(&v->lock);
    g_autoptr(GArray) inputs = g_steal_pointer(&v->inputs);
    v->inputs = g_array_new(FALSE, FALSE, sizeof(struct vnc_input));
    g_mutex_unlock(&v->lock);
    for (guint i = 0; i < inputs->len; i++)
        take_input(v, &g_array_index(inputs, struct vnc_input, i));
}

static gboolean on_wake(gint fd, GIOCondition condition, gpointer data)
{
    vnc_input_take(data);
    return G_SOURCE_CONTINUE;
}

void vnc_input_release(struct vnc *v, const struct vnc_client *c)
{
    for (unsigned code = 0; code < KEY_CNT; code++) {
        if (c->held[code / 8] & 1 << code % 8)
            display_key(v->display, code, false);
    }
}

/* The client can take key numbers: says so with a rectangle of that encoding. */
static rfbBool ext_key_enable(rfbClientPtr cl, void **data, int encoding)
{
    struct {
        rfbFramebufferUpdateMsg head;
        rfbFramebufferUpdateRectHeader rect;
    } __attribute__((packed)) msg = {
        .head = {.type = rfbFramebufferUpdate, .nRects = htons(1)},
        .rect = {.r = {.w = htons((uint16_t)cl->screen->width),
                       .h = htons((uint16_t)cl->screen->height)},
                 .encoding = htonl((uint32_t)EXT_KEY)},
    };

    if (encoding != EXT_KEY)
        return FALSE;
    LOCK(cl->sendMutex);
    int rc = rfbWriteExact(cl, (const char *)&msg, sizeof(msg));
    UNLOCK(cl->sendMutex);
    return rc >= 0;
}

static rfbBool ext_key_message(rfbClientPtr cl, void *data, const rfbClientToServerMsg *msg)
{
    uint8_t rest[11]; /* submessage, down, keysym, number */
    uint32_t number;

    if (msg->type != 255)
        return FALSE;
    if (rfbReadExact(cl, (char *)rest, sizeof(rest)) <= 0 || rest[0] != 0) {
        rfbCloseClient(cl);
        return TRUE;
    }
    memcpy(&number, rest + 7, sizeof(number));
    post_input(cl, VNC_INPUT_KEY, ntohl(number), (rest[1] | rest[2]) != 0, 0);
    return TRUE;
}

static int ext_key_encodings[] = {EXT_KEY, 0};
static rfbProtocolExtension ext_key = {.pseudoEncodings = ext_key_encodings,
                                       .enablePseudoEncoding = ext_key_enable,
                                       .handleMessage = ext_key_message};

void vnc_input_setup(void)
{
    rfbRegisterProtocolExtension(&ext_key);
}

void vnc_input_init(struct vnc *v)
{
    v->inputs = g_array_new(FALSE, FALSE, sizeof(struct vnc_input));
    g_mutex_init(&v->lock);
    v->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    v->wake_source = g_unix_fd_add(v->wake, G_IO_IN, on_wake, v);
}

void vnc_input_hook(struct vnc *v)
{
    v->screen->kbdAddEvent = on_key;
    v->screen->ptrAddEvent = on_pointer;
}

void vnc_input_clear(struct vnc *v)
{
    g_source_remove(v->wake_source);
    close(v->wake);
    g_array_unref(v->inputs);
    g_mutex_clear(&v->lock);
}
