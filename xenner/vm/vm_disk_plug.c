/* The guest's devices on images: they are plugged, and leave when the guest lets them. */
#include "xenner/vm/vm_disks_priv.h"

#include <gio/gio.h>
#include <string.h>

void vm_disk_move_device(struct vm_disk *from, struct vm_disk *to)
{
    disk_config_move_device(from->config, to->config);
    to->tray_open = from->tray_open;
    from->tray_open = from->opening = false;
    if (!from->image)
        g_ptr_array_remove(from->all->disks, from);
}

/* Its image stays, but for one that came with the device (a drive): QEMU's drives go, too. */
void vm_disk_left(struct vm_disk *disk)
{
    struct vm_disks *d = disk->all;
    g_autofree char *device = g_strdup(disk->config->device);

    vm_disk_withdraw(disk);
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
    return vm_disk_open_image(disk, error);
}

static struct vm_disk *image_for(struct vm_disks *d, const struct disk_config *device,
                                 GError **error)
{
    struct vm_disk *disk = device->id ? vm_disks_find(d, device->id) : vm_disk_new_empty(d);

    if (!disk && block_nodes_find(d->nodes, device->id))
        disk = vm_disk_open_node(d, device->id, error);
    else if (!disk)
        vm_disk_refuse(error, "Property '%s.drive' can't find value '%s'", device->model,
                       device->id);
    if (disk && disk->config->vdev) {
        vm_disk_refuse(error, "Drive '%s' is already in use by another block device", device->id);
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
        return vm_disk_refuse(error, "Device %s is already in the process of unplug", device);
    disk->leaving = true;
    if (!vm_disk_offered(disk))
        vm_disk_left(disk);
    else if (!disk->opening)
        vm_disk_ask_back(disk, false, on_left, disk);
    return true;
}
