#include "qemu-compat/fdset.h"
#include "qemu-compat/qmp_devices.h"
#include "qemu-compat/qmp_events.h"
#include "qemu-compat/qmp_handlers.h"
#include "qemu-compat/qmp_session.h"
#include "xenner/vm/vm_jobs.h"

#include <stdlib.h>
#include <string.h>

struct qmp_server {
    struct vm *vm;
    GPtrArray *sessions; /* struct qmp_session *, owned */
    struct fdsets *fdsets;
    GPtrArray *objects; /* struct object_config *, owned */
    struct vm_jobs *jobs;
    struct qmp_events *events;
};

G_DEFINE_QUARK(xenner-qmp-error, qmp_error)

static int compare(const void *key, const void *command)
{
    return strcmp(key, ((const struct qmp_command *)command)->name);
}

const struct qmp_command *qmp_find_command(const char *name)
{
    return bsearch(name, qmp_commands, qmp_n_commands, sizeof(*qmp_commands), compare);
}

JsonNode *qmp_object(JsonObject *object)
{
    JsonNode *node = json_node_new(JSON_NODE_OBJECT);

    json_node_take_object(node, object);
    return node;
}

JsonNode *qmp_array(JsonArray *array)
{
    JsonNode *node = json_node_new(JSON_NODE_ARRAY);

    json_node_take_array(node, array);
    return node;
}

JsonNode *qmp_empty(void)
{
    return qmp_object(json_object_new());
}

JsonNode *qmp_literal(const char *json)
{
    JsonNode *node = json_from_string(json, NULL);

    g_assert(node);
    return node;
}

/* QEMU's version is that of the interface: programs choose by it what they ask and how. */
JsonNode *qmp_version(void)
{
    JsonNode *node = qmp_empty();
    JsonObject *top = json_node_get_object(node), *qemu = json_object_new();

    json_object_set_int_member(qemu, "micro", 0);
    json_object_set_int_member(qemu, "minor", 2);
    json_object_set_int_member(qemu, "major", 7);
    json_object_set_object_member(top, "qemu", qemu);
    json_object_set_string_member(top, "package", "xenner-" XENNER_VERSION);
    return node;
}

static void send_event(void *opaque, JsonNode *message)
{
    struct qmp_server *server = opaque;

    for (guint i = 0; i < server->sessions->len; i++) {
        struct qmp_session *s = g_ptr_array_index(server->sessions, i);
        if (s->control && s->negotiated)
            qmp_session_send(s, message);
    }
}

void qmp_server_event(struct qmp_server *server, const char *name, JsonObject *data)
{
    qmp_events_tell(server->events, name, data);
}

struct vm_jobs *qmp_server_jobs(struct qmp_server *server)
{
    return server->jobs;
}

GPtrArray *qmp_server_objects(struct qmp_server *server)
{
    return server->objects;
}

struct fdsets *qmp_server_fdsets(struct qmp_server *server)
{
    return server->fdsets;
}

/* The names that QMP has for what happens to the machine. */
static void on_vm_event(void *opaque, const struct vm_event *event)
{
    static const char *const names[] = {
        [VM_EVENT_RESUME] = "RESUME",       [VM_EVENT_STOP] = "STOP",
        [VM_EVENT_RESET] = "RESET",         [VM_EVENT_SHUTDOWN] = "SHUTDOWN",
        [VM_EVENT_POWERDOWN] = "POWERDOWN", [VM_EVENT_PANICKED] = "GUEST_PANICKED",
    };
    struct qmp_server *server = opaque;
    JsonObject *data = NULL;
    const char *name;

    if (event->kind == VM_EVENT_DEVICE_DELETED || event->kind == VM_EVENT_TRAY) {
        qmp_device_event(server, event);
        return;
    }
    if (event->kind == VM_EVENT_IO_ERROR) {
        qmp_io_error_event(server, event->disk_error);
        return;
    }
    if (event->kind == VM_EVENT_BALLOON) {
        data = json_object_new();
        json_object_set_int_member(data, "actual", (gint64)vm_memory(server->vm));
        qmp_server_event(server, "BALLOON_CHANGE", data);
        return;
    }
    if (event->kind == VM_EVENT_VNC) {
        data = qmp_vnc_event(server->vm, event, &name);
        qmp_server_event(server, name, data);
        return;
    }
    if (event->kind >= G_N_ELEMENTS(names))
        return;
    if (event->kind == VM_EVENT_RESET || event->kind == VM_EVENT_SHUTDOWN) {
        data = json_object_new();
        json_object_set_boolean_member(data, "guest", event->by_guest);
        json_object_set_string_member(data, "reason", event->reason);
    } else if (event->kind == VM_EVENT_PANICKED) {
        data = json_object_new();
        json_object_set_string_member(
            data, "action",
            vm_configuration(server->vm)->on.panic == ACT_POWEROFF ? "poweroff" : "pause");
    }
    qmp_server_event(server, names[event->kind], data);
}

struct qmp_server *qmp_server_new(struct vm *vm)
{
    struct qmp_server *server = g_new0(struct qmp_server, 1);
    const struct vm_config *cfg = vm_configuration(vm);

    server->vm = vm;
    server->fdsets = fdsets_new(cfg->fdsets);
    server->jobs = vm_jobs_new();
    vm_jobs_set_handler(server->jobs, qmp_job_event, server);
    server->objects = g_ptr_array_new_with_free_func(object_config_free);
    for (guint i = 0; i < cfg->objects->len; i++)
        g_ptr_array_add(server->objects, object_config_copy(g_ptr_array_index(cfg->objects, i)));
    server->events = qmp_events_new(send_event, server);
    server->sessions = g_ptr_array_new_with_free_func((GDestroyNotify)qmp_session_free);
    for (guint i = 0; i < cfg->monitors->len; i++) {
        const struct monitor_config *m = g_ptr_array_index(cfg->monitors, i);
        struct chardev *chr = vm_chardev(vm, m->chardev);
        g_assert(chr); /* vm_config_validate() looked */
        g_ptr_array_add(server->sessions, qmp_session_new(server, vm, chr, m));
    }
    vm_add_listener(vm, on_vm_event, server);
    return server;
}

void qmp_server_free(struct qmp_server *server)
{
    if (!server)
        return;
    vm_remove_listener(server->vm, on_vm_event, server);
    vm_jobs_free(server->jobs);
    qmp_events_free(server->events);
    g_ptr_array_unref(server->sessions);
    fdsets_free(server->fdsets);
    g_ptr_array_unref(server->objects);
    g_free(server);
}
