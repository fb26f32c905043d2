#include "xenner/vm/vm_snapshot.h"
#include "xenner/backend/qsd_overlay.h"
#include "xenner/vm/vm_disks_priv.h"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>

/* One disk's, on its way. */
struct snapshot {
    struct vm_disk *disk;
    struct disk_config *config; /* the disk's afterwards, then what it was; owned */
    struct block_node *overlay; /* of the list of nodes; NULL: the disk is a drive */
    char *made;                 /* a file that was not there before, or NULL */
    guint new_nodes;            /* how many were added for it, at the end of the list */
    bool linked;                /* overlay has a backing node */
    bool held, moved;           /* requests wait; the image is the overlay */
};

static void snapshot_free(void *opaque)
{
    struct snapshot *s = opaque;

    disk_config_free(s->config);
    g_free(s->made);
    g_free(s);
}

/* What is below the overlay has a format from now on. */
static struct disk_config *as_backing(const struct vm_disk *disk, GError **error)
{
    struct disk_config *c = disk_config_copy(disk->config);

    disk_config_unplug(c);
    if (!c->format)
        c->format = g_strdup(disk_image_probe(c->path, error));
    if (c->format)
        return c;
    disk_config_free(c);
    return NULL;
}

/* The drive's image is another file, over what it was. */
static struct disk_config *drive_config(const struct vm_disk *disk, const struct vm_snapshot_request *r,
                                        GError **error)
{
    struct disk_config *below = as_backing(disk, error), *c;

    if (!below)
        return NULL;
    c = disk_config_copy(disk->config);
    g_free(c->path);
    g_free(c->format);
    disk_config_free(c->backing);
    c->path = g_strdup(r->file);
    c->format = g_strdup(r->format ? r->format : "qcow2");
    c->backing = below;
    c->no_backing = false;
    return c;
}

static struct block_node *new_node(struct vm_disks *d, struct snapshot *s, char *name, const char *driver)
{
    struct block_node *n = g_new0(struct block_node, 1);

    n->origin = g_strdup("blockdev-snapshot-sync");
    n->name = name;
    n->driver = g_strdup(driver);
    g_ptr_array_add(d->nodes, n);
    s->new_nodes++;
    return n;
}

static bool add_overlay_nodes(struct vm_disks *d, struct snapshot *s, const struct vm_snapshot_request *r,
                              GError **error)
{
    g_autofree char *name = r->node_name ? g_strdup(r->node_name)
                                         : g_strdup_printf("#snapshot%u", d->next_empty++);
    const struct block_node *old = block_nodes_find(d->nodes, s->disk->config->id);

    if (block_nodes_find(d->nodes, name))
        return vm_disk_refuse(error, "Duplicate nodes with node-name='%s'", name);
    s->overlay = new_node(d, s, g_strdup(name), r->format ? r->format : "qcow2");
    s->overlay->file = g_strdup_printf("#%s-file", name);
    s->overlay->discard = old->discard;
    s->overlay->zeroes = old->zeroes;
    struct block_node *file = new_node(d, s, g_strdup(s->overlay->file), "file");
    file->filename = g_strdup(r->file);
    file->direct = s->disk->config->cache == DISK_CACHE_NONE;
    file->no_flush = s->disk->config->cache == DISK_CACHE_UNSAFE;
    file->aio = s->disk->config->aio;
    return true;
}

/* The node `overlay`, which must be an image that nobody has, over nothing. */
static bool find_overlay(struct vm_disks *d, struct snapshot *s, const char *overlay, GError **error)
{
    struct vm_disk *disk = vm_disks_find(d, overlay);
    struct block_node *n = block_nodes_find(d->nodes, overlay);

    if (!n)
        return vm_disk_refuse(error, "Cannot find device='' nor node-name='%s'", overlay);
    if (n->backing)
        return vm_disk_refuse(error, "The overlay already has a backing image");
    if ((disk && disk->config->vdev) || block_nodes_parent(d->nodes, overlay) || disk == s->disk)
        return vm_disk_refuse(error, "The overlay is already in use");
    if (!n->file || strcmp(n->driver, "raw") == 0 || strcmp(n->driver, "throttle") == 0)
        return vm_disk_refuse(error, "The overlay does not support backing images");
    s->overlay = n;
    return true;
}

static bool find_disk(struct vm_disks *d, struct snapshot *s, const struct vm_snapshot_request *r,
                      GError **error)
{
    struct vm_disk *disk = s->disk = vm_disks_find(d, r->disk);

    if (!disk)
        return vm_disk_refuse(error, "Cannot find device='%s' nor node-name='%s'", r->disk, r->disk);
    bool node = block_nodes_find(d->nodes, disk->config->id);
    if (!disk->image)
        return vm_disk_refuse(error, "Device '%s' has no medium", r->disk);
    if (disk->kernel)
        return vm_disk_refuse(error, "Device '%s' is served by the kernel, which takes no snapshots "
                              "(backend=xenner does)", r->disk);
    if (disk->config->snapshot)
        return vm_disk_refuse(error, "'%s' has snapshot=on, and is thrown away at the end", r->disk);
    if (!node && (r->overlay || r->node_name))
        return vm_disk_refuse(error, "'%s' is a drive, which has no nodes", r->disk);
    return true;
}

static bool make_file(struct snapshot *s, const struct vm_snapshot_request *r, GError **error)
{
    struct disk_config *below = r->overlay || r->existing ? NULL : as_backing(s->disk, error);
    bool was_there = r->file && g_file_test(r->file, G_FILE_TEST_EXISTS);

    if (r->overlay || r->existing)
        return true;
    bool ok = below && qsd_make_overlay(r->file, r->format ? r->format : "qcow2", s->disk->image->bytes,
                                        below->path, below->format, error);
    if (!was_there)
        s->made = g_strdup(r->file);
    disk_config_free(below);
    return ok;
}

/* A device that wants its writes on the disk still does. */
static void keep_through(enum disk_cache was, struct disk_config *c)
{
    if ((was == DISK_CACHE_WRITETHROUGH || was == DISK_CACHE_DIRECTSYNC) && c->cache <= DISK_CACHE_NONE)
        c->cache = c->cache == DISK_CACHE_NONE ? DISK_CACHE_DIRECTSYNC : DISK_CACHE_WRITETHROUGH;
}

/* All that can be refused before anything waits. */
static bool prepare(struct vm_disks *d, struct snapshot *s, const struct vm_snapshot_request *r,
                    GError **error)
{
    if (!find_disk(d, s, r, error) || !make_file(s, r, error))
        return false;
    if (r->overlay ? !find_overlay(d, s, r->overlay, error)
                   : block_nodes_find(d->nodes, s->disk->config->id) &&
                         !add_overlay_nodes(d, s, r, error))
        return false;
    if (!s->overlay)
        return (s->config = drive_config(s->disk, r, error));
    s->overlay->backing = g_strdup(s->disk->config->id);
    s->overlay->no_backing = false;
    s->linked = true;
    s->config = block_nodes_disk(d->nodes, s->overlay->name, error);
    if (s->config)
        keep_through(s->disk->config->cache, s->config);
    return s->config;
}

/* The image becomes what config says; on failure there is none. */
static bool use_image(struct snapshot *s, const struct disk_config *config, GError **error)
{
    uint64_t bytes = s->disk->image->bytes;

    return disk_image_reopen(s->disk->core, config, bytes, error);
}

static bool move(struct vm_disks *d, struct snapshot *s, GError **error)
{
    struct vm_disk *alone = s->overlay ? vm_disks_find(d, s->overlay->name) : NULL;

    if (alone) /* its image is opened anew over the other one */
        g_ptr_array_remove(d->disks, alone);
    disk_image_hold(s->disk->core);
    s->held = s->moved = true;
    return use_image(s, s->config, error);
}

/* The disk's place and limits stay; what points to its configuration, too. */
static void commit(struct snapshot *s)
{
    struct disk_config *c = s->disk->config;

    disk_config_move_device(c, s->config);
    s->config->limits = c->limits;
    s->config->group = g_steal_pointer(&c->group);
    s->config->filters = g_steal_pointer(&c->filters);
    s->config->on_read_error = c->on_read_error;
    s->config->on_write_error = c->on_write_error;
    struct disk_config was = *c;
    *c = *s->config;
    *s->config = was;
    disk_image_go_on(s->disk->core);
}

static void roll_back(struct vm_disks *d, struct snapshot *s)
{
    g_autoptr(GError) error = NULL;

    if (s->moved && !use_image(s, s->disk->config, &error))
        g_warning("the disk of '%s' is gone: %s", s->disk->config->path, error->message);
    if (s->held)
        disk_image_go_on(s->disk->core);
    if (s->linked) {
        g_clear_pointer(&s->overlay->backing, g_free);
        s->overlay->no_backing = true;
    }
    g_ptr_array_set_size(d->nodes, (gint)(d->nodes->len - s->new_nodes));
    if (s->made)
        g_unlink(s->made);
}

static bool run(struct vm_disks *d, GPtrArray *list, const struct vm_snapshot_request *requests, unsigned n,
                GError **error)
{
    for (unsigned i = 0; i < n; i++) {
        struct snapshot *s = g_new0(struct snapshot, 1);
        g_ptr_array_add(list, s);
        if (!prepare(d, s, &requests[i], error))
            return false;
    }
    for (unsigned i = 0; i < n; i++) {
        if (!move(d, g_ptr_array_index(list, i), error))
            return false;
    }
    return true;
}

bool vm_disks_snapshot(struct vm_disks *d, const struct vm_snapshot_request *requests, unsigned n,
                       GError **error)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(snapshot_free);
    bool ok = run(d, list, requests, n, error);

    for (guint i = list->len; i-- > 0;) {
        if (ok)
            commit(g_ptr_array_index(list, i));
        else
            roll_back(d, g_ptr_array_index(list, i));
    }
    return ok;
}
