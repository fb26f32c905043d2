/* What is empty here, harmless, or not supported yet and says so. */
#include "qemu-compat/qmp_handlers.h"

JsonNode *qmp_empty_list(struct qmp_call *call, JsonObject *args, GError **error)
{
    return qmp_array(json_array_new());
}

JsonNode *qmp_accept(struct qmp_call *call, JsonObject *args, GError **error)
{
    return qmp_empty();
}

JsonNode *qmp_query_dirty_rate(struct qmp_call *call, JsonObject *args, GError **error)
{
    return qmp_literal("{\"status\":\"unstarted\",\"start-time\":0,\"calc-time\":0,"
                       "\"sample-pages\":0,\"mode\":\"page-sampling\"}");
}

JsonNode *qmp_migration_capabilities(struct qmp_call *call, JsonObject *args, GError **error)
{
    return qmp_literal("[{\"capability\":\"events\",\"state\":false}]");
}

JsonNode *qmp_no_migration(struct qmp_call *call, JsonObject *args, GError **error)
{
    g_set_error(error, QMP_ERROR, QMP_GENERIC_ERROR, "Migration is not supported yet");
    return NULL;
}

JsonNode *qmp_current_machine(struct qmp_call *call, JsonObject *args, GError **error)
{
    return qmp_literal("{\"wakeup-suspend-support\":false}");
}

JsonNode *qmp_no_wakeup(struct qmp_call *call, JsonObject *args, GError **error)
{
    g_set_error(error, QMP_ERROR, QMP_GENERIC_ERROR,
                "wake-up from suspend is not supported by this guest");
    return NULL;
}
