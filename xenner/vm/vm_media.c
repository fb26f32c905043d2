/*
 * CD drives. Linux's blkfront knows no change of a medium: a tray that opens is a vbd that goes, one that
 * closes over a medium a vbd that comes, in the same place.
 */
#include "xenner/vm/vm_disks_priv.h"

#include <gio/gio.h>

static struct vm_disk *need_drive(struct vm_disks *d, const char *name, GError **error)
{
    struct vm_disk *disk = vm_disks_need(d, name, error);

    if (disk && !disk->config->cdrom) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "Device '%s' is not removable", name);
        return NULL;
    }
    if (disk && disk->kernel) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                    "the device model has drive '%s' of an HVM guest: its medium can't be changed here", name);
        return NULL;
    }
    return disk;
}

static void tell(struct vm_disk *disk)
{
    struct vm_disks *d = disk->all;

    if (d->events && disk->config->device)
        d->events->tray(d->opaque, disk->config->device, disk->tray_open);
}

static bool close_tray(struct vm_disk *disk, GError **error)
{
    disk->tray_open = false;
    tell(disk);
    return vm_disk_offer(disk, error);
}

/* The medium leaves the drive: what the drive is now. Images that are no node's are closed. */
static struct vm_disk *take_medium(struct vm_disk *disk)
{
    struct vm_disks *d = disk->all;
    struct vm_disk *drive;

    if (!disk->image)
        return disk;
    drive = vm_disk_new_empty(d);
    vm_disk_move_device(disk, drive);
    if (!block_nodes_find(d->nodes, disk->config->id))
        g_ptr_array_remove(d->disks, disk);
    return drive;
}

static void finish_change(struct vm_disk *disk)
{
    g_autoptr(GError) error = NULL;
    struct vm_disk *medium = g_steal_pointer(&disk->medium), *drive;

    disk->change = false;
    drive = take_medium(disk);
    if (!medium)
        return; /* the tray of an empty drive stays open, as QEMU's */
    g_ptr_array_add(drive->all->disks, medium);
    vm_disk_move_device(drive, medium);
    if (!close_tray(medium, &error))
        g_warning("%s", error->message);
}

void vm_media_opened(struct vm_disk *disk)
{
    g_clear_pointer(&disk->backend, blk_backend_free);
    disk->opening = false;
    disk->tray_open = true;
    tell(disk);
    if (disk->change)
        finish_change(disk);
}

static void on_let_go(void *opaque)
{
    struct vm_disk *disk = opaque;

    if (disk->leaving)
        vm_disk_left(disk);
    else
        vm_media_opened(disk);
}

static void open_tray(struct vm_disk *disk, bool force)
{
    if (disk->tray_open)
        return;
    if (!disk->backend) {
        vm_media_opened(disk);
    } else if (!disk->opening || force) {
        disk->opening = true;
        blk_backend_unplug(disk->backend, force, on_let_go, disk);
    }
}

bool vm_disks_open_tray(struct vm_disks *d, const char *name, bool force, GError **error)
{
    struct vm_disk *disk = need_drive(d, name, error);

    if (disk)
        open_tray(disk, force);
    return disk != NULL;
}

bool vm_disks_close_tray(struct vm_disks *d, const char *name, GError **error)
{
    struct vm_disk *disk = need_drive(d, name, error);

    return disk && (!disk->tray_open || close_tray(disk, error));
}

static struct vm_disk *need_open(struct vm_disks *d, const char *name, GError **error)
{
    struct vm_disk *disk = need_drive(d, name, error);

    if (disk && !disk->tray_open) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "Tray of device '%s' is not open", name);
        return NULL;
    }
    return disk;
}

bool vm_disks_remove_medium(struct vm_disks *d, const char *name, GError **error)
{
    struct vm_disk *disk = need_open(d, name, error);

    return disk && take_medium(disk);
}

bool vm_disks_insert_medium(struct vm_disks *d, const char *name, const char *node, GError **error)
{
    struct vm_disk *drive = need_open(d, name, error), *medium = vm_disks_find(d, node);

    if (!drive)
        return false;
    if (drive->image)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "There already is a medium in device '%s'",
                    name);
    else if (!medium || !medium->image)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "Node '%s' not found", node);
    else if (medium->config->vdev)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "Node '%s' is already in use", node);
    else {
        vm_disk_move_device(drive, medium);
        return true;
    }
    return false;
}

bool vm_disks_change(struct vm_disks *d, const char *name, struct disk_config *config, bool force,
                     GError **error)
{
    struct vm_disk *disk = need_drive(d, name, error), *medium = NULL;

    if (!disk || (config && !disk_config_check(config, error))) {
        disk_config_free(config);
        return false;
    }
    if (config && !(medium = vm_disk_new(d, config, error)))
        return false;
    vm_disk_free(disk->medium);
    disk->medium = medium;
    disk->change = true;
    if (disk->tray_open)
        finish_change(disk);
    else
        open_tray(disk, force);
    return true;
}
