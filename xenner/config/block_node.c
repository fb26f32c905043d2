#include "xenner/config/block_node.h"

#include <gio/gio.h>
#include <string.h>

enum { MAX_CHAIN = 200 }; /* as many backing files as a chain may have */

void block_node_free(void *node)
{
    struct block_node *n = node;

    if (!n)
        return;
    g_free(n->origin);
    g_free(n->name);
    g_free(n->driver);
    g_free(n->file);
    g_free(n->backing);
    g_free(n->filename);
    g_free(n->throttle_group);
    g_free(n);
}

struct block_node *block_node_copy(const struct block_node *node)
{
    struct block_node *n = g_memdup2(node, sizeof(*node));

    n->origin = g_strdup(node->origin);
    n->name = g_strdup(node->name);
    n->driver = g_strdup(node->driver);
    n->file = g_strdup(node->file);
    n->backing = g_strdup(node->backing);
    n->filename = g_strdup(node->filename);
    n->throttle_group = g_strdup(node->throttle_group);
    return n;
}

bool block_driver_is_format(const char *driver)
{
    static const char *const formats[] = {"raw", "qcow2", "qcow", "qed", "vmdk", "vdi", "vhdx",
                                          "vpc", "parallels", "bochs", "throttle", NULL};

    return g_strv_contains(formats, driver);
}

bool block_driver_is_protocol(const char *driver)
{
    static const char *const protocols[] = {"file", "host_device", "host_cdrom", "nbd", NULL};

    return g_strv_contains(protocols, driver);
}

struct block_node *block_nodes_find(const GPtrArray *nodes, const char *name)
{
    for (guint i = 0; i < nodes->len; i++) {
        struct block_node *n = g_ptr_array_index(nodes, i);
        if (strcmp(n->name, name) == 0)
            return n;
    }
    return NULL;
}

const struct block_node *block_nodes_parent(const GPtrArray *nodes, const char *name)
{
    for (guint i = 0; i < nodes->len; i++) {
        const struct block_node *n = g_ptr_array_index(nodes, i);
        if (g_strcmp0(n->file, name) == 0 || g_strcmp0(n->backing, name) == 0)
            return n;
    }
    return NULL;
}

static enum disk_cache cache_of(const struct block_node *n)
{
    return n->no_flush ? DISK_CACHE_UNSAFE : n->direct ? DISK_CACHE_NONE : DISK_CACHE_WRITEBACK;
}

static const struct block_node *need(const GPtrArray *nodes, const char *name, GError **error)
{
    const struct block_node *n = block_nodes_find(nodes, name);

    if (!n)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                    "Cannot find device='' nor node-name='%s'", name);
    return n;
}

/* Several raw nodes over each other are as one: a slice of a file is not there. */
static bool add_file(const GPtrArray *nodes, const struct block_node *top, struct disk_config *d,
                     GError **error)
{
    const struct block_node *n = top;

    for (unsigned depth = 0; n && n->file; depth++) {
        if (depth == MAX_CHAIN) {
            g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "'%s' is below itself",
                        n->name);
            return false;
        }
        n = need(nodes, n->file, error);
        if (n && n->file && strcmp(n->driver, "raw") != 0) {
            g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                        "a %s image inside another image is not supported", n->driver);
            return false;
        }
    }
    if (!n)
        return false;
    d->path = g_strdup(n->filename);
    d->aio = n->aio;
    d->cache = MAX(cache_of(top), cache_of(n));
    d->discard = top->discard;
    if (top == n)
        d->format = g_strdup("raw");
    return true;
}

/* The node below the throttles that *n is, whose groups become d's: the lowest is first. NULL with error. */
static const struct block_node *skip_throttles(const GPtrArray *nodes, const struct block_node *n,
                                               struct disk_config *d, GError **error)
{
    g_autoptr(GPtrArray) groups = g_ptr_array_new_with_free_func(g_free);

    for (unsigned depth = 0; n && strcmp(n->driver, "throttle") == 0; depth++) {
        if (depth == MAX_CHAIN) {
            g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "'%s' is below itself",
                        n->name);
            return NULL;
        }
        g_ptr_array_insert(groups, 0, g_strdup(n->throttle_group));
        n = need(nodes, n->file, error);
    }
    if (groups->len) {
        g_ptr_array_add(groups, NULL);
        d->filters = (char **)g_ptr_array_steal(groups, NULL);
    }
    return n;
}

static struct disk_config *disk_of(const GPtrArray *nodes, const char *name, unsigned depth,
                                   GError **error)
{
    struct disk_config *d = g_new0(struct disk_config, 1);
    const struct block_node *top = need(nodes, name, error);

    top = top ? skip_throttles(nodes, top, d, error) : NULL;
    if (!top) {
        disk_config_free(d);
        return NULL;
    }
    d->origin = g_strdup(top->origin);
    d->id = g_strdup(name);
    d->readonly = top->readonly;
    d->zeroes = top->zeroes;
    d->no_backing = top->no_backing;
    if (!block_driver_is_protocol(top->driver))
        d->format = g_strdup(top->driver);
    if (depth == MAX_CHAIN)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "'%s' is below itself", name);
    else if (add_file(nodes, top, d, error) &&
             (!top->backing || (d->backing = disk_of(nodes, top->backing, depth + 1, error))))
        return d;
    disk_config_free(d);
    return NULL;
}

struct disk_config *block_nodes_disk(const GPtrArray *nodes, const char *name, GError **error)
{
    return disk_of(nodes, name, 0, error);
}
