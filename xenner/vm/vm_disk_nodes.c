/* The images that devices may have: nodes and drives, which come and go by themselves. */
#include "xenner/vm/vm_disks_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <unistd.h>

struct vm_disk *vm_disk_open_node(struct vm_disks *d, const char *name, GError **error)
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
        return vm_disk_refuse(error, "Could not open '%s': %s", n->filename, g_strerror(errno));
    close(fd);
    return true;
}

/* What was a disk by itself until now is part of the one that is opened next. */
static bool take_over(struct vm_disks *d, const char *child, GError **error)
{
    struct vm_disk *disk = child ? vm_disks_find(d, child) : NULL;

    if (disk && disk->config->vdev)
        return vm_disk_refuse(error, "Node '%s' is busy: a device has it", child);
    if (disk)
        g_ptr_array_remove(d->disks, disk);
    return true;
}

static bool open_new_node(struct vm_disks *d, const struct block_node *n, GError **error)
{
    if (vm_disks_find(d, n->name))
        return vm_disk_refuse(error, "Duplicate nodes with node-name='%s'", n->name);
    if (block_driver_is_protocol(n->driver))
        return check_file(n, error);
    if (block_nodes_parent(d->nodes, n->name))
        return true; /* what is below another one is opened by that */
    return take_over(d, n->file, error) && take_over(d, n->backing, error) &&
           vm_disk_open_node(d, n->name, error);
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
        return vm_disk_refuse(error, "Failed to find node with node-name='%s'", name);
    if (disk && disk->config->vdev)
        return vm_disk_refuse(error, "Node '%s' is busy: a device has it", name);
    if (parent)
        return vm_disk_refuse(error, "Node '%s' is busy: node is used by '%s'", name, parent->name);
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
        vm_disk_refuse(error, "Duplicate ID '%s' for drive", config->id);
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
        return vm_disk_refuse(error, "Device '%s' is in use", id);
    g_ptr_array_remove(d->disks, disk);
    return true;
}
