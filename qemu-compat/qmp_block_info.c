/* Disks over QMP: what there is, and what the guest did. */
#include "qemu-compat/limits.h"
#include "qemu-compat/qmp_devices.h"
#include "qemu-compat/qmp_handlers.h"
#include "xenner/vm/vm_disks.h"

#include <sys/stat.h>

enum { MAX_DEPTH = 256 }; /* of nodes over each other */

static JsonObject *cache_info(const struct disk_config *c)
{
    JsonObject *o = json_object_new();

    json_object_set_boolean_member(o, "writeback", c->cache != DISK_CACHE_WRITETHROUGH &&
                                                       c->cache != DISK_CACHE_DIRECTSYNC);
    json_object_set_boolean_member(o, "direct", c->cache == DISK_CACHE_NONE ||
                                                    c->cache == DISK_CACHE_DIRECTSYNC);
    json_object_set_boolean_member(o, "no-flush", c->cache == DISK_CACHE_UNSAFE);
    return o;
}

static JsonObject *image_info(const char *path, const char *format, uint64_t bytes)
{
    JsonObject *o = json_object_new();
    struct stat st;

    json_object_set_string_member(o, "filename", path);
    json_object_set_string_member(o, "format", format);
    json_object_set_int_member(o, "virtual-size", (gint64)bytes);
    if (stat(path, &st) == 0)
        json_object_set_int_member(o, "actual-size", (gint64)st.st_blocks * 512);
    json_object_set_boolean_member(o, "dirty-flag", FALSE);
    return o;
}

/* A node that is open, of disk i: BlockDeviceInfo. Limits are the device's, so the root node's. */
static JsonObject *node_info(const struct vm_disk_info *i, const char *name, const char *driver,
                             const char *path, bool root, uint64_t bytes)
{
    static const struct disk_limits none;
    const struct disk_config *c = i->config;
    static const char *const zeroes[] = {"off", "on", "unmap"};
    JsonObject *o = json_object_new();

    json_object_set_string_member(o, "file", path);
    json_object_set_string_member(o, "node-name", name);
    json_object_set_boolean_member(o, "ro", i->image->readonly);
    json_object_set_string_member(o, "drv", driver);
    json_object_set_int_member(o, "backing_file_depth", 0);
    json_object_set_boolean_member(o, "encrypted", FALSE);
    json_object_set_string_member(o, "detect_zeroes", zeroes[c->zeroes]);
    limits_to_json(o, root ? i->limits : &none);
    if (root && i->group)
        json_object_set_string_member(o, "group", i->group);
    json_object_set_int_member(o, "write_threshold", 0);
    json_object_set_object_member(o, "cache", cache_info(c));
    json_object_set_object_member(o, "image", image_info(path, driver, bytes));
    return o;
}

static const char *format_of(const struct disk_config *c)
{
    return c->format ? c->format : "raw";
}

/* Whether id is a node's name: drives have none, but QEMU's ids are made up for them. */
static bool is_node(struct qmp_call *call, const struct disk_config *c)
{
    return block_nodes_find(vm_disks_nodes(vm_disks(call->vm)), c->id) != NULL;
}

/* The format, but for a node that is a filter. */
static const char *driver_of(struct qmp_call *call, const struct disk_config *c)
{
    const struct block_node *n = block_nodes_find(vm_disks_nodes(vm_disks(call->vm)), c->id);

    return n ? n->driver : format_of(c);
}

static JsonObject *inserted(struct qmp_call *call, const struct vm_disk_info *i)
{
    g_autofree char *own = g_strconcat("#", i->config->id, NULL);

    return node_info(i, is_node(call, i->config) ? i->config->id : own, driver_of(call, i->config),
                     i->config->path, true, i->image->bytes);
}

static JsonObject *block_info(struct qmp_call *call, const struct vm_disk_info *i)
{
    static const char *const status[] = {
        [VM_DISK_OK] = "ok", [VM_DISK_FAILED] = "failed", [VM_DISK_NO_SPACE] = "nospace"};
    g_autofree char *qdev = qmp_disk_path(i->config);
    JsonObject *o = json_object_new();

    json_object_set_string_member(o, "device", is_node(call, i->config) || !i->image ? ""
                                                                                : i->config->id);
    if (qdev)
        json_object_set_string_member(o, "qdev", qdev);
    json_object_set_string_member(o, "type", "unknown");
    json_object_set_boolean_member(o, "removable", i->config->cdrom);
    json_object_set_boolean_member(o, "locked", i->config->cdrom && i->connected);
    if (i->config->cdrom)
        json_object_set_boolean_member(o, "tray_open", i->tray_open);
    if (i->image) {
        json_object_set_string_member(o, "io-status", status[i->status]);
        json_object_set_object_member(o, "inserted", inserted(call, i));
    }
    return o;
}

/* A device, or a drive that none has; a node that none has is only a node. */
static bool is_block(struct qmp_call *call, const struct vm_disk_info *i)
{
    return i->config->vdev || !is_node(call, i->config);
}

JsonNode *qmp_query_block(struct qmp_call *call, JsonObject *args, GError **error)
{
    struct vm_disks *d = vm_disks(call->vm);
    JsonArray *list = json_array_new();

    for (unsigned n = 0; n < vm_disks_count(d); n++) {
        struct vm_disk_info i = vm_disks_info(d, n);
        if (is_block(call, &i))
            json_array_add_object_element(list, block_info(call, &i));
    }
    return qmp_array(list);
}

static JsonObject *counters(const struct image_stats *s)
{
    static const struct {
        enum image_op op;
        const char *name;
    } ops[] = {{IMAGE_READ, "rd"}, {IMAGE_WRITE, "wr"}, {IMAGE_FLUSH, "flush"},
               {IMAGE_DISCARD, "unmap"}};
    JsonObject *o = json_object_new();

    for (unsigned i = 0; i < G_N_ELEMENTS(ops); i++) {
        g_autofree char *bytes = g_strconcat(ops[i].name, "_bytes", NULL);
        g_autofree char *operations = g_strconcat(ops[i].name, "_operations", NULL);
        g_autofree char *ns = g_strconcat(ops[i].name, "_total_time_ns", NULL);
        g_autofree char *merged = g_strconcat(ops[i].name, "_merged", NULL);
        g_autofree char *failed = g_strconcat("failed_", ops[i].name, "_operations", NULL);
        g_autofree char *invalid = g_strconcat("invalid_", ops[i].name, "_operations", NULL);
        json_object_set_int_member(o, operations, (gint64)s->of[ops[i].op].ops);
        json_object_set_int_member(o, ns, (gint64)s->of[ops[i].op].ns);
        json_object_set_int_member(o, failed, (gint64)s->of[ops[i].op].failed);
        json_object_set_int_member(o, invalid, 0);
        if (ops[i].op == IMAGE_FLUSH)
            continue;
        json_object_set_int_member(o, bytes, (gint64)s->of[ops[i].op].bytes);
        json_object_set_int_member(o, merged, 0);
    }
    json_object_set_int_member(o, "wr_highest_offset", (gint64)s->highest);
    json_object_set_boolean_member(o, "account_invalid", TRUE);
    json_object_set_boolean_member(o, "account_failed", TRUE);
    json_object_set_array_member(o, "timed_stats", json_array_new());
    return o;
}

static JsonObject *stats_of(struct qmp_call *call, const struct vm_disk_info *i, bool node)
{
    static const struct image_stats none;
    g_autofree char *qdev = node ? NULL : qmp_disk_path(i->config);
    JsonObject *o = json_object_new();

    if (!node)
        json_object_set_string_member(o, "device", is_node(call, i->config) || !i->image
                                                       ? "" : i->config->id);
    if (qdev)
        json_object_set_string_member(o, "qdev", qdev);
    if (i->image)
        json_object_set_string_member(o, "node-name", i->config->id);
    json_object_set_object_member(o, "stats", counters(i->image ? &i->image->stats : &none));
    return o;
}

JsonNode *qmp_query_blockstats(struct qmp_call *call, JsonObject *args, GError **error)
{
    bool nodes = json_object_get_boolean_member_with_default(args, "query-nodes", FALSE);
    struct vm_disks *d = vm_disks(call->vm);
    JsonArray *list = json_array_new();

    for (unsigned n = 0; n < vm_disks_count(d); n++) {
        struct vm_disk_info i = vm_disks_info(d, n);
        if (nodes ? i.image != NULL : is_block(call, &i))
            json_array_add_object_element(list, stats_of(call, &i, nodes));
    }
    return qmp_array(list);
}

/* The file that a node is in. */
static const char *path_of(const GPtrArray *nodes, const struct block_node *n)
{
    for (unsigned depth = 0; n && n->file && depth < MAX_DEPTH; depth++)
        n = block_nodes_find(nodes, n->file);
    return n && n->filename ? n->filename : "";
}

/* The nodes below that one, down to the files that they are in; depth: how many there may be still. */
static void add_below(struct qmp_call *call, JsonArray *list, const struct vm_disk_info *i,
                      const struct block_node *n, unsigned depth)
{
    const char *const children[] = {n ? n->file : NULL, n ? n->backing : NULL};
    GPtrArray *nodes = vm_disks_nodes(vm_disks(call->vm));
    struct stat st;

    for (unsigned k = 0; depth && k < G_N_ELEMENTS(children); k++) {
        const struct block_node *child = children[k] ? block_nodes_find(nodes, children[k]) : NULL;
        if (!child)
            continue;
        bool file = child->filename && stat(child->filename, &st) == 0 && S_ISREG(st.st_mode);
        json_array_add_object_element(list, node_info(i, child->name, child->driver,
                                                      path_of(nodes, child), false,
                                                      file ? (uint64_t)st.st_size : i->image->bytes));
        add_below(call, list, i, child, depth - 1);
    }
}

JsonNode *qmp_query_named_block_nodes(struct qmp_call *call, JsonObject *args, GError **error)
{
    struct vm_disks *d = vm_disks(call->vm);
    JsonArray *list = json_array_new();

    for (unsigned n = 0; n < vm_disks_count(d); n++) {
        struct vm_disk_info i = vm_disks_info(d, n);
        if (!i.image)
            continue;
        json_array_add_object_element(list, inserted(call, &i));
        add_below(call, list, &i, block_nodes_find(vm_disks_nodes(d), i.config->id), MAX_DEPTH);
    }
    return qmp_array(list);
}
