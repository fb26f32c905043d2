#include "xenner/backend/qsd_create.h"
#include "xenner/util/ready_source.h"

#include <gio/gio.h>
#include <string.h>

#define JOB "create"

struct qsd_creation {
    struct qsd *q;
    qsd_created_fn done;
    void *opaque;
    bool ended;
    GSource *end; /* its answer has to be asked for outside of events */
};

void qsd_creation_cancel(struct qsd_creation *c)
{
    if (!c)
        return;
    qsd_set_events(c->q, NULL, NULL);
    ready_source_free(c->end);
    g_free(c);
}

/* What became of the job, of which nothing stays. NULL: all is well. */
static GError *dismiss(struct qsd *q)
{
    g_autoptr(JsonNode) jobs = NULL;
    GError *error = NULL;

    if (!qsd_do(q, "query-jobs", NULL, &jobs, &error))
        return error;
    JsonArray *list = json_node_get_array(jobs);
    JsonObject *job = json_array_get_length(list) ? json_array_get_object_element(list, 0) : NULL;
    JsonObject *args = json_object_new();
    if (job && json_object_has_member(job, "error"))
        error = g_error_new(G_IO_ERROR, G_IO_ERROR_FAILED, "%s",
                            json_object_get_string_member(job, "error"));
    json_object_set_string_member(args, "id", JOB);
    qsd_do(q, "job-dismiss", args, NULL, NULL);
    return error;
}

/* event is NULL when the process is gone. */
static void on_event(void *opaque, const char *event, JsonObject *data)
{
    struct qsd_creation *c = opaque;
    const char *status = data ? json_object_get_string_member_with_default(data, "status", "") : "";

    if (event && (strcmp(event, "JOB_STATUS_CHANGE") != 0 || strcmp(status, "concluded") != 0))
        return;
    c->ended = true;
    g_source_set_ready_time(c->end, 0);
}

static void on_end(void *opaque)
{
    struct qsd_creation *c = opaque;
    g_autoptr(GError) error = dismiss(c->q);
    qsd_created_fn done = c->done;
    void *of = c->opaque;

    qsd_creation_cancel(c);
    done(of, error);
}

static struct qsd_creation *begin(struct qsd *q, JsonObject *options, GError **error)
{
    struct qsd_creation *c = g_new0(struct qsd_creation, 1);
    JsonObject *args = json_object_new();

    c->q = q;
    c->end = ready_source_new(NULL, on_end, c);
    qsd_set_events(q, on_event, c);
    json_object_set_string_member(args, "job-id", JOB);
    json_object_set_object_member(args, "options", options);
    if (qsd_do(q, "blockdev-create", args, NULL, error))
        return c;
    qsd_creation_cancel(c);
    return NULL;
}

struct qsd_creation *qsd_create(struct qsd *q, JsonObject *options, qsd_created_fn done, void *opaque,
                                GError **error)
{
    struct qsd_creation *c = begin(q, options, error);

    if (c) {
        c->done = done;
        c->opaque = opaque;
    }
    return c;
}

bool qsd_create_now(struct qsd *q, JsonObject *options, GError **error)
{
    struct qsd_creation *c = begin(q, options, error);

    if (!c)
        return false;
    while (!c->ended && qsd_wait(q))
        ;
    qsd_creation_cancel(c);
    GError *why = dismiss(q);
    if (why)
        g_propagate_error(error, why);
    return !why;
}
