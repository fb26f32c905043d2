/* Snapshots of a running guest's disks over QMP, and what is done to several disks at once or not at all. */
#include "qemu-compat/qmp_devices.h"
#include "qemu-compat/qmp_handlers.h"
#include "xenner/vm/vm_snapshot.h"

#include <string.h>

static const char *get(JsonObject *o, const char *key)
{
    return json_object_get_string_member_with_default(o, key, NULL);
}

/* device or node-name, as QEMU's bdrv_lookup: an id is good for both. NULL with error. */
static char *find_name(JsonObject *o, GError **error)
{
    const char *device = get(o, "device"), *node = get(o, "node-name");

    if (device || node)
        return device ? qmp_device_id(device) : g_strdup(node);
    g_set_error(error, QMP_ERROR, QMP_GENERIC_ERROR, "Need 'device' or 'node-name'");
    return NULL;
}

/* blockdev-snapshot's arguments; strings are o's. */
static void of_node(JsonObject *o, struct vm_snapshot_request *ret)
{
    *ret = (struct vm_snapshot_request){.disk = get(o, "node"), .overlay = get(o, "overlay")};
}

/* blockdev-snapshot-sync's; disk is the caller's copy. */
static bool of_sync(JsonObject *o, struct vm_snapshot_request *ret, char **disk, GError **error)
{
    *disk = find_name(o, error);
    *ret = (struct vm_snapshot_request){
        .disk = *disk, .file = get(o, "snapshot-file"), .format = get(o, "format"),
        .node_name = get(o, "snapshot-node-name"), .existing = g_strcmp0(get(o, "mode"), "existing") == 0};
    if (*disk && get(o, "node-name") && !ret->node_name) {
        g_set_error(error, QMP_ERROR, QMP_GENERIC_ERROR, "New overlay node-name missing");
        return false;
    }
    return *disk != NULL;
}

JsonNode *qmp_blockdev_snapshot(struct qmp_call *call, JsonObject *args, GError **error)
{
    struct vm_snapshot_request r;

    of_node(args, &r);
    return vm_disks_snapshot(vm_disks(call->vm), &r, 1, error) ? qmp_empty() : NULL;
}

JsonNode *qmp_blockdev_snapshot_sync(struct qmp_call *call, JsonObject *args, GError **error)
{
    g_autofree char *disk = NULL;
    struct vm_snapshot_request r;

    return of_sync(args, &r, &disk, error) && vm_disks_snapshot(vm_disks(call->vm), &r, 1, error)
               ? qmp_empty() : NULL;
}

static bool add_action(JsonObject *action, GArray *requests, GPtrArray *names, GError **error)
{
    const char *type = get(action, "type");
    JsonObject *data = json_object_get_object_member(action, "data");
    struct vm_snapshot_request r = {0};
    char *disk = NULL;
    bool ok = true;

    if (strcmp(type, "blockdev-snapshot") == 0) {
        of_node(data, &r);
    } else if (strcmp(type, "blockdev-snapshot-sync") == 0) {
        ok = of_sync(data, &r, &disk, error);
        g_ptr_array_add(names, disk);
    } else { /* for those who test what is left of the others */
        g_set_error(error, QMP_ERROR, QMP_GENERIC_ERROR, "Transaction aborted using Abort action");
        return false;
    }
    g_array_append_val(requests, r);
    return ok;
}

JsonNode *qmp_transaction(struct qmp_call *call, JsonObject *args, GError **error)
{
    g_autoptr(GArray) requests = g_array_new(FALSE, FALSE, sizeof(struct vm_snapshot_request));
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    JsonArray *actions = json_object_get_array_member(args, "actions");

    for (guint i = 0; i < json_array_get_length(actions); i++) {
        if (!add_action(json_array_get_object_element(actions, i), requests, names, error))
            return NULL;
    }
    return vm_disks_snapshot(vm_disks(call->vm), (struct vm_snapshot_request *)(void *)requests->data,
                             requests->len, error) ? qmp_empty() : NULL;
}
