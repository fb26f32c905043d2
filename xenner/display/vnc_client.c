/* Who is connected over VNC, and who may: the handshake, passwords, comings and goings. */
#include "xenner/display/vnc_private.h"

#include <gio/gio.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define MAX_CLIENTS 64
#define HANDSHAKE_S 10 /* who is not a full client by then, is shown out */

/* Lossless is what a client gets unless lossy=on: JPEG is off before each update. */
static void before_update(rfbClientPtr cl)
{
    struct vnc *v = cl->screen->screenData;
    struct vnc_client *client = cl->clientData;

    if (!client->ready) {
        client->ready = true;
        vnc_input_post(v, &(struct vnc_input){VNC_INPUT_READY, client});
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
    struct vnc_client *client = cl->clientData;

    while (cl->extensions) { /* the library forgets to */
        rfbExtensionData *next = cl->extensions->next;
        free(cl->extensions);
        cl->extensions = next;
    }
    vnc_input_post(client->vnc, &(struct vnc_input){VNC_INPUT_GONE, client, .thread = pthread_self()});
}

static enum rfbNewClientAction on_new(rfbClientPtr cl)
{
    return RFB_CLIENT_ON_HOLD; /* until vnc_client_accept() has written down who it is */
}

void vnc_client_accept(void *opaque, int fd, bool skip_auth)
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
    struct vnc_client *client = g_new0(struct vnc_client, 1);
    client->vnc = v;
    client->cl = cl;
    vnc_address_get(&client->address, fd, true);
    cl->clientData = client;
    cl->clientGoneHook = on_gone;
    cl->reverseConnection = skip_auth; /* the library asks such for no password */
    vnc_input_post(v, &(struct vnc_input){VNC_INPUT_NEW, client});
    rfbStartOnHoldClient(cl);
}

/* Calls shutdown on the sockets: their threads notice, and end by themselves. */
static void hang_up(struct vnc *v, const struct vnc_client *only, bool unless_normal)
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
    struct vnc_client *client = data;

    client->handshake = 0;
    hang_up(client->vnc, client, true);
    return G_SOURCE_REMOVE;
}

static void tell(struct vnc *v, enum vnc_event what, const struct vnc_client *c)
{
    if (v->event)
        v->event(v->event_opaque, what, &c->address);
}

void vnc_client_new(struct vnc *v, struct vnc_client *c)
{
    g_ptr_array_add(v->clients, c);
    tell(v, VNC_EVENT_CONNECTED, c);
    c->handshake = g_timeout_add_seconds(HANDSHAKE_S, on_handshake_over, c);
    vnc_picture_all(v);
}

void vnc_client_ready(struct vnc *v, struct vnc_client *c)
{
    tell(v, VNC_EVENT_INITIALIZED, c);
}

void vnc_client_gone(struct vnc *v, struct vnc_client *c, pthread_t thread)
{
    pthread_join(thread, NULL);
    g_mutex_lock(&v->lock);
    v->connections--;
    g_mutex_unlock(&v->lock);
    vnc_input_release(v, c);
    if (c->handshake)
        g_source_remove(c->handshake);
    tell(v, VNC_EVENT_DISCONNECTED, c);
    g_ptr_array_remove(v->clients, c);
}

void vnc_client_free(gpointer data)
{
    struct vnc_client *c = data;

    vnc_address_clear(&c->address);
    g_free(c);
}

void vnc_client_end_all(struct vnc *v)
{
    vnc_input_take(v);
    while (v->clients->len) { /* each says when it is gone */
        struct pollfd p = {.fd = v->wake, .events = POLLIN};
        hang_up(v, NULL, false);
        poll(&p, 1, 1000);
        vnc_input_take(v);
    }
}

void vnc_client_hook(struct vnc *v)
{
    rfbScreenInfoPtr screen = v->screen;
    enum vnc_share share = v->config->share;

    screen->alwaysShared = share == VNC_SHARE_IGNORE;
    screen->dontDisconnect = share == VNC_SHARE_FORCE_SHARED;
    screen->authPasswdData = v->config->password ? v : NULL;
    screen->passwordCheck = check_password;
    screen->newClientHook = on_new;
    screen->displayHook = before_update;
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
    return &((const struct vnc_client *)g_ptr_array_index(v->clients, i))->address;
}

void vnc_set_events(struct vnc *v, vnc_event_fn fn, void *opaque)
{
    v->event = fn;
    v->event_opaque = opaque;
}

