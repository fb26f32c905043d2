#include "qemu-compat/opt_blockdev.h"
#include "qemu-compat/opt_backend.h"
#include "qemu-compat/optlist.h"
#include "xenner/config/size.h"
#include "xenner/config/vdev.h"

#include <string.h>

/* Sorted by name. */
static const struct {
    const char *name;
    bool cdrom;
} disk_drivers[] = {
    {"ide-cd", true}, {"ide-hd", false}, {"scsi-cd", true}, {"scsi-hd", false},
    {"usb-storage", false}, {"virtio-blk-pci", false}, {"xen-cdrom", true}, {"xen-disk", false},
};

/* A key of the node at prefix ("", "file."). */
static const char *get(struct keyval *kv, const char *prefix, const char *key)
{
    g_autofree char *full = g_strconcat(prefix, key, NULL);

    return keyval_get(kv, full);
}

static bool get_switch(struct keyval *kv, const char *prefix, const char *key, bool *ret,
                       GError **error)
{
    g_autofree char *full = g_strconcat(prefix, key, NULL);

    return keyval_get_switch(kv, full, ret, error);
}

/* One of the words, whose index is *ret. */
static bool get_choice(struct keyval *kv, const char *prefix, const char *key,
                       const char *const *words, int *ret, GError **error)
{
    const char *text = get(kv, prefix, key);

    for (int i = 0; text && words[i]; i++) {
        if (strcmp(words[i], text) == 0) {
            *ret = i;
            return true;
        }
    }
    return !text || opt_error(error, "Parameter '%s' does not accept value '%s'", key, text);
}

static bool get_behaviour(struct keyval *kv, const char *prefix, struct block_node *n,
                          GError **error)
{
    static const char *const discards[] = {"ignore", "unmap", "off", "on", NULL};
    static const char *const zeroes[] = {"off", "on", "unmap", NULL};
    static const char *const aios[] = {"threads", "native", "io_uring", NULL};
    static const char *const lockings[] = {"auto", "on", "off", NULL};
    static const enum disk_aio aio_of[] = {DISK_AIO_THREADS, DISK_AIO_AUTO, DISK_AIO_URING};
    int discard = n->discard, zero = n->zeroes, aio = -1, locking = 0;
    bool shared = false;

    if (!get_switch(kv, prefix, "read-only", &n->readonly, error) ||
        !get_switch(kv, prefix, "auto-read-only", &n->auto_readonly, error) ||
        !get_switch(kv, prefix, "force-share", &shared, error) ||
        !get_switch(kv, prefix, "cache.direct", &n->direct, error) ||
        !get_switch(kv, prefix, "cache.no-flush", &n->no_flush, error) ||
        !get_choice(kv, prefix, "discard", discards, &discard, error) ||
        !get_choice(kv, prefix, "detect-zeroes", zeroes, &zero, error) ||
        !get_choice(kv, prefix, "locking", lockings, &locking, error) ||
        !get_choice(kv, prefix, "aio", aios, &aio, error))
        return false;
    if (shared)
        return opt_error(error, "force-share=on is not supported");
    n->discard = discard & 1;
    n->zeroes = (enum disk_zeroes)zero;
    n->aio = aio < 0 ? DISK_AIO_AUTO : aio_of[aio];
    return true;
}

/* nbd: server.type=..., or unix sockets; as the URL that everybody knows. */
static char *nbd_url(struct keyval *kv, const char *prefix, GError **error)
{
    const char *host = get(kv, prefix, "server.host"), *port = get(kv, prefix, "server.port");
    const char *path = get(kv, prefix, "server.path"), *export = get(kv, prefix, "export");

    get(kv, prefix, "server.type");
    if (!path && !host) {
        opt_error(error, "Parameter 'server' is missing");
        return NULL;
    }
    if (path) {
        g_autofree char *escaped = g_uri_escape_string(path, "/", TRUE);
        return g_strdup_printf("nbd+unix:///%s?socket=%s", export ? export : "", escaped);
    }
    return g_strdup_printf("nbd://%s:%s/%s", host, port ? port : "10809", export ? export : "");
}

static bool add_node(GPtrArray *nodes, const char *origin, struct keyval *kv, const char *prefix,
                     const char *name, GError **error);

/* key=NAME, or a node that is written out below key: *ret is its name, NULL when there is none. */
static bool get_child(GPtrArray *nodes, const struct block_node *n, struct keyval *kv,
                      const char *prefix, const char *key, char **ret, GError **error)
{
    g_autofree char *inside = g_strconcat(prefix, key, ".", NULL);
    g_autofree char *driver = g_strconcat(inside, "driver", NULL);
    const char *name = get(kv, prefix, key);

    if (name) {
        *ret = g_strdup(name);
        return true;
    }
    if (!keyval_get(kv, driver))
        return true;
    const char *own = get(kv, inside, "node-name");
    /* no name of a user's has a # */
    *ret = own ? g_strdup(own) : g_strdup_printf("#%s-%s", n->name, key);
    return add_node(nodes, n->origin, kv, inside, *ret, error);
}

static bool has_file(const struct block_node *n, GError **error)
{
    return (n->file && *n->file) ||
           opt_error(error, "A block device must be specified for \"file\"");
}

static bool fill_node(GPtrArray *nodes, struct block_node *n, struct keyval *kv, const char *prefix,
                      GError **error)
{
    const char *driver = get(kv, prefix, "driver");

    if (!driver)
        return opt_error(error, "Parameter 'driver' is missing");
    n->driver = g_strdup(driver);
    get(kv, prefix, "node-name");
    if (!get_behaviour(kv, prefix, n, error))
        return false;
    if (strcmp(driver, "throttle") == 0) {
        n->throttle_group = g_strdup(get(kv, prefix, "throttle-group"));
        if (!n->throttle_group)
            return opt_error(error, "Parameter 'throttle-group' is missing");
        return get_child(nodes, n, kv, prefix, "file", &n->file, error) && has_file(n, error);
    }
    if (block_driver_is_format(driver)) {
        if (!get_child(nodes, n, kv, prefix, "file", &n->file, error) ||
            !get_child(nodes, n, kv, prefix, "backing", &n->backing, error))
            return false;
        if (n->backing && !*n->backing) {
            n->no_backing = true;
            g_clear_pointer(&n->backing, g_free);
        }
        return has_file(n, error);
    }
    if (!block_driver_is_protocol(driver))
        return opt_error(error, "Parameter 'driver' does not accept value '%s'", driver);
    n->filename = strcmp(driver, "nbd") == 0 ? nbd_url(kv, prefix, error)
                                             : g_strdup(get(kv, prefix, "filename"));
    if (!n->filename && strcmp(driver, "nbd") != 0)
        return opt_error(error, "Parameter 'filename' is missing");
    return n->filename != NULL;
}

static bool add_node(GPtrArray *nodes, const char *origin, struct keyval *kv, const char *prefix,
                     const char *name, GError **error)
{
    struct block_node *n = g_new0(struct block_node, 1);

    n->origin = g_strdup(origin);
    n->name = g_strdup(name);
    if (block_nodes_find(nodes, name)) {
        block_node_free(n);
        return opt_error(error, "Duplicate nodes with node-name='%s'", name);
    }
    g_ptr_array_add(nodes, n);
    return fill_node(nodes, n, kv, prefix, error);
}

bool block_nodes_parse(GPtrArray *nodes, const char *origin, struct keyval *kv, GError **error)
{
    const char *name = keyval_get(kv, "node-name");
    guint before = nodes->len;

    if (!name)
        return opt_error(error, "'node-name' must be specified for the root node");
    if (!g_ascii_isalpha(name[0]) || strlen(name) > 31)
        return opt_error(error, "Invalid node-name: '%s'", name);
    if (add_node(nodes, origin, kv, "", name, error) && keyval_check_unused(kv, error))
        return true;
    g_ptr_array_set_size(nodes, (gint)before);
    return false;
}

bool block_nodes_find_files(GPtrArray *nodes, unsigned first, GArray *fds, GError **error)
{
    for (guint i = first; i < nodes->len; i++) {
        struct block_node *n = g_ptr_array_index(nodes, i);
        enum fdset_mode mode = n->readonly ? FDSET_READ : n->auto_readonly ? FDSET_WRITE_OR_READ : FDSET_WRITE;
        char *path = fdset_path(fds, n->filename, mode, error);
        if (n->filename && !path)
            return false;
        g_free(n->filename);
        n->filename = path;
    }
    return true;
}

bool disk_device_known(const char *driver)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(disk_drivers); i++) {
        if (strcmp(disk_drivers[i].name, driver) == 0)
            return true;
    }
    return false;
}

static bool is_cdrom(const char *driver)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(disk_drivers); i++) {
        if (strcmp(disk_drivers[i].name, driver) == 0)
            return disk_drivers[i].cdrom;
    }
    return false;
}

/* Where it would be on a PC: a vbd has no such place. */
static void skip_places(struct keyval *kv)
{
    static const char *const places[] = {
        "bus", "addr", "unit", "channel", "scsi-id", "lun", "device_id", "scsi",
        "num-queues", "queue-size", "iothread", "logical_block_size", "physical_block_size",
        "multifunction", "disable-legacy", "disable-modern", "share-rw", "wwn",
        "product", "vendor", "ver", "rotation_rate", "port", "removable", "failover_pair_id"};

    for (unsigned i = 0; i < G_N_ELEMENTS(places); i++)
        keyval_get(kv, places[i]);
}

static bool fill_device(struct keyval *kv, struct disk_config *d, GError **error)
{
    const char *driver = keyval_get(kv, "driver"), *drive = keyval_get(kv, "drive");
    const char *vdev = keyval_get(kv, "vdev");
    bool cached = true;
    uint32_t number;

    d->model = g_strdup(driver);
    d->device = g_strdup(keyval_get(kv, "id"));
    d->serial = g_strdup(keyval_get(kv, "serial"));
    d->cdrom = is_cdrom(driver);
    d->id = drive && *drive ? g_strdup(drive) : NULL;
    if (!d->id && !d->cdrom)
        return opt_error(error, "'drive' property not set");
    if (vdev && *vdev) {
        d->vdev = vdev_parse(vdev, &number) ? vdev_name(number) : NULL;
        if (!d->vdev)
            return opt_error(error, "'%s' is not a valid vdev", vdev);
    }
    skip_places(kv);
    if (!disk_get_on_error(kv, d, error) ||
        !boot_order_parse(keyval_get(kv, "bootindex"), &d->boot_order, error) ||
        !opt_take_backend(kv, "backend", &d->backend, error))
        return false;
    if (g_strcmp0(keyval_get(kv, "write-cache"), "auto") != 0 &&
        !keyval_get_switch(kv, "write-cache", &cached, error))
        return false;
    d->cache = cached ? DISK_CACHE_WRITEBACK : DISK_CACHE_WRITETHROUGH;
    return keyval_check_unused(kv, error);
}

struct disk_config *disk_device_parse(const char *origin, struct keyval *kv, GError **error)
{
    struct disk_config *d = g_new0(struct disk_config, 1);

    d->origin = g_strdup(origin);
    if (fill_device(kv, d, error))
        return d;
    disk_config_free(d);
    return NULL;
}
