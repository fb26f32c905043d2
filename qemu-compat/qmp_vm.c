/* The guest's life over QMP. */
#include "qemu-compat/qmp_handlers.h"

JsonNode *qmp_status(struct qmp_call *call, JsonObject *args, GError **error)
{
    enum run_state state = vm_run_state(call->vm);
    JsonObject *o = json_object_new();

    json_object_set_boolean_member(o, "running", state == RUN_RUNNING);
    json_object_set_boolean_member(o, "singlestep", FALSE);
    json_object_set_string_member(o, "status", run_state_name(state));
    return qmp_object(o);
}

static JsonNode *done(bool ok)
{
    return ok ? qmp_empty() : NULL;
}

JsonNode *qmp_cont(struct qmp_call *call, JsonObject *args, GError **error)
{
    return done(vm_start(call->vm, error));
}

JsonNode *qmp_stop(struct qmp_call *call, JsonObject *args, GError **error)
{
    return done(vm_stop(call->vm, error));
}

JsonNode *qmp_system_reset(struct qmp_call *call, JsonObject *args, GError **error)
{
    return done(vm_reset(call->vm, error));
}

/* As on a PC, a guest that is not there to hear it is no error. */
JsonNode *qmp_system_powerdown(struct qmp_call *call, JsonObject *args, GError **error)
{
    g_autoptr(GError) why = NULL;

    if (!vm_system_powerdown(call->vm, &why))
        g_warning("system_powerdown: %s", why->message);
    return qmp_empty();
}

JsonNode *qmp_inject_nmi(struct qmp_call *call, JsonObject *args, GError **error)
{
    return done(vm_nmi(call->vm, error));
}

JsonNode *qmp_quit(struct qmp_call *call, JsonObject *args, GError **error)
{
    JsonObject *data = json_object_new();

    json_object_set_boolean_member(data, "guest", FALSE);
    json_object_set_string_member(data, "reason", "host-qmp-quit");
    qmp_server_event(call->server, "SHUTDOWN", data);
    vm_quit(call->vm, EXIT_OK);
    return qmp_empty();
}

JsonNode *qmp_name(struct qmp_call *call, JsonObject *args, GError **error)
{
    const struct vm_config *cfg = vm_configuration(call->vm);
    JsonObject *o = json_object_new();

    if (cfg->name)
        json_object_set_string_member(o, "name", cfg->name);
    return qmp_object(o);
}

JsonNode *qmp_uuid(struct qmp_call *call, JsonObject *args, GError **error)
{
    const struct vm_config *cfg = vm_configuration(call->vm);
    JsonObject *o = json_object_new();

    json_object_set_string_member(o, "UUID", cfg->uuid ? cfg->uuid
                                                       : "00000000-0000-0000-0000-000000000000");
    return qmp_object(o);
}

JsonNode *qmp_balloon(struct qmp_call *call, JsonObject *args, GError **error)
{
    gint64 bytes = json_object_get_int_member(args, "value");

    if (bytes <= 0) {
        g_set_error(error, QMP_ERROR, QMP_GENERIC_ERROR, "Parameter 'value' expects a size");
        return NULL;
    }
    return done(vm_set_memory(call->vm, (uint64_t)bytes, error));
}

JsonNode *qmp_query_balloon(struct qmp_call *call, JsonObject *args, GError **error)
{
    JsonObject *o = json_object_new();

    json_object_set_int_member(o, "actual", (gint64)vm_memory(call->vm));
    return qmp_object(o);
}

JsonNode *qmp_memory_size(struct qmp_call *call, JsonObject *args, GError **error)
{
    const struct vm_config *cfg = vm_configuration(call->vm);
    JsonObject *o = json_object_new();

    json_object_set_int_member(o, "base-memory", (gint64)cfg->memory.bytes);
    json_object_set_int_member(o, "plugged-memory", 0);
    return qmp_object(o);
}

JsonNode *qmp_human_monitor(struct qmp_call *call, JsonObject *args, GError **error)
{
    struct qmp_call person = {call->vm, call->server, NULL};
    g_autofree char *text = hmp_run(&person, json_object_get_string_member(args, "command-line"));
    JsonNode *node = json_node_new(JSON_NODE_VALUE);

    json_node_set_string(node, text ? text : "");
    return node;
}
