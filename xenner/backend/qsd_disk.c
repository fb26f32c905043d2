#include "xenner/backend/qsd_disk.h"
#include "xenner/backend/image_url.h"
#include "xenner/backend/qsd_create.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A descriptor of ours has another name in another process. */
static char *name_elsewhere(const char *path)
{
    static const char own[] = "/proc/self/fd/";

    return g_str_has_prefix(path, own)
               ? g_strdup_printf("/proc/%d/fd/%s", getpid(), path + strlen(own)) : g_strdup(path);
}

/* The node of an image that a server has. NULL with error. */
static JsonObject *url_node(const char *url, GError **error)
{
    g_autofree char *text = image_url_node(url, error);
    g_autoptr(JsonNode) node = text ? json_from_string(text, error) : NULL;

    return node ? json_object_ref(json_node_get_object(node)) : NULL;
}

/* The node of a file, block device or server's image. NULL with error. */
static JsonObject *file_node(const char *path, enum disk_aio aio, GError **error)
{
    JsonObject *o;
    struct stat st;

    if (image_is_url(path))
        return url_node(path, error);
    g_autofree char *name = name_elsewhere(path);
    bool block = stat(path, &st) == 0 && S_ISBLK(st.st_mode);
    o = json_object_new();
    json_object_set_string_member(o, "driver", block ? "host_device" : "file");
    json_object_set_string_member(o, "filename", name);
    json_object_set_string_member(o, "aio", aio == DISK_AIO_URING ? "io_uring" : "threads");
    return o;
}

static JsonObject *format_node(const char *format, JsonObject *file, bool readonly)
{
    JsonObject *o = json_object_new();

    json_object_set_string_member(o, "driver", format);
    json_object_set_boolean_member(o, "read-only", readonly);
    json_object_set_object_member(o, "file", file);
    return o;
}

static bool add_node(struct qsd *q, const char *name, JsonObject *node, GError **error)
{
    json_object_set_string_member(node, "node-name", name);
    return qsd_do(q, "blockdev-add", node, NULL, error);
}

/* What is known of a node's image; the caller's. */
static JsonObject *image_of(struct qsd *q, const char *name, GError **error)
{
    g_autoptr(JsonNode) all = NULL;
    JsonObject *args = json_object_new();

    json_object_set_boolean_member(args, "flat", TRUE);
    if (!qsd_do(q, "query-named-block-nodes", args, &all, error))
        return NULL;
    JsonArray *list = json_node_get_array(all);
    for (guint i = 0; i < json_array_get_length(list); i++) {
        JsonObject *o = json_array_get_object_element(list, i);
        if (strcmp(json_object_get_string_member_with_default(o, "node-name", ""), name) == 0)
            return json_object_ref(json_object_get_object_member(o, "image"));
    }
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "there is no node '%s'", name);
    return NULL;
}

/*
 * c's image in that format, with what config says is below it; what the image itself says, it finds. NULL with
 * error.
 */
static JsonObject *layer(const struct disk_config *c, const char *format, bool readonly, GError **error)
{
    JsonObject *file = file_node(c->path, c->aio, error), *node, *below;

    if (!file)
        return NULL;
    node = format_node(format, file, readonly);
    if (c->no_backing)
        json_object_set_null_member(node, "backing");
    if (!c->backing)
        return node;
    if ((below = layer(c->backing, c->backing->format, true, error))) {
        json_object_set_object_member(node, "backing", below);
        return node;
    }
    json_object_unref(node);
    return NULL;
}

/* What the guest's disk is like, for the node that the guest has. */
static void set_behaviour(JsonObject *node, const struct disk_config *c)
{
    static const char *const zeroes[] = {"off", "on", "unmap"};
    bool direct = c->cache == DISK_CACHE_NONE || c->cache == DISK_CACHE_DIRECTSYNC;
    JsonObject *cache = json_object_new();

    json_object_set_string_member(node, "discard", c->discard ? "unmap" : "ignore");
    json_object_set_string_member(node, "detect-zeroes", zeroes[c->zeroes]);
    json_object_set_boolean_member(cache, "direct", direct && !c->snapshot);
    json_object_set_boolean_member(cache, "no-flush", c->cache == DISK_CACHE_UNSAFE || c->snapshot);
    json_object_set_object_member(node, "cache", cache);
}

/* An empty file as the node "overlay-file": without a name, once it is open there. */
static bool add_overlay_file(struct qsd *q, GError **error)
{
    g_autofree char *path = g_build_filename(g_getenv("TMPDIR") ? g_getenv("TMPDIR") : "/var/tmp",
                                             "xenner-snapshot-XXXXXX", NULL);
    int fd = g_mkstemp_full(path, O_RDWR | O_CLOEXEC, 0600);

    if (fd < 0) {
        g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(errno), "%s: %s", path,
                    g_strerror(errno));
        return false;
    }
    JsonObject *node = json_object_new();
    json_object_set_string_member(node, "driver", "file");
    json_object_set_string_member(node, "filename", path);
    bool ok = add_node(q, "overlay-file", node, error);
    g_unlink(path);
    close(fd);
    return ok;
}

/* The image as node "base", and over it an image that nobody else will ever see. */
static JsonObject *snapshot_node(struct qsd *q, const struct disk_config *c, const char *format,
                                 GError **error)
{
    g_autoptr(JsonObject) image = NULL;
    JsonObject *base = layer(c, format, true, error), *node, *options;

    if (!base || !add_node(q, "base", base, error) ||
        !(image = image_of(q, "base", error)) || !add_overlay_file(q, error))
        return NULL;
    options = json_object_new();
    json_object_set_string_member(options, "driver", "qcow2");
    json_object_set_string_member(options, "file", "overlay-file");
    json_object_set_int_member(options, "size", json_object_get_int_member(image, "virtual-size"));
    if (!qsd_create_now(q, options, error))
        return NULL;
    node = json_object_new();
    json_object_set_string_member(node, "driver", "qcow2");
    json_object_set_string_member(node, "file", "overlay-file");
    json_object_set_string_member(node, "backing", "base");
    return node;
}

bool qsd_add_disk(struct qsd *q, const struct disk_config *config, const char *format, GError **error)
{
    JsonObject *node = config->snapshot ? snapshot_node(q, config, format, error)
                                        : layer(config, format, config->readonly, error);

    if (!node)
        return false;
    set_behaviour(node, config);
    return add_node(q, "disk", node, error);
}
