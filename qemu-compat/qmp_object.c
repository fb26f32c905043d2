/* Objects over QMP: those of -object, and others that come and go. */
#include "qemu-compat/limits.h"
#include "qemu-compat/opt_object.h"
#include "qemu-compat/qmp_handlers.h"
#include "xenner/vm/vm_disks.h"

#include <string.h>
#include <unistd.h>

/* Takes o. */
static JsonNode *duplicate(struct object_config *o, GError **error)
{
    g_set_error(error, QMP_ERROR, QMP_GENERIC_ERROR,
                "attempt to add duplicate property '%.100s' to object (type 'container')", o->id);
    object_config_free(o);
    return NULL;
}

JsonNode *qmp_object_add(struct qmp_call *call, JsonObject *args, GError **error)
{
    GPtrArray *objects = qmp_server_objects(call->server);
    struct object_config *o = NULL;
    struct keyval kv = {0};

    if (keyval_from_object(args, &kv, error))
        o = object_parse(&kv, error);
    keyval_clear(&kv);
    if (!o)
        return NULL;
    if (object_configs_find(objects, o->id))
        return duplicate(o, error);
    if (strcmp(o->type, "throttle-group") == 0 &&
        !vm_disks_add_group(vm_disks(call->vm), o->id, &o->limits, error)) {
        object_config_free(o);
        return NULL;
    }
    g_ptr_array_add(objects, o);
    return qmp_empty();
}

JsonNode *qmp_object_del(struct qmp_call *call, JsonObject *args, GError **error)
{
    const char *id = json_object_get_string_member(args, "id");
    GPtrArray *objects = qmp_server_objects(call->server);
    struct object_config *o = object_configs_find(objects, id);

    if (!o)
        g_set_error(error, QMP_ERROR, QMP_GENERIC_ERROR, "object '%.100s' not found", id);
    else if (g_str_has_prefix(o->type, "memory-backend-"))
        g_set_error(error, QMP_ERROR, QMP_GENERIC_ERROR, "object '%.100s' is in use, can not be deleted",
                    id);
    else if (strcmp(o->type, "throttle-group") != 0 || vm_disks_del_group(vm_disks(call->vm), id, error)) {
        g_ptr_array_remove(objects, o);
        return qmp_empty();
    }
    return NULL;
}

const char *qmp_object_type(struct qmp_call *call, const char *id)
{
    const struct object_config *o = object_configs_find(qmp_server_objects(call->server), id);

    return o ? o->type : NULL;
}

void qmp_object_list(struct qmp_call *call, void (*fn)(JsonArray *list, const char *id, const char *type),
                     JsonArray *list)
{
    GPtrArray *objects = qmp_server_objects(call->server);

    for (guint i = 0; i < objects->len; i++) {
        const struct object_config *o = g_ptr_array_index(objects, i);
        fn(list, o->id, o->type);
    }
}

JsonNode *qmp_group_limits(struct qmp_call *call, const char *id)
{
    return qmp_object(limits_object(vm_disks_group_limits(vm_disks(call->vm), id)));
}

JsonNode *qmp_group_set_limits(struct qmp_call *call, const char *id, JsonNode *value, GError **error)
{
    struct disk_limits limits = {0}; /* what is not told is no limit */
    g_autoptr(JsonObject) all = json_object_new();
    struct keyval kv = {0};

    json_object_set_member(all, "limits", json_node_copy(value));
    bool ok = keyval_from_object(all, &kv, error) && limits_of_group(&kv, &limits, error) &&
              keyval_check_unused(&kv, error) &&
              vm_disks_set_group_limits(vm_disks(call->vm), id, &limits, error);
    keyval_clear(&kv);
    return ok ? qmp_empty() : NULL;
}

/* All disks move in one thread; each of these is a name of it. */
JsonNode *qmp_query_iothreads(struct qmp_call *call, JsonObject *args, GError **error)
{
    static const char *const none[] = {"poll-max-ns", "poll-grow", "poll-shrink", "aio-max-batch"};
    GPtrArray *objects = qmp_server_objects(call->server);
    JsonArray *list = json_array_new();

    for (guint i = 0; i < objects->len; i++) {
        const struct object_config *c = g_ptr_array_index(objects, i);
        if (strcmp(c->type, "iothread") != 0)
            continue;
        JsonObject *o = json_object_new();
        int tid = vm_disks_tid(vm_disks(call->vm));
        json_object_set_string_member(o, "id", c->id);
        json_object_set_int_member(o, "thread-id", tid ? tid : getpid());
        for (unsigned n = 0; n < G_N_ELEMENTS(none); n++)
            json_object_set_int_member(o, none[n], 0);
        json_array_add_object_element(list, o);
    }
    return qmp_array(list);
}
