#include "xenner/vm/vm_disks_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <unistd.h>

static bool G_GNUC_PRINTF(2, 3) refuse(GError **error, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    if (error)
        *error = g_error_new_valist(G_IO_ERROR, G_IO_ERROR_FAILED, fmt, ap);
    va_end(ap);
    return false;
}

struct vm_disk *vm_disk_new(struct vm_disks *d, struct disk_config *config, GError **error)
{
    struct vm_disk *disk = g_new0(struct vm_disk, 1);

    disk->all = d;
    disk->config = config;
    if (!config->empty && !d->io)
        d->io = blk_io_new(config->aio != DISK_AIO_THREADS);
    if (!config->empty)
        disk->image = disk_image_open(config, d->io, error);
    if (config->empty || disk->image)
        return disk;
    vm_disk_free(disk);
    return NULL;
}

void vm_disk_free(void *opaque)
{
    struct vm_disk *disk = opaque;

    if (!disk)
        return;
    blk_backend_free(disk->backend);
    vm_disk_free(disk->medium);
    disk_image_free(disk->image);
    disk_config_free(disk->config);
    g_free(disk);
}

static bool wants_uring(const struct vm_config *cfg)
{
    for (guint i = 0; i < cfg->disks->len; i++) {
        const struct disk_config *c = g_ptr_array_index(cfg->disks, i);
        if (c->aio != DISK_AIO_THREADS)
            return true;
    }
    return false;
}

struct vm_disks *vm_disks_new(const struct vm_config *cfg, GError **error)
{
    struct vm_disks *d = g_new0(struct vm_disks, 1);

    d->nodes = g_ptr_array_new_with_free_func(block_node_free);
    d->disks = g_ptr_array_new_with_free_func(vm_disk_free);
    d->errors = vm_disk_errors_new(d);
    for (guint i = 0; i < cfg->nodes->len; i++)
        g_ptr_array_add(d->nodes, block_node_copy(g_ptr_array_index(cfg->nodes, i)));
    if (cfg->disks->len)
        d->io = blk_io_new(wants_uring(cfg));
    for (guint i = 0; i < cfg->disks->len; i++) {
        const struct disk_config *c = g_ptr_array_index(cfg->disks, i);
        struct vm_disk *disk = vm_disk_new(d, disk_config_copy(c), error);
        if (!disk) {
            g_prefix_error(error, "%s: ", c->origin);
            vm_disks_free(d);
            return NULL;
        }
        g_ptr_array_add(d->disks, disk);
    }
    return d;
}

void vm_disks_free(struct vm_disks *d)
{
    if (!d)
        return;
    g_ptr_array_unref(d->disks);
    g_ptr_array_unref(d->nodes);
    blk_io_free(d->io);
    vm_disk_errors_free(d->errors);
    g_free(d);
}

void vm_disks_set_events(struct vm_disks *d, const struct vm_disks_events *events, void *opaque)
{
    d->events = events;
    d->opaque = opaque;
}

struct vm_disk *vm_disks_find(const struct vm_disks *d, const char *name)
{
    for (guint i = 0; i < d->disks->len; i++) {
        struct vm_disk *disk = g_ptr_array_index(d->disks, i);
        if (g_strcmp0(disk->config->device, name) == 0)
            return disk;
    }
    for (guint i = 0; i < d->disks->len; i++) {
        struct vm_disk *disk = g_ptr_array_index(d->disks, i);
        if (strcmp(disk->config->id, name) == 0)
            return disk;
    }
    return NULL;
}

struct vm_disk *vm_disks_need(const struct vm_disks *d, const char *name, GError **error)
{
    struct vm_disk *disk = vm_disks_find(d, name);

    if (!disk)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "Device '%s' not found", name);
    return disk;
}

bool vm_disk_offer(struct vm_disk *disk, GError **error)
{
    struct vm_disks *d = disk->all;

    if (!d->host || !disk->image || !disk->config->vdev || disk->tray_open)
        return true;
    vm_disk_watch_errors(disk);
    disk->backend = blk_backend_new(d->host, disk->config, disk->image, d->io, error);
    return disk->backend != NULL;
}

bool vm_disks_attach(struct vm_disks *d, struct xen_host *host, GError **error)
{
    d->host = host;
    for (guint i = 0; i < d->disks->len; i++) {
        if (!vm_disk_offer(g_ptr_array_index(d->disks, i), error))
            return false;
    }
    return true;
}

static void move_part(struct disk_config *from, struct disk_config *to)
{
    to->vdev = g_steal_pointer(&from->vdev);
    to->device = g_steal_pointer(&from->device);
    to->model = g_steal_pointer(&from->model);
    to->serial = g_steal_pointer(&from->serial);
    to->cdrom = from->cdrom;
    from->cdrom = false;
}

void vm_disk_move_device(struct vm_disk *from, struct vm_disk *to)
{
    move_part(from->config, to->config);
    to->tray_open = from->tray_open;
    from->tray_open = from->opening = false;
    if (!from->image)
        g_ptr_array_remove(from->all->disks, from);
}

struct vm_disk *vm_disk_new_empty(struct vm_disks *d)
{
    struct disk_config *c = g_new0(struct disk_config, 1);

    c->origin = g_strdup("an empty drive");
    c->id = g_strdup_printf("#removed%u", d->next_empty++);
    c->empty = true;
    struct vm_disk *disk = vm_disk_new(d, c, NULL);
    g_ptr_array_add(d->disks, disk);
    return disk;
}

/* Its image stays, but for one that came with the device (a drive): QEMU's drives go, too. */
void vm_disk_left(struct vm_disk *disk)
{
    struct vm_disks *d = disk->all;
    g_autofree char *device = g_strdup(disk->config->device);

    g_clear_pointer(&disk->backend, blk_backend_free);
    disk->leaving = disk->opening = disk->tray_open = false;
    disk_config_unplug(disk->config);
    if (!disk->image || !block_nodes_find(d->nodes, disk->config->id))
        g_ptr_array_remove(d->disks, disk);
    if (d->events)
        d->events->deleted(d->opaque, device);
}

static void on_left(void *opaque)
{
    vm_disk_left(opaque);
}

void vm_disks_detach(struct vm_disks *d)
{
    if (!d)
        return;
    d->host = NULL;
    for (guint i = d->disks->len; i-- > 0;) {
        struct vm_disk *disk = g_ptr_array_index(d->disks, i);
        g_clear_pointer(&disk->backend, blk_backend_free);
        if (disk->leaving)
            vm_disk_left(disk);
        else if (disk->opening)
            vm_media_opened(disk);
    }
}

unsigned vm_disks_count(const struct vm_disks *d)
{
    return d->disks->len;
}

struct vm_disk_info vm_disks_info(const struct vm_disks *d, unsigned i)
{
    const struct vm_disk *disk = g_ptr_array_index(d->disks, i);

    return (struct vm_disk_info){disk->config, disk->image, disk->backend != NULL, disk->leaving,
                                 disk->tray_open, disk->status, &disk->config->limits};
}

GPtrArray *vm_disks_nodes(struct vm_disks *d)
{
    return d->nodes;
}

/* A disk of the node, in the list. */
static struct vm_disk *open_node(struct vm_disks *d, const char *name, GError **error)
{
    struct disk_config *c = block_nodes_disk(d->nodes, name, error);
    struct vm_disk *disk = NULL;

    if (!c)
        return NULL;
    if (!disk_config_check(c, error))
        disk_config_free(c);
    else if ((disk = vm_disk_new(d, c, error)))
        g_ptr_array_add(d->disks, disk);
    return disk;
}

/* A file alone is opened when a device wants it; a format may still come. */
static bool check_file(const struct block_node *n, GError **error)
{
    int fd;

    if (strcmp(n->driver, "nbd") == 0)
        return true;
    fd = open(n->filename, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return refuse(error, "Could not open '%s': %s", n->filename, g_strerror(errno));
    close(fd);
    return true;
}

static bool open_new_node(struct vm_disks *d, const struct block_node *n, GError **error)
{
    if (vm_disks_find(d, n->name))
        return refuse(error, "Duplicate nodes with node-name='%s'", n->name);
    if (block_driver_is_protocol(n->driver))
        return check_file(n, error);
    /* what is below another one is opened by that */
    return block_nodes_parent(d->nodes, n->name) || open_node(d, n->name, error);
}

bool vm_disks_open_nodes(struct vm_disks *d, unsigned first, GError **error)
{
    for (guint i = first; i < d->nodes->len; i++) {
        if (!open_new_node(d, g_ptr_array_index(d->nodes, i), error)) {
            g_ptr_array_set_size(d->nodes, (gint)first);
            return false;
        }
    }
    return true;
}

bool vm_disks_close_node(struct vm_disks *d, const char *name, GError **error)
{
    struct block_node *n = block_nodes_find(d->nodes, name);
    const struct block_node *parent = block_nodes_parent(d->nodes, name);
    struct vm_disk *disk = vm_disks_find(d, name);

    if (!n)
        return refuse(error, "Failed to find node with node-name='%s'", name);
    if (disk && disk->config->vdev)
        return refuse(error, "Node '%s' is busy: a device has it", name);
    if (parent)
        return refuse(error, "Node '%s' is busy: node is used by '%s'", name, parent->name);
    if (disk)
        g_ptr_array_remove(d->disks, disk);
    /* the nodes that were written inside it have no other name */
    g_autofree char *file = g_strdup(n->file), *backing = g_strdup(n->backing);
    g_ptr_array_remove(d->nodes, n);
    if (file && file[0] == '#')
        vm_disks_close_node(d, file, NULL);
    if (backing && backing[0] == '#')
        vm_disks_close_node(d, backing, NULL);
    return true;
}

bool vm_disks_add_drive(struct vm_disks *d, struct disk_config *config, GError **error)
{
    struct vm_disk *disk = NULL;

    if (vm_disks_find(d, config->id) || block_nodes_find(d->nodes, config->id))
        refuse(error, "Duplicate ID '%s' for drive", config->id);
    else if (disk_config_check(config, error)) {
        disk = vm_disk_new(d, g_steal_pointer(&config), error);
        if (disk)
            g_ptr_array_add(d->disks, disk);
    }
    disk_config_free(config);
    return disk != NULL;
}

bool vm_disks_del_drive(struct vm_disks *d, const char *id, GError **error)
{
    struct vm_disk *disk = vm_disks_need(d, id, error);

    if (!disk)
        return false;
    if (disk->config->vdev || block_nodes_find(d->nodes, disk->config->id))
        return refuse(error, "Device '%s' is in use", id);
    g_ptr_array_remove(d->disks, disk);
    return true;
}

bool vm_disks_has(const struct vm_disks *d, const char *device)
{
    struct vm_disk *disk = vm_disks_find(d, device);

    return disk && g_strcmp0(disk->config->device, device) == 0;
}

/* The image, which is written through when the device wants that: opened anew for it. */
static bool reopen_through(struct vm_disk *disk, const struct disk_config *device, GError **error)
{
    enum disk_cache *cache = &disk->config->cache;

    if (device->cache != DISK_CACHE_WRITETHROUGH ||
        (*cache != DISK_CACHE_WRITEBACK && *cache != DISK_CACHE_NONE))
        return true;
    *cache = *cache == DISK_CACHE_NONE ? DISK_CACHE_DIRECTSYNC : DISK_CACHE_WRITETHROUGH;
    g_clear_pointer(&disk->image, disk_image_free);
    disk->image = disk_image_open(disk->config, disk->all->io, error);
    return disk->image != NULL;
}

static struct vm_disk *image_for(struct vm_disks *d, const struct disk_config *device,
                                 GError **error)
{
    struct vm_disk *disk = device->id ? vm_disks_find(d, device->id) : vm_disk_new_empty(d);

    if (!disk && block_nodes_find(d->nodes, device->id))
        disk = open_node(d, device->id, error);
    else if (!disk)
        refuse(error, "Property '%s.drive' can't find value '%s'", device->model, device->id);
    if (disk && disk->config->vdev) {
        refuse(error, "Drive '%s' is already in use by another block device", device->id);
        return NULL;
    }
    return disk;
}

static GPtrArray *configs_of(const struct vm_disks *d)
{
    GPtrArray *list = g_ptr_array_new();

    for (guint i = 0; i < d->disks->len; i++)
        g_ptr_array_add(list, ((struct vm_disk *)g_ptr_array_index(d->disks, i))->config);
    return list;
}

bool vm_disks_plug(struct vm_disks *d, struct disk_config *device, GError **error)
{
    struct vm_disk *disk = image_for(d, device, error);
    g_autoptr(GPtrArray) configs = NULL;
    bool ok = disk && (!disk->image || reopen_through(disk, device, error));

    if (ok) {
        configs = configs_of(d);
        disk_config_plug(disk->config, device, configs);
        ok = disk_configs_check(configs, error) && vm_disk_offer(disk, error);
        if (!ok)
            disk_config_unplug(disk->config);
    }
    if (!ok && disk && !disk->image)
        g_ptr_array_remove(d->disks, disk);
    disk_config_free(device);
    return ok;
}

bool vm_disks_unplug(struct vm_disks *d, const char *device, GError **error)
{
    struct vm_disk *disk = vm_disks_need(d, device, error);

    if (!disk)
        return false;
    if (disk->leaving)
        return refuse(error, "Device %s is already in the process of unplug", device);
    disk->leaving = true;
    if (!disk->backend)
        vm_disk_left(disk);
    else if (!disk->opening)
        blk_backend_unplug(disk->backend, false, on_left, disk);
    return true;
}

bool vm_disks_resize(struct vm_disks *d, const char *name, uint64_t bytes, GError **error)
{
    struct vm_disk *disk = vm_disks_need(d, name, error);

    if (!disk)
        return false;
    if (!disk->image)
        return refuse(error, "Device '%s' has no medium", name);
    if (!bytes || bytes % IMAGE_SECTOR)
        return refuse(error, "Parameter 'size' expects a multiple of %u", IMAGE_SECTOR);
    if (!disk_image_resize(disk->image, bytes, error))
        return false;
    if (disk->backend)
        blk_backend_resized(disk->backend);
    return true;
}

bool vm_disks_set_limits(struct vm_disks *d, const char *name, const struct disk_limits *limits,
                         GError **error)
{
    struct vm_disk *disk = vm_disks_need(d, name, error);
    struct disk_config check;

    if (!disk)
        return false;
    check = *disk->config;
    check.limits = *limits;
    if (!disk_config_check(&check, error))
        return false;
    disk->config->limits = *limits;
    if (disk->image)
        disk_image_set_limits(disk->image, limits);
    return true;
}
