#include "xenner/backend/qsd_overlay.h"
#include "xenner/backend/qsd_create.h"

#include <gio/gio.h>
#include <string.h>

static bool make_file(struct qsd *q, const char *path, GError **error)
{
    JsonObject *options = json_object_new(), *node;

    json_object_set_string_member(options, "driver", "file");
    json_object_set_string_member(options, "filename", path);
    json_object_set_int_member(options, "size", 0);
    if (!qsd_create_now(q, options, error))
        return false;
    node = json_object_new();
    json_object_set_string_member(node, "driver", "file");
    json_object_set_string_member(node, "node-name", "overlay");
    json_object_set_string_member(node, "filename", path);
    return qsd_do(q, "blockdev-add", node, NULL, error);
}

bool qsd_make_overlay(const char *path, const char *format, uint64_t bytes, const char *backing,
                      const char *backing_format, GError **error)
{
    if (strcmp(format, "qcow2") != 0) { /* of the others, none that is made here can have one */
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                    "The overlay does not support backing images");
        return false;
    }
    struct qsd *q = qsd_new(path, NULL, error);
    bool ok = q && make_file(q, path, error);
    if (ok) {
        JsonObject *options = json_object_new();
        json_object_set_string_member(options, "driver", format);
        json_object_set_string_member(options, "file", "overlay");
        json_object_set_int_member(options, "size", (gint64)bytes);
        json_object_set_string_member(options, "backing-file", backing);
        json_object_set_string_member(options, "backing-fmt", backing_format);
        ok = qsd_create_now(q, options, error);
    }
    qsd_free(q);
    return ok;
}
