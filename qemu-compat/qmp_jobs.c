/* Jobs over QMP, and what is done to several disks at once. */
#include "qemu-compat/qmp_handlers.h"
#include "xenner/vm/vm_jobs.h"

void qmp_job_event(void *opaque, const char *id, const char *status)
{
    JsonObject *data = json_object_new();

    json_object_set_string_member(data, "id", id);
    json_object_set_string_member(data, "status", status);
    qmp_server_event(opaque, "JOB_STATUS_CHANGE", data);
}

JsonNode *qmp_blockdev_create(struct qmp_call *call, JsonObject *args, GError **error)
{
    return vm_jobs_create(qmp_server_jobs(call->server), json_object_get_string_member(args, "job-id"),
                          json_object_get_object_member(args, "options"),
                          vm_disks_nodes(vm_disks(call->vm)), error) ? qmp_empty() : NULL;
}

JsonNode *qmp_query_jobs(struct qmp_call *call, JsonObject *args, GError **error)
{
    struct vm_jobs *jobs = qmp_server_jobs(call->server);
    JsonArray *list = json_array_new();

    for (unsigned i = 0; i < vm_jobs_count(jobs); i++) {
        struct vm_job_info info = vm_jobs_info(jobs, i);
        JsonObject *o = json_object_new();
        json_object_set_string_member(o, "id", info.id);
        json_object_set_string_member(o, "type", "create");
        json_object_set_string_member(o, "status", info.status);
        json_object_set_int_member(o, "current-progress", g_str_equal(info.status, "concluded"));
        json_object_set_int_member(o, "total-progress", 1);
        if (info.error)
            json_object_set_string_member(o, "error", info.error);
        json_array_add_object_element(list, o);
    }
    return qmp_array(list);
}

JsonNode *qmp_job_dismiss(struct qmp_call *call, JsonObject *args, GError **error)
{
    return vm_jobs_dismiss(qmp_server_jobs(call->server), json_object_get_string_member(args, "id"), error)
               ? qmp_empty() : NULL;
}
