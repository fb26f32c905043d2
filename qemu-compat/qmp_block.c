/* Disks over QMP: what can be changed. Hot plug of devices is in qmp_hotplug.c. */
#include "qemu-compat/fdset.h"
#include "qemu-compat/limits.h"
#include "qemu-compat/opt_blockdev.h"
#include "qemu-compat/qmp_devices.h"
#include "qemu-compat/qmp_handlers.h"
#include "xenner/vm/vm_disks.h"

#include <string.h>

static JsonNode *done(bool ok)
{
    return ok ? qmp_empty() : NULL;
}

JsonNode *qmp_blockdev_add(struct qmp_call *call, JsonObject *args, GError **error)
{
    struct vm_disks *d = vm_disks(call->vm);
    GPtrArray *nodes = vm_disks_nodes(d);
    guint first = nodes->len;
    struct keyval kv = {0};
    bool ok = keyval_from_object(args, &kv, error) &&
              block_nodes_parse(nodes, "blockdev-add", &kv, error);

    keyval_clear(&kv);
    if (ok && !block_nodes_find_files(nodes, first, fdsets_all(qmp_server_fdsets(call->server)), error)) {
        g_ptr_array_set_size(nodes, (gint)first);
        ok = false;
    }
    return done(ok && vm_disks_open_nodes(d, first, error));
}

JsonNode *qmp_blockdev_del(struct qmp_call *call, JsonObject *args, GError **error)
{
    return done(vm_disks_close_node(vm_disks(call->vm),
                                    json_object_get_string_member(args, "node-name"), error));
}

/* The device, drive or node of the first of these arguments that is there. */
static char *named(JsonObject *args, GError **error)
{
    static const char *const keys[] = {"id", "node-name", "device"};

    for (unsigned i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (json_object_has_member(args, keys[i]))
            return qmp_device_id(json_object_get_string_member(args, keys[i]));
    }
    g_set_error(error, QMP_ERROR, QMP_GENERIC_ERROR, "Need exactly one of 'device' and 'id'");
    return NULL;
}

JsonNode *qmp_block_resize(struct qmp_call *call, JsonObject *args, GError **error)
{
    g_autofree char *name = named(args, error);
    gint64 size = json_object_get_int_member(args, "size");

    return done(name && vm_disks_resize(vm_disks(call->vm), name, (uint64_t)MAX(size, 0), error));
}

JsonNode *qmp_block_set_io_throttle(struct qmp_call *call, JsonObject *args, GError **error)
{
    const char *group = json_object_get_string_member_with_default(args, "group", NULL);
    g_autofree char *name = named(args, error);
    struct disk_limits limits;

    return done(name && limits_from_json(args, &limits, error) &&
                vm_disks_set_limits(vm_disks(call->vm), name, &limits, group, error));
}

static bool forced(JsonObject *args)
{
    return json_object_get_boolean_member_with_default(args, "force", FALSE);
}

JsonNode *qmp_open_tray(struct qmp_call *call, JsonObject *args, GError **error)
{
    g_autofree char *name = named(args, error);

    return done(name && vm_disks_open_tray(vm_disks(call->vm), name, forced(args), error));
}

JsonNode *qmp_close_tray(struct qmp_call *call, JsonObject *args, GError **error)
{
    g_autofree char *name = named(args, error);

    return done(name && vm_disks_close_tray(vm_disks(call->vm), name, error));
}

JsonNode *qmp_remove_medium(struct qmp_call *call, JsonObject *args, GError **error)
{
    g_autofree char *name = named(args, error);

    return done(name && vm_disks_remove_medium(vm_disks(call->vm), name, error));
}

JsonNode *qmp_insert_medium(struct qmp_call *call, JsonObject *args, GError **error)
{
    g_autofree char *name = qmp_device_id(json_object_get_string_member(args, "id"));

    return done(vm_disks_insert_medium(vm_disks(call->vm), name,
                                       json_object_get_string_member(args, "node-name"), error));
}

JsonNode *qmp_eject(struct qmp_call *call, JsonObject *args, GError **error)
{
    g_autofree char *name = named(args, error);

    return done(name && vm_disks_change(vm_disks(call->vm), name, NULL, forced(args), error));
}

JsonNode *qmp_change_medium(struct qmp_call *call, JsonObject *args, GError **error)
{
    const char *mode = json_object_get_string_member_with_default(args, "read-only-mode", "retain");
    g_autofree char *name = named(args, error);
    struct disk_config *c;

    if (!name)
        return NULL;
    c = g_new0(struct disk_config, 1);
    c->origin = g_strdup("blockdev-change-medium");
    c->path = g_strdup(json_object_get_string_member(args, "filename"));
    c->format = g_strdup(json_object_get_string_member_with_default(args, "format", NULL));
    c->id = g_strdup_printf("#medium%u", vm_disks_count(vm_disks(call->vm)));
    c->readonly = strcmp(mode, "read-write") != 0;
    if (drive_find_file(c, fdsets_all(qmp_server_fdsets(call->server)), error))
        return done(vm_disks_change(vm_disks(call->vm), name, c, forced(args), error));
    disk_config_free(c);
    return NULL;
}
