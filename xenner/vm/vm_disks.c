#include "xenner/vm/vm_disks_priv.h"

#include <gio/gio.h>
#include <string.h>

bool vm_disk_refuse(GError **error, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    if (error)
        *error = g_error_new_valist(G_IO_ERROR, G_IO_ERROR_FAILED, fmt, ap);
    va_end(ap);
    return false;
}

bool vm_disk_open_image(struct vm_disk *disk, GError **error)
{
    disk->image = disk->core = disk_image_open(disk->config, disk->all->io, error);
    if (disk->image && vm_disk_throttle(disk, error))
        return true;
    g_clear_pointer(&disk->image, disk_image_free);
    return false;
}

struct vm_disk *vm_disk_new(struct vm_disks *d, struct disk_config *config, GError **error)
{
    struct vm_disk *disk = g_new0(struct vm_disk, 1);

    disk->all = d;
    disk->config = config;
    if (!config->empty && !d->io)
        d->io = blk_io_new(config->aio != DISK_AIO_THREADS);
    if (config->empty || vm_disk_open_image(disk, error))
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

static bool add_groups(struct vm_disks *d, const struct vm_config *cfg, GError **error)
{
    for (guint i = 0; i < cfg->objects->len; i++) {
        const struct object_config *o = g_ptr_array_index(cfg->objects, i);
        if (strcmp(o->type, "throttle-group") == 0 &&
            !vm_disks_add_group(d, o->id, &o->limits, error)) {
            g_prefix_error(error, "-object %s: ", o->id);
            return false;
        }
    }
    return true;
}

struct vm_disks *vm_disks_new(const struct vm_config *cfg, GError **error)
{
    struct vm_disks *d = g_new0(struct vm_disks, 1);

    d->backend = cfg->backends.disk;
    d->nodes = g_ptr_array_new_with_free_func(block_node_free);
    d->disks = g_ptr_array_new_with_free_func(vm_disk_free);
    d->groups = g_ptr_array_new_with_free_func(vm_group_free);
    d->errors = vm_disk_errors_new(d);
    if (!add_groups(d, cfg, error)) {
        vm_disks_free(d);
        return NULL;
    }
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
    g_ptr_array_unref(d->groups);
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

    bool done;

    if (!d->host || !disk->image || !disk->config->vdev || disk->tray_open)
        return true;
    if (!vm_disk_offer_kernel(disk, &done, error) || done)
        return done;
    vm_disk_watch_errors(disk);
    disk->backend = blk_backend_new(d->host, disk->config, disk->image, d->io, error);
    return disk->backend != NULL;
}

static gint by_boot_order(gconstpointer a, gconstpointer b)
{
    const struct vm_disk *x = *(struct vm_disk *const *)a, *y = *(struct vm_disk *const *)b;

    return disk_config_by_boot_order(&x->config, &y->config);
}

bool vm_disks_attach(struct vm_disks *d, struct xen_host *host, GError **error)
{
    g_autoptr(GPtrArray) disks = g_ptr_array_sized_new(d->disks->len);

    d->host = host;
    for (guint i = 0; i < d->disks->len; i++)
        g_ptr_array_add(disks, g_ptr_array_index(d->disks, i));
    g_ptr_array_sort(disks, by_boot_order); /* GRUB looks at them in the order that xenstore lists */
    for (guint i = 0; i < disks->len; i++) {
        if (!vm_disk_offer(g_ptr_array_index(disks, i), error))
            return false;
    }
    return true;
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

void vm_disks_detach(struct vm_disks *d)
{
    if (!d)
        return;
    for (guint i = d->disks->len; i-- > 0;)
        vm_disk_withdraw(g_ptr_array_index(d->disks, i));
    d->host = NULL;
    for (guint i = d->disks->len; i-- > 0;) {
        struct vm_disk *disk = g_ptr_array_index(d->disks, i);
        if (disk->leaving)
            vm_disk_left(disk);
        else if (disk->opening)
            vm_media_opened(disk);
    }
}

int vm_disks_tid(struct vm_disks *d)
{
    return d && d->io ? blk_io_tid(d->io) : 0;
}

unsigned vm_disks_count(const struct vm_disks *d)
{
    return d->disks->len;
}

struct vm_disk_info vm_disks_info(const struct vm_disks *d, unsigned i)
{
    static const struct disk_limits none;
    struct vm_disk *disk = g_ptr_array_index(d->disks, i);

    if (disk->kernel)
        vm_disk_kernel_stats(disk);
    return (struct vm_disk_info){disk->config, disk->image, vm_disk_offered(disk), disk->leaving,
                                 disk->tray_open, disk->status,
                                 disk->group ? throttle_group_limits(disk->group) : &none,
                                 disk->group ? throttle_group_name(disk->group) : NULL};
}

GPtrArray *vm_disks_nodes(struct vm_disks *d)
{
    return d->nodes;
}

bool vm_disks_resize(struct vm_disks *d, const char *name, uint64_t bytes, GError **error)
{
    struct vm_disk *disk = vm_disks_need(d, name, error);

    if (!disk)
        return false;
    if (!disk->image)
        return vm_disk_refuse(error, "Device '%s' has no medium", name);
    if (!bytes || bytes % IMAGE_SECTOR)
        return vm_disk_refuse(error, "Parameter 'size' expects a multiple of %u", IMAGE_SECTOR);
    if (!disk_image_resize(disk->image, bytes, error))
        return false;
    if (disk->kernel)
        return vm_disk_kernel_resized(disk, error);
    if (disk->backend)
        blk_backend_resized(disk->backend);
    return true;
}
