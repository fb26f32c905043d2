/* Devices and networks that come and go while the guest runs. */
#include "qemu-compat/opt_blockdev.h"
#include "qemu-compat/opt_netdev.h"
#include "qemu-compat/qmp_devices.h"
#include "qemu-compat/qmp_handlers.h"
#include "xenner/vm/vm_disks.h"
#include "xenner/vm/vm_nets.h"

#include <errno.h>
#include <string.h>

#define PERIPHERAL "/machine/peripheral/"

char *qmp_device_id(const char *name)
{
    if (!g_str_has_prefix(name, PERIPHERAL))
        return g_strdup(name);
    name += strlen(PERIPHERAL);
    return g_strndup(name, strcspn(name, "/"));
}

char *qmp_disk_path(const struct disk_config *disk)
{
    if (!disk->vdev || !disk->device)
        return disk->vdev ? g_strdup_printf("/machine/peripheral-anon/%s", disk->vdev) : NULL;
    if (g_strcmp0(disk->model, "virtio-blk-pci") == 0)
        return g_strdup_printf(PERIPHERAL "%s/virtio-backend", disk->device);
    return g_strdup(disk->device);
}

static JsonNode *done(bool ok)
{
    return ok ? qmp_empty() : NULL;
}

/* QEMU's class for it. */
static JsonNode *no_device(const char *id, GError **error)
{
    g_set_error(error, QMP_ERROR, QMP_DEVICE_NOT_FOUND, "Device '%.100s' not found", id);
    return NULL;
}

static bool plug(struct qmp_call *call, struct keyval *kv, const char *driver, GError **error)
{
    struct disk_config *disk;
    struct nic_config *nic;

    if (disk_device_known(driver)) {
        disk = disk_device_parse("device_add", kv, error);
        return disk && vm_disks_plug(vm_disks(call->vm), disk, error);
    }
    if (opt_nic_device_known(driver)) {
        nic = opt_nic_device(kv, error);
        return nic && vm_nets_plug(vm_nets(call->vm), nic, error);
    }
    return opt_error(error, "Device '%.100s' can't be hot plugged: disks and network cards can",
                     driver);
}

JsonNode *qmp_device_add(struct qmp_call *call, JsonObject *args, GError **error)
{
    const char *id = json_object_get_string_member_with_default(args, "id", NULL);
    struct keyval kv = {0};

    if (vm_configuration(call->vm)->none) {
        g_set_error(error, QMP_ERROR, QMP_GENERIC_ERROR, "this machine has no guest");
        return NULL;
    }
    if (id && (vm_disks_has(vm_disks(call->vm), id) || vm_nets_has(vm_nets(call->vm), id))) {
        g_set_error(error, QMP_ERROR, QMP_GENERIC_ERROR, "Duplicate device ID '%.100s'", id);
        return NULL;
    }
    bool ok = keyval_from_object(args, &kv, error) &&
              plug(call, &kv, json_object_get_string_member(args, "driver"), error);
    keyval_clear(&kv);
    return done(ok);
}

JsonNode *qmp_device_del(struct qmp_call *call, JsonObject *args, GError **error)
{
    g_autofree char *id = qmp_device_id(json_object_get_string_member(args, "id"));

    if (vm_disks_has(vm_disks(call->vm), id))
        return done(vm_disks_unplug(vm_disks(call->vm), id, error));
    if (vm_nets_has(vm_nets(call->vm), id))
        return done(vm_nets_unplug(vm_nets(call->vm), id, error));
    return no_device(id, error);
}

/* fd=NAME of getfd becomes a number: the descriptor is the network's from now on. */
static bool take_fds(struct qmp_call *call, JsonObject *args, GError **error)
{
    static const char *const keys[] = {"fd", "fds"};

    for (unsigned i = 0; i < G_N_ELEMENTS(keys); i++) {
        const char *text = json_object_get_string_member_with_default(args, keys[i], NULL);
        g_autoptr(GString) numbers = g_string_new(NULL);
        if (!text)
            continue;
        g_auto(GStrv) names = g_strsplit(text, ":", -1);
        for (unsigned n = 0; names[n]; n++) {
            int fd = qmp_session_named_fd(call->session, names[n]);
            if (fd < 0 && !g_ascii_isdigit(names[n][0]))
                return opt_error(error, "File descriptor named '%.100s' has not been found",
                                 names[n]);
            if (fd < 0)
                g_string_append_printf(numbers, "%s%s", n ? ":" : "", names[n]);
            else
                g_string_append_printf(numbers, "%s%d", n ? ":" : "", fd);
        }
        json_object_set_string_member(args, keys[i], numbers->str);
    }
    return true;
}

static struct netdev_config *parse_netdev(JsonObject *args, GError **error)
{
    const char *id = json_object_get_string_member(args, "id");
    struct netdev_config *n = NULL;
    struct keyval kv = {0};

    if (keyval_from_object(args, &kv, error) && keyval_get(&kv, "id") &&
        (n = opt_new_netdev("netdev_add", id, &kv, error))) {
        n->id = g_strdup(id);
        if (!keyval_check_unused(&kv, error))
            g_clear_pointer(&n, netdev_config_free);
    }
    keyval_clear(&kv);
    return n;
}

JsonNode *qmp_netdev_add(struct qmp_call *call, JsonObject *args, GError **error)
{
    struct netdev_config *n;

    if (!take_fds(call, args, error) || !(n = parse_netdev(args, error)))
        return NULL;
    return done(vm_nets_add(vm_nets(call->vm), n, error));
}

JsonNode *qmp_netdev_del(struct qmp_call *call, JsonObject *args, GError **error)
{
    return done(vm_nets_remove(vm_nets(call->vm), json_object_get_string_member(args, "id"), error));
}

JsonNode *qmp_set_link(struct qmp_call *call, JsonObject *args, GError **error)
{
    g_autofree char *name = qmp_device_id(json_object_get_string_member(args, "name"));

    if (vm_nets_set_link(vm_nets(call->vm), name, json_object_get_boolean_member(args, "up"), NULL))
        return qmp_empty();
    return no_device(name, error);
}

/* A vif has no filter: everything gets through. */
JsonNode *qmp_query_rx_filter(struct qmp_call *call, JsonObject *args, GError **error)
{
    const char *name = json_object_get_string_member_with_default(args, "name", NULL);
    struct vm_nets *nets = vm_nets(call->vm);
    JsonArray *list = json_array_new();

    for (unsigned n = 0; n < vm_nets_count(nets); n++) {
        const struct nic_config *c = vm_nets_info(nets, n).config;
        if (name && g_strcmp0(name, c->id) != 0)
            continue;
        g_autofree char *mac = g_strdup_printf("%02x:%02x:%02x:%02x:%02x:%02x", c->mac[0], c->mac[1],
                                               c->mac[2], c->mac[3], c->mac[4], c->mac[5]);
        JsonNode *node = qmp_literal(
            "{\"promiscuous\":true,\"multicast\":\"all\",\"unicast\":\"all\",\"vlan\":\"all\","
            "\"broadcast-allowed\":true,\"multicast-overflow\":false,\"unicast-overflow\":false,"
            "\"vlan-table\":[],\"unicast-table\":[],\"multicast-table\":[]}");
        JsonObject *o = json_node_get_object(node);
        json_object_set_string_member(o, "name", c->id ? c->id : "");
        json_object_set_string_member(o, "main-mac", mac);
        json_array_add_element(list, node);
    }
    if (!name || json_array_get_length(list))
        return qmp_array(list);
    json_array_unref(list);
    return no_device(name, error);
}

void qmp_device_event(struct qmp_server *server, const struct vm_event *event)
{
    g_autofree char *path = g_strconcat(PERIPHERAL, event->id ? event->id : "", NULL);
    JsonObject *data = json_object_new();

    if (event->kind == VM_EVENT_DEVICE_DELETED) {
        if (event->id)
            json_object_set_string_member(data, "device", event->id);
        json_object_set_string_member(data, "path", path);
        qmp_server_event(server, "DEVICE_DELETED", data);
    } else {
        json_object_set_string_member(data, "device", "");
        json_object_set_string_member(data, "id", event->id);
        json_object_set_boolean_member(data, "tray-open", event->open);
        qmp_server_event(server, "DEVICE_TRAY_MOVED", data);
    }
}

void qmp_io_error_event(struct qmp_server *server, const struct vm_disk_error *e)
{
    static const char *const actions[] = {
        [IMAGE_REPORTED] = "report", [IMAGE_IGNORED] = "ignore", [IMAGE_STOPPED] = "stop"};
    JsonObject *data = json_object_new();

    json_object_set_string_member(data, "device", e->node ? "" : e->config->id);
    if (e->node)
        json_object_set_string_member(data, "node-name", e->config->id);
    json_object_set_string_member(data, "operation", e->read ? "read" : "write");
    json_object_set_string_member(data, "action", actions[e->action]);
    json_object_set_boolean_member(data, "nospace", e->code == ENOSPC);
    json_object_set_string_member(data, "reason", g_strerror(e->code));
    qmp_server_event(server, "BLOCK_IO_ERROR", data);
}
