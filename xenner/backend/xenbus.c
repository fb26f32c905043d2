#include "xenner/backend/xenbus.h"

#include <gio/gio.h>

/* How often, and how many times, we look whether the guest has forgotten a device. */
enum { FORGET_MS = 10, FORGET_LOOKS = 500 };

struct xenbus_device {
    struct xen_host *host;
    const struct xenbus_ops *ops;
    void *opaque;
    char *front, *back; /* directories */
    XenbusState state;
    bool connected, complained;
    void (*gone)(void *opaque); /* unplugging */
    void *gone_opaque;
    guint leave; /* source: the guest has let go */
    unsigned looks;
    struct xs_watch *watch;
};

static char *front_path(const struct xen_host *host, const char *type, unsigned devid)
{
    return g_strdup_printf("/local/domain/%u/device/%s/%u", host->domid, type, devid);
}

static char *back_path(const struct xen_host *host, const char *type, unsigned devid)
{
    const char *prefix = host->ops->type_prefix ? host->ops->type_prefix : "";

    return g_strdup_printf("/local/domain/0/backend/%s%s/%u/%u", prefix, type, host->domid, devid);
}

/* xenbus_offer() as the body of a transaction. */
struct offer {
    char *front, *back;
    const struct xenbus_node *front_nodes, *back_nodes;
};

static bool write_nodes(struct xen_host *host, uint32_t txn, const char *dir,
                        const struct xenbus_node *nodes, GError **error)
{
    for (; nodes->name; nodes++) {
        g_autofree char *path = g_strdup_printf("%s/%s", dir, nodes->name);
        if (!host->xs->write(host, txn, path, nodes->value, error))
            return false;
    }
    return true;
}

/* Who writes into it from now on makes nodes with the same permissions, as xenstored has new nodes inherit. */
static bool make_dir(struct xen_host *host, uint32_t txn, const char *dir, GError **error)
{
    return host->xs->write(host, txn, dir, "", error) &&
           host->xs->set_perms(host, txn, dir, 0, host->domid, error);
}

/*
 * The guest owns its directory, and makes what it likes there; but our own nodes in it are for
 * reading, as tools on the host believe them (a console's `tty`). The exception is the state. The
 * directory is given to it last, and one that it has already goes: a node of the guest's that has
 * the name of one of ours would stay the guest's. Each request is a round trip to xenstored.
 */
static bool write_offer(struct xen_host *host, uint32_t txn, void *opaque, GError **error)
{
    const struct offer *o = opaque;
    g_autofree char *domid = g_strdup_printf("%u", host->domid);
    g_autofree char *initialising = g_strdup_printf("%d", XenbusStateInitialising);
    const struct xenbus_node front[] = {
        {"backend", o->back}, {"backend-id", "0"}, {"state", initialising}, {NULL}};
    g_autofree char *front_state = g_strdup_printf("%s/state", o->front);
    const struct xenbus_node back[] = {{"frontend", o->front}, {"frontend-id", domid},
                                       {"online", "1"}, {"state", initialising}, {NULL}};

    host->xs->rm(host, txn, o->front, NULL); /* most often there is none */
    return make_dir(host, txn, o->back, error) &&
           write_nodes(host, txn, o->back, back, error) &&
           write_nodes(host, txn, o->back, o->back_nodes, error) &&
           make_dir(host, txn, o->front, error) &&
           write_nodes(host, txn, o->front, front, error) &&
           write_nodes(host, txn, o->front, o->front_nodes, error) &&
           host->xs->set_perms(host, txn, o->front, host->domid, 0, error) &&
           host->xs->set_perms(host, txn, front_state, host->domid, 0, error);
}

bool xenbus_offer(struct xen_host *host, const char *type, unsigned devid,
                  const struct xenbus_node *front, const struct xenbus_node *back, GError **error)
{
    g_autofree char *f = front_path(host, type, devid), *b = back_path(host, type, devid);
    struct offer o = {f, b, front, back};

    return host->xs->transact(host, write_offer, &o, error);
}

char *xenbus_read(struct xenbus_device *dev, const char *key, GError **error)
{
    g_autofree char *path = g_strdup_printf("%s/%s", dev->front, key);

    return dev->host->xs->read(dev->host, 0, path, error);
}

bool xenbus_read_number(struct xenbus_device *dev, const char *key, uint64_t max, uint64_t *ret,
                        GError **error)
{
    g_autofree char *text = xenbus_read(dev, key, error);

    if (!text)
        return false;
    if (g_ascii_string_to_unsigned(text, 10, 0, max, ret, NULL))
        return true;
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "'%s' is not a usable number", key);
    return false;
}

/* Unknown: there is no such node, or nonsense in it. */
static XenbusState frontend_state(struct xenbus_device *dev)
{
    uint64_t n;

    if (!xenbus_read_number(dev, "state", XenbusStateReconfigured, &n, NULL))
        return XenbusStateUnknown;
    return (XenbusState)n;
}

/*
 * Rows: the backend. Columns: the frontend. A frontend that starts again (Initialising) without
 * having closed is a kernel that died; one that is Connected at once (netfront) never says
 * Initialised.
 */
struct xenbus_decision xenbus_decide(XenbusState backend, XenbusState frontend)
{
#define STAY    {XENBUS_STAY, 0}
#define CONNECT {XENBUS_CONNECT, XenbusStateConnected}
#define AGAIN   {XENBUS_DISCONNECT, XenbusStateInitWait}
#define CLOSED  {XENBUS_DISCONNECT, XenbusStateClosed}
#define CLOSING {XENBUS_GO, XenbusStateClosing}
#define WAIT    {XENBUS_GO, XenbusStateInitWait}
    /* nothing for Reconfiguring and Reconfigured: no device of ours does that */
    static const struct xenbus_decision table[][XenbusStateReconfigured + 1] = {
        /* Unknown, Initialising, InitWait, Initialised, Connected, Closing, Closed */
        [XenbusStateInitWait] = {STAY, STAY, STAY, CONNECT, CONNECT, CLOSING, CLOSED},
        [XenbusStateInitialised] = {STAY},
        [XenbusStateConnected] = {CLOSED, AGAIN, STAY, STAY, STAY, CLOSING, CLOSED},
        [XenbusStateClosing] = {CLOSED, AGAIN, STAY, STAY, STAY, STAY, CLOSED},
        [XenbusStateClosed] = {STAY, WAIT, STAY, CONNECT, CONNECT, STAY, STAY},
    };
#undef STAY
#undef CONNECT
#undef AGAIN
#undef CLOSED
#undef CLOSING
#undef WAIT

    if (backend < XenbusStateInitWait || backend > XenbusStateClosed ||
        frontend < XenbusStateUnknown || frontend > XenbusStateReconfigured)
        return (struct xenbus_decision){XENBUS_STAY, backend};
    struct xenbus_decision d = table[backend][frontend];
    if (d.action == XENBUS_STAY)
        d.state = backend;
    return d;
}

static bool set_state(struct xenbus_device *dev, XenbusState state, GError **error)
{
    g_autofree char *path = g_strdup_printf("%s/state", dev->back);
    g_autofree char *text = g_strdup_printf("%d", state);

    g_log("xenbus", G_LOG_LEVEL_DEBUG, "%s: backend goes from %d to %d", dev->back, dev->state,
          state);
    dev->state = state;
    return dev->host->xs->write(dev->host, 0, path, text, error);
}

bool xenbus_write(struct xenbus_device *dev, const char *key, const char *value, GError **error)
{
    g_autofree char *path = g_strdup_printf("%s/%s", dev->back, key);

    return dev->host->xs->write(dev->host, 0, path, value, error);
}

void xenbus_touch(struct xenbus_device *dev)
{
    g_autoptr(GError) error = NULL;

    if (dev->connected && !set_state(dev, dev->state, &error))
        g_warning("%s", error->message);
}

static void disconnect(struct xenbus_device *dev)
{
    if (dev->connected)
        dev->ops->disconnect(dev->opaque);
    dev->connected = false;
}

void xenbus_device_fail(struct xenbus_device *dev)
{
    if (!dev->connected)
        return;
    disconnect(dev);
    if (!dev->complained)
        g_warning("%s: the guest's rings make no sense; its device is closed", dev->front);
    dev->complained = true;
    set_state(dev, XenbusStateClosing, NULL);
}

/* A frontend that can't be connected is told to close; it may try again. */
static bool try_connect(struct xenbus_device *dev)
{
    g_autoptr(GError) error = NULL;

    disconnect(dev);
    dev->connected = dev->ops->connect(dev->opaque, &error);
    if (dev->connected)
        return true;
    if (!dev->complained)
        g_warning("%s: %s", dev->front, error->message);
    dev->complained = true;
    return false;
}

static bool remove_dirs(struct xen_host *host, uint32_t txn, void *opaque, GError **error)
{
    struct xenbus_device *dev = opaque;

    /* the guest may have removed its own */
    host->xs->rm(host, txn, dev->front, NULL);
    host->xs->rm(host, txn, dev->back, NULL);
    return true;
}

/*
 * The directories are gone, but Linux looks there when it finds the time: a device that comes to the same
 * place before that, it would take for the old one. Its watch on our state goes with its device.
 */
static gboolean forgotten(gpointer data)
{
    struct xenbus_device *dev = data;
    g_autofree char *state = g_strdup_printf("%s/state", dev->back);

    if (dev->host->xs->guest_watches && dev->host->xs->guest_watches(dev->host, state) &&
        ++dev->looks < FORGET_LOOKS)
        return G_SOURCE_CONTINUE;
    dev->leave = 0;
    dev->gone(dev->gone_opaque);
    return G_SOURCE_REMOVE;
}

static gboolean left(gpointer data)
{
    g_autoptr(GError) error = NULL;
    struct xenbus_device *dev = data;

    dev->host->xs->unwatch(g_steal_pointer(&dev->watch));
    if (!dev->host->xs->transact(dev->host, remove_dirs, dev, &error))
        g_warning("%s: %s", dev->front, error->message);
    dev->leave = g_timeout_add(FORGET_MS, forgotten, dev);
    return G_SOURCE_REMOVE;
}

/* Not in the middle of a call about the device: who is told frees it. */
static void leave(struct xenbus_device *dev)
{
    disconnect(dev);
    set_state(dev, XenbusStateClosed, NULL);
    if (!dev->leave)
        dev->leave = g_idle_add(left, dev);
}

/* Nobody drives it, or not any more. */
static bool is_free(XenbusState frontend)
{
    return frontend == XenbusStateUnknown || frontend == XenbusStateInitialising ||
           frontend == XenbusStateClosed;
}

void xenbus_device_unplug(struct xenbus_device *dev, bool force, void (*gone)(void *opaque),
                          void *opaque)
{
    dev->gone = gone;
    dev->gone_opaque = opaque;
    xenbus_write(dev, "online", "0", NULL);
    if (force || (!dev->connected && is_free(frontend_state(dev))))
        leave(dev);
    else
        set_state(dev, XenbusStateClosing, NULL);
}

static void on_frontend(void *opaque, const char *path)
{
    g_autoptr(GError) error = NULL;
    struct xenbus_device *dev = opaque;

    if (dev->gone) {
        if (is_free(frontend_state(dev)))
            leave(dev);
        return;
    }
    struct xenbus_decision d = xenbus_decide(dev->state, frontend_state(dev));

    if (d.action == XENBUS_STAY)
        return;
    if (d.action == XENBUS_DISCONNECT)
        disconnect(dev);
    else if (d.action == XENBUS_CONNECT && !try_connect(dev))
        d.state = XenbusStateClosing;
    if (!set_state(dev, d.state, &error))
        g_warning("%s", error->message);
}

struct xenbus_device *xenbus_device_new(struct xen_host *host, unsigned devid,
                                        const struct xenbus_ops *ops, void *opaque, GError **error)
{
    struct xenbus_device *dev = g_new0(struct xenbus_device, 1);

    dev->host = host;
    dev->ops = ops;
    dev->opaque = opaque;
    dev->front = front_path(host, ops->type, devid);
    dev->back = back_path(host, ops->type, devid);
    dev->state = XenbusStateInitialising;
    if (!set_state(dev, XenbusStateInitWait, error)) {
        xenbus_device_free(dev);
        return NULL;
    }
    g_autofree char *watched = g_strdup_printf("%s/state", dev->front);
    dev->watch = host->xs->watch(host, watched, on_frontend, dev);
    return dev;
}

void xenbus_device_free(struct xenbus_device *dev)
{
    if (!dev)
        return;
    if (dev->leave)
        g_source_remove(dev->leave);
    dev->host->xs->unwatch(dev->watch);
    disconnect(dev);
    g_free(dev->front);
    g_free(dev->back);
    g_free(dev);
}
