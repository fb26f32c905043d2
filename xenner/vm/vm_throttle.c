/* Limits of disks, which belong to groups: each disk's own, those with a name, and those that are objects. */
#include "xenner/vm/vm_disks_priv.h"
#include "xenner/backend/throttle.h"

#include <string.h>

struct vm_group {
    struct throttle_group *group; /* a reference */
    bool object;                  /* stays when nobody is in it */
};

void vm_group_free(void *opaque)
{
    struct vm_group *g = opaque;

    throttle_group_unref(g->group);
    g_free(g);
}

static struct vm_group *find(const struct vm_disks *d, const char *name)
{
    for (guint i = 0; i < d->groups->len; i++) {
        struct vm_group *g = g_ptr_array_index(d->groups, i);
        if (strcmp(throttle_group_name(g->group), name) == 0)
            return g;
    }
    return NULL;
}

static struct vm_group *add(struct vm_disks *d, const char *name, const struct disk_limits *limits)
{
    struct vm_group *g = g_new0(struct vm_group, 1);

    g->group = throttle_group_new(name, limits);
    g_ptr_array_add(d->groups, g);
    return g;
}

/* Those that nobody is in any more, and that are no objects. */
static void sweep(struct vm_disks *d)
{
    for (guint i = d->groups->len; i-- > 0;) {
        const struct vm_group *g = g_ptr_array_index(d->groups, i);
        if (!g->object && !throttle_group_size(g->group))
            g_ptr_array_remove_index(d->groups, i);
    }
}

bool vm_disks_add_group(struct vm_disks *d, const char *name, const struct disk_limits *limits,
                        GError **error)
{
    if (!disk_limits_check(limits, error))
        return false;
    sweep(d);
    if (find(d, name))
        return vm_disk_refuse(error, "A group with this name already exists");
    add(d, name, limits)->object = true;
    return true;
}

bool vm_disks_del_group(struct vm_disks *d, const char *name, GError **error)
{
    struct vm_group *g = find(d, name);

    if (!g || !g->object)
        return vm_disk_refuse(error, "object '%s' not found", name);
    if (throttle_group_size(g->group))
        return vm_disk_refuse(error, "object '%s' is in use, can not be deleted", name);
    g_ptr_array_remove(d->groups, g);
    return true;
}

const struct disk_limits *vm_disks_group_limits(const struct vm_disks *d, const char *name)
{
    const struct vm_group *g = find(d, name);

    return g ? throttle_group_limits(g->group) : NULL;
}

bool vm_disks_set_group_limits(struct vm_disks *d, const char *name, const struct disk_limits *limits,
                               GError **error)
{
    struct vm_group *g = find(d, name);

    if (!g)
        return vm_disk_refuse(error, "object '%s' not found", name);
    if (!disk_limits_check(limits, error))
        return false;
    throttle_group_set_limits(g->group, limits);
    return true;
}

/* In front of what is open already: the groups of -blockdev's nodes, then the device's own. */
bool vm_disk_throttle(struct vm_disk *disk, GError **error)
{
    const struct disk_config *c = disk->config;

    for (unsigned i = 0; c->filters && c->filters[i]; i++) {
        struct vm_group *g = find(disk->all, c->filters[i]);
        if (!g || !g->object)
            return vm_disk_refuse(error, "Throttle group '%s' does not exist", c->filters[i]);
        disk->image = image_throttle(disk->image, g->group);
    }
    disk->group = NULL;
    disk->image = image_throttle(disk->image, NULL);
    vm_disk_use_limits(disk, &c->limits, c->group);
    return true;
}

/*
 * As in QEMU a group has the limits that came last, and who has none leaves it. A name without limits is
 * membership in a group that is there already.
 */
void vm_disk_use_limits(struct vm_disk *disk, const struct disk_limits *limits, const char *name)
{
    struct vm_disks *d = disk->all;
    const struct disk_config *c = disk->config;
    const char *own = disk->group ? throttle_group_name(disk->group) : c->device ? c->device : c->id;
    struct vm_group *g = find(d, name ? name : own);

    if (disk_limits_any(limits)) {
        if (!g)
            g = add(d, name ? name : own, limits);
        else
            throttle_group_set_limits(g->group, limits);
    } else if (!name) {
        g = NULL;
    }
    struct disk_limits kept = *limits; /* may be the configuration's own */
    g_autofree char *group = g_strdup(name);
    disk->config->limits = kept;
    g_free(disk->config->group);
    disk->config->group = g_steal_pointer(&group);
    disk->group = g ? g->group : NULL;
    image_throttle_set_group(disk->image, disk->group);
    sweep(d);
}

bool vm_disks_set_limits(struct vm_disks *d, const char *name, const struct disk_limits *limits,
                         const char *group, GError **error)
{
    struct vm_disk *disk = vm_disks_need(d, name, error);

    if (!disk || !disk_limits_check(limits, error))
        return false;
    if (!disk->image)
        return vm_disk_refuse(error, "Device '%s' has no medium", name);
    if (disk->kernel && disk_limits_any(limits))
        return vm_disk_refuse(error, "Device '%s' is served by the kernel, which knows no limits "
                              "(backend=xenner does)", name);
    vm_disk_use_limits(disk, limits, disk_limits_any(limits) ? group : NULL);
    return true;
}
