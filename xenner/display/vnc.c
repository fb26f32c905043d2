#include "xenner/display/vnc.h"
#include "xenner/display/keymap.h"
#include "xenner/display/vnc_listen.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <linux/input-event-codes.h>
#include <poll.h>
#include <rfb/rfb.h>
#include <rfb/rfbregion.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#define FRAME_US      33000      /* between two looks at the picture */
#define MAX_CLIENTS   64
#define MAX_PENDING   512        /* input of one client that the main loop has not seen yet */
#define HANDSHAKE_S   10         /* who is not a full client by then, is shown out */
#define MAX_SIDE      VM_CONFIG_MAX_SCREEN
#define BAND          16         /* rows that are compared together */
#define EXT_KEY       (-258)     /* pseudo-encoding: key events with the key's number */

/*
 * The copy's address never changes, and there is memory for any size behind it: client threads read
 * it without a lock, perhaps with the geometry of a moment ago.
 */
#define COPY_BYTES ((size_t)MAX_SIDE * MAX_SIDE * 4)

struct client {
    struct vnc *vnc;
    rfbClientPtr cl;   /* only to be compared: it may be gone */
    struct vnc_address address;
    gint pending;      /* atomic */
    bool ready;        /* its thread's: it has been told of */
    guint handshake;   /* timer */
    uint8_t held[KEY_CNT / 8 + 1];
    int buttons;
};

enum input_kind { INPUT_NEW, INPUT_READY, INPUT_KEYSYM, INPUT_KEY, INPUT_POINTER, INPUT_GONE };

struct input {
    enum input_kind kind;
    struct client *client;
    uint32_t a, b, c;
    pthread_t thread; /* GONE: to join */
};

struct vnc {
    const struct vnc_config *config;
    const struct keymap *map;
    struct display *display;
    rfbScreenInfoPtr screen;
    struct vnc_listen *listener;
    char *title;
    uint8_t *copy;
    struct dirty dirty;
    guint timer;
    gint64 last_look;
    GPtrArray *clients; /* struct client *, owned */
    vnc_event_fn event;
    void *event_opaque;
    guint wake_source;
    int wake;
    GMutex lock; /* of what follows */
    GArray *inputs;
    unsigned connections;
    char *secret;
    int64_t expires;
};

/* From client threads to the main loop. */
static void post(struct vnc *v, const struct input *in)
{
    const uint64_t one = 1;

    g_mutex_lock(&v->lock);
    g_array_append_vals(v->inputs, in, 1);
    g_mutex_unlock(&v->lock);
    if (write(v->wake, &one, sizeof(one)) < 0)
        g_log("vnc", G_LOG_LEVEL_DEBUG, "wake-up: %s", g_strerror(errno));
}

static void post_input(rfbClientPtr cl, enum input_kind kind, uint32_t a, uint32_t b, uint32_t c)
{
    struct client *client = cl->clientData;

    if (g_atomic_int_get(&client->pending) >= MAX_PENDING)
        return; /* no person types that fast */
    g_atomic_int_inc(&client->pending);
    post(client->vnc, &(struct input){kind, client, a, b, c});
}

static void on_key(rfbBool down, rfbKeySym keysym, rfbClientPtr cl)
{
    post_input(cl, INPUT_KEYSYM, keysym, down != 0, 0);
}

static void on_pointer(int buttons, int x, int y, rfbClientPtr cl)
{
    post_input(cl, INPUT_POINTER, (uint32_t)buttons, (uint32_t)MAX(x, 0), (uint32_t)MAX(y, 0));
}

/* Lossless is what a client gets unless lossy=on: JPEG is off before each update. */
static void before_update(rfbClientPtr cl)
{
    struct vnc *v = cl->screen->screenData;
    struct client *client = cl->clientData;

    if (!client->ready) {
        client->ready = true;
        post(v, &(struct input){INPUT_READY, client});
    }
    if (!v->config->lossy)
        cl->tightQualityLevel = cl->turboQualityLevel = -1;
}

static rfbBool check_password(rfbClientPtr cl, const char *response, int len)
{
    struct vnc *v = cl->screen->screenData;
    uint8_t expected[CHALLENGESIZE];
    bool good = false;

    g_mutex_lock(&v->lock);
    if (v->secret && (v->expires < 0 || g_get_real_time() / G_USEC_PER_SEC < v->expires)) {
        memcpy(expected, cl->authChallenge, sizeof(expected));
        rfbEncryptBytes(expected, v->secret);
        good = len == CHALLENGESIZE && memcmp(expected, response, sizeof(expected)) == 0;
    }
    g_mutex_unlock(&v->lock);
    return good;
}

/* In the client's own thread, its last act but for the library's. */
static void on_gone(rfbClientPtr cl)
{
    struct client *client = cl->clientData;

    while (cl->extensions) { /* the library forgets to */
        rfbExtensionData *next = cl->extensions->next;
        free(cl->extensions);
        cl->extensions = next;
    }
    post(client->vnc, &(struct input){INPUT_GONE, client, .thread = pthread_self()});
}

static enum rfbNewClientAction on_new(rfbClientPtr cl)
{
    return RFB_CLIENT_ON_HOLD; /* until accepted() has written down who it is */
}

/* In the listener's thread. */
static void accepted(void *opaque, int fd, bool skip_auth)
{
    struct vnc *v = opaque;

    g_mutex_lock(&v->lock);
    bool room = v->connections < MAX_CLIENTS && fd < FD_SETSIZE; /* the library has fd_sets */
    v->connections += room;
    g_mutex_unlock(&v->lock);
    rfbClientPtr cl = room ? rfbNewClient(v->screen, fd) : NULL;
    if (!room)
        close(fd);
    if (!cl) { /* it has hung up already */
        g_mutex_lock(&v->lock);
        v->connections -= room;
        g_mutex_unlock(&v->lock);
        return;
    }
    struct client *client = g_new0(struct client, 1);
    client->vnc = v;
    client->cl = cl;
    vnc_address_get(&client->address, fd, true);
    cl->clientData = client;
    cl->clientGoneHook = on_gone;
    cl->reverseConnection = skip_auth; /* the library asks such for no password */
    post(v, &(struct input){INPUT_NEW, client});
    rfbStartOnHoldClient(cl);
}

/* Calls shutdown on the sockets: their threads notice, and end by themselves. */
static void hang_up(struct vnc *v, const struct client *only, bool unless_normal)
{
    rfbClientIteratorPtr i = rfbGetClientIterator(v->screen);
    rfbClientPtr cl;

    while ((cl = rfbClientIteratorNext(i))) {
        if ((!only || cl->clientData == only) && !(unless_normal && cl->state == RFB_NORMAL))
            shutdown(cl->sock, SHUT_RDWR);
    }
    rfbReleaseClientIterator(i);
}

static gboolean on_handshake_over(gpointer data)
{
    struct client *client = data;

    client->handshake = 0;
    hang_up(client->vnc, client, true);
    return G_SOURCE_REMOVE;
}

static gboolean look(gpointer data);

/* The next look, soon but not sooner than a frame after the last. */
static void want_look(struct vnc *v)
{
    if (v->timer || !v->clients->len || !v->dirty.n)
        return;
    gint64 wait = v->last_look + FRAME_US - g_get_monotonic_time();
    v->timer = g_timeout_add((guint)(CLAMP(wait, 0, FRAME_US) / 1000), look, v);
}

/* Compares and copies rows [y, end) of a rectangle; one rectangle holds all that differs. */
static void copy_band(struct vnc *v, const struct surface *s, const struct rect *r, unsigned y,
                      unsigned end)
{
    uint32_t row[MAX_SIDE];
    unsigned first = r->width, last = 0, top = end, bottom = y;

    for (unsigned at = y; at < end; at++) {
        uint32_t *to = (uint32_t *)(void *)(v->copy + (size_t)at * v->screen->width * 4) + r->x;
        surface_read(s, r->x, at, r->width, row);
        if (memcmp(to, row, r->width * sizeof(*row)) == 0)
            continue;
        unsigned a = 0, b = r->width;
        while (to[a] == row[a])
            a++;
        while (to[b - 1] == row[b - 1])
            b--;
        memcpy(to + a, row + a, (b - a) * sizeof(*row));
        first = MIN(first, a);
        last = MAX(last, b);
        top = MIN(top, at);
        bottom = at + 1;
    }
    if (first < last)
        rfbMarkRectAsModified(v->screen, (int)(r->x + first), (int)top, (int)(r->x + last),
                              (int)bottom);
}

static gboolean look(gpointer data)
{
    struct vnc *v = data;

    v->timer = 0;
    v->last_look = g_get_monotonic_time();
    if (v->clients->len)
        display_refresh(v->display); /* may add to what is dirty */
    if (v->timer) {
        g_source_remove(v->timer);
        v->timer = 0;
    }
    const struct surface *s = display_surface(v->display);
    if (!s || !v->clients->len)
        return G_SOURCE_REMOVE;
    for (unsigned i = 0; i < v->dirty.n; i++) {
        const struct rect *r = &v->dirty.rects[i];
        for (unsigned y = r->y; y < r->y + r->height; y += BAND)
            copy_band(v, s, r, y, MIN(y + BAND, r->y + r->height));
    }
    v->dirty.n = 0;
    return G_SOURCE_REMOVE;
}

/*
 * Another size. The library's rfbNewFramebuffer() could deadlock with a client that leaves at that
 * moment; as the copy's memory stays, it is enough to tell each client.
 */
static void set_size(struct vnc *v, unsigned width, unsigned height)
{
    rfbScreenInfoPtr screen = v->screen;

    if (screen->width == (int)width && screen->height == (int)height)
        return;
    madvise(v->copy, COPY_BYTES, MADV_DONTNEED); /* black, and no memory in use */
    screen->width = (int)width;
    screen->height = (int)height;
    screen->paddedWidthInBytes = (int)width * 4;
    rfbClientIteratorPtr i = rfbGetClientIterator(screen);
    for (rfbClientPtr cl; (cl = rfbClientIteratorNext(i));) {
        LOCK(cl->updateMutex);
        sraRgnDestroy(cl->modifiedRegion);
        cl->modifiedRegion = sraRgnCreateRect(0, 0, screen->width, screen->height);
        sraRgnMakeEmpty(cl->copyRegion);
        if (cl->useNewFBSize)
            cl->newFBSizePending = TRUE;
        TSIGNAL(cl->updateCond);
        UNLOCK(cl->updateMutex);
    }
    rfbReleaseClientIterator(i);
}

static void on_changed(void *opaque, const struct surface *s)
{
    struct vnc *v = opaque;

    v->dirty.n = 0;
    if (!s)
        return; /* the last picture stays */
    set_size(v, s->width, s->height);
    dirty_add(&v->dirty, &(struct rect){0, 0, s->width, s->height});
    want_look(v);
}

static void on_updated(void *opaque, const struct rect *r)
{
    struct vnc *v = opaque;

    dirty_add(&v->dirty, r);
    want_look(v);
}

static const struct display_listener listener = {on_changed, on_updated};

static void key(struct vnc *v, struct client *c, unsigned code, bool down)
{
    if (!code || code >= KEY_CNT)
        return;
    if (down)
        c->held[code / 8] |= (uint8_t)(1 << code % 8);
    else
        c->held[code / 8] &= (uint8_t)~(1 << code % 8);
    display_key(v->display, code, down);
}

static void pointer(struct vnc *v, struct client *c, int buttons, unsigned x, unsigned y)
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

static void tell(struct vnc *v, enum vnc_event what, const struct client *c)
{
    if (v->event)
        v->event(v->event_opaque, what, &c->address);
}

static void greet(struct vnc *v, struct client *c)
{
    const struct surface *s = display_surface(v->display);

    g_ptr_array_add(v->clients, c);
    tell(v, VNC_EVENT_CONNECTED, c);
    c->handshake = g_timeout_add_seconds(HANDSHAKE_S, on_handshake_over, c);
    if (s) { /* nobody looked up to now */
        dirty_add(&v->dirty, &(struct rect){0, 0, s->width, s->height});
        want_look(v);
    }
}

/* What it held down must not stay so. */
static void part(struct vnc *v, struct client *c, pthread_t thread)
{
    pthread_join(thread, NULL);
    g_mutex_lock(&v->lock);
    v->connections--;
    g_mutex_unlock(&v->lock);
    for (unsigned code = 0; code < KEY_CNT; code++) {
        if (c->held[code / 8] & 1 << code % 8)
            display_key(v->display, code, false);
    }
    if (c->handshake)
        g_source_remove(c->handshake);
    tell(v, VNC_EVENT_DISCONNECTED, c);
    g_ptr_array_remove(v->clients, c);
}

static void take_input(struct vnc *v, const struct input *in)
{
    struct client *c = in->client;

    switch (in->kind) {
    case INPUT_NEW:
        greet(v, c);
        return;
    case INPUT_READY:
        tell(v, VNC_EVENT_INITIALIZED, c);
        return;
    case INPUT_GONE:
        part(v, c, in->thread);
        return;
    case INPUT_KEYSYM:
        key(v, c, keymap_code(v->map, in->a), in->b);
        break;
    case INPUT_KEY: {
        const struct key *k = key_by_number(in->a);
        key(v, c, k ? k->code : 0, in->b);
        break;
    }
    case INPUT_POINTER:
        pointer(v, c, (int)in->a, in->b, in->c);
        break;
    }
    g_atomic_int_add(&c->pending, -1);
}

static gboolean on_wake(gint fd, GIOCondition condition, gpointer data)
{
    struct vnc *v = data;
    uint64_t count;

    if (read(v->wake, &count, sizeof(count)) < 0 && errno != EAGAIN)
        g_log("vnc", G_LOG_LEVEL_DEBUG, "wake-up: %s", g_strerror(errno));
    g_mutex_lock(&v->lock);
    g_autoptr(GArray) inputs = g_steal_pointer(&v->inputs);
    v->inputs = g_array_new(FALSE, FALSE, sizeof(struct input));
    g_mutex_unlock(&v->lock);
    for (guint i = 0; i < inputs->len; i++)
        take_input(v, &g_array_index(inputs, struct input, i));
    return G_SOURCE_CONTINUE;
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
    post_input(cl, INPUT_KEY, ntohl(number), (rest[1] | rest[2]) != 0, 0);
    return TRUE;
}

static int ext_key_encodings[] = {EXT_KEY, 0};
static rfbProtocolExtension ext_key = {.pseudoEncodings = ext_key_encodings,
                                       .enablePseudoEncoding = ext_key_enable,
                                       .handleMessage = ext_key_message};

static void library_log(const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    g_autofree char *text = g_strdup_vprintf(format, ap);
    va_end(ap);
    g_log("vnc", G_LOG_LEVEL_DEBUG, "%s", g_strchomp(text));
}

/* The library's own globals: once a process. */
static void setup_library(void)
{
    static gsize done;

    if (g_once_init_enter(&done)) {
        rfbLog = library_log;
        rfbErr = library_log;
        rfbRegisterProtocolExtension(&ext_key);
        g_once_init_leave(&done, 1);
    }
}

static void setup_screen(struct vnc *v)
{
    rfbScreenInfoPtr screen = v->screen;
    enum vnc_share share = v->config->share;

    screen->frameBuffer = (char *)v->copy;
    screen->serverFormat.redShift = 16;
    screen->serverFormat.greenShift = 8;
    screen->serverFormat.blueShift = 0;
    screen->serverFormat.depth = 24;
    screen->desktopName = v->title;
    screen->screenData = v;
    screen->backgroundLoop = TRUE; /* a thread for each client */
    screen->cursor = NULL;         /* the guest draws its own */
    screen->alwaysShared = share == VNC_SHARE_IGNORE;
    screen->dontDisconnect = share == VNC_SHARE_FORCE_SHARED;
    screen->authPasswdData = v->config->password ? v : NULL;
    screen->passwordCheck = check_password;
    screen->kbdAddEvent = on_key;
    screen->ptrAddEvent = on_pointer;
    screen->newClientHook = on_new;
    screen->displayHook = before_update;
    screen->permitFileTransfer = FALSE;
}

static void free_client(gpointer data)
{
    struct client *c = data;

    vnc_address_clear(&c->address);
    g_free(c);
}

struct vnc *vnc_new(const struct vnc_config *c, const char *layout, const char *title,
                    struct display *display, GError **error)
{
    struct vnc *v = g_new0(struct vnc, 1);

    setup_library();
    v->config = c;
    v->map = keymap_find(layout);
    v->display = display;
    v->title = g_strdup(title);
    v->secret = g_strdup(c->secret);
    v->expires = -1;
    v->clients = g_ptr_array_new_with_free_func(free_client);
    v->inputs = g_array_new(FALSE, FALSE, sizeof(struct input));
    g_mutex_init(&v->lock);
    v->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    v->wake_source = g_unix_fd_add(v->wake, G_IO_IN, on_wake, v);
    v->copy = mmap(NULL, COPY_BYTES, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    v->screen = rfbGetScreen(NULL, NULL, 640, 480, 8, 3, 4);
    if (!v->map || v->copy == MAP_FAILED || !v->screen) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "VNC: %s",
                    v->map ? "out of memory" : "there is no such keyboard layout");
        vnc_free(v);
        return NULL;
    }
    setup_screen(v);
    display_listen(display, &listener, v);
    v->listener = vnc_listen_new(c, accepted, v, error);
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
    on_wake(v->wake, G_IO_IN, v);
    while (v->clients->len) { /* each says when it is gone */
        struct pollfd p = {.fd = v->wake, .events = POLLIN};
        hang_up(v, NULL, false);
        poll(&p, 1, 1000);
        on_wake(v->wake, G_IO_IN, v);
    }
    if (v->timer)
        g_source_remove(v->timer);
    if (v->screen)
        rfbScreenCleanup(v->screen);
    if (v->copy && v->copy != MAP_FAILED)
        munmap(v->copy, COPY_BYTES);
    g_source_remove(v->wake_source);
    close(v->wake);
    g_ptr_array_unref(v->clients);
    g_array_unref(v->inputs);
    g_mutex_clear(&v->lock);
    g_free(v->title);
    g_free(v->secret);
    g_free(v);
}

bool vnc_set_password(struct vnc *v, const char *secret, GError **error)
{
    if (!v->config->password) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                    "VNC password authentication is not enabled (password=on)");
        return false;
    }
    g_mutex_lock(&v->lock);
    g_free(v->secret);
    v->secret = g_strdup(secret);
    g_mutex_unlock(&v->lock);
    return true;
}

void vnc_expire_password(struct vnc *v, int64_t when)
{
    g_mutex_lock(&v->lock);
    v->expires = when;
    g_mutex_unlock(&v->lock);
}

void vnc_add_client(struct vnc *v, int fd, bool skip_auth)
{
    vnc_listen_add(v->listener, fd, skip_auth);
}

unsigned vnc_clients(const struct vnc *v)
{
    return v->clients->len;
}

const struct vnc_address *vnc_client_address(const struct vnc *v, unsigned i)
{
    return &((const struct client *)g_ptr_array_index(v->clients, i))->address;
}

bool vnc_server_address(const struct vnc *v, struct vnc_address *ret)
{
    int fd = vnc_listen_socket(v->listener);

    if (fd >= 0)
        vnc_address_get(ret, fd, false);
    return fd >= 0;
}

void vnc_set_events(struct vnc *v, vnc_event_fn fn, void *opaque)
{
    v->event = fn;
    v->event_opaque = opaque;
}

const char *vnc_label(const struct vnc *v)
{
    return vnc_listen_label(v->listener);
}
