#include "xenner/vm/vm_jobs.h"
#include "xenner/backend/qsd_create.h"

#include <gio/gio.h>
#include <string.h>

#define FILE_NODE "new-file" /* in the daemon that makes the image */

struct vm_jobs {
    GPtrArray *list; /* struct job *, owned */
    void (*changed)(void *opaque, const char *id, const char *status);
    void *opaque;
};

struct job {
    struct vm_jobs *all;
    char *id;
    const char *status;
    char *error;
    struct qsd *q; /* NULL: it is over */
    struct qsd_creation *creation;
};

static void job_free(void *opaque)
{
    struct job *j = opaque;

    qsd_creation_cancel(j->creation);
    qsd_free(j->q);
    g_free(j->id);
    g_free(j->error);
    g_free(j);
}

struct vm_jobs *vm_jobs_new(void)
{
    struct vm_jobs *jobs = g_new0(struct vm_jobs, 1);

    jobs->list = g_ptr_array_new_with_free_func(job_free);
    return jobs;
}

void vm_jobs_free(struct vm_jobs *jobs)
{
    if (!jobs)
        return;
    g_ptr_array_unref(jobs->list);
    g_free(jobs);
}

void vm_jobs_set_handler(struct vm_jobs *jobs, void (*fn)(void *opaque, const char *id,
                                                          const char *status), void *opaque)
{
    jobs->changed = fn;
    jobs->opaque = opaque;
}

static void set_status(struct job *j, const char *status)
{
    j->status = status;
    if (j->all->changed)
        j->all->changed(j->all->opaque, j->id, status);
}

static struct job *find(const struct vm_jobs *jobs, const char *id)
{
    for (guint i = 0; i < jobs->list->len; i++) {
        struct job *j = g_ptr_array_index(jobs->list, i);
        if (strcmp(j->id, id) == 0)
            return j;
    }
    return NULL;
}

/* The states that QEMU's go through. */
static void on_created(void *opaque, const GError *error)
{
    struct job *j = opaque;

    j->creation = NULL;
    g_clear_pointer(&j->q, qsd_free);
    if (error) {
        j->error = g_strdup(error->message);
        set_status(j, "aborting");
    } else {
        set_status(j, "waiting");
        set_status(j, "pending");
    }
    set_status(j, "concluded");
}

/* A node of ours as one of the daemon's: what is to be made has no format yet, so it is a file. */
static bool add_file(struct qsd *q, const GPtrArray *nodes, const char *name, GError **error)
{
    const struct block_node *n = block_nodes_find(nodes, name);
    JsonObject *node;

    if (!n || !n->filename) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                    n ? "Node '%s' is not a file" : "Cannot find device='' nor node-name='%s'", name);
        return false;
    }
    node = json_object_new();
    json_object_set_string_member(node, "driver", n->driver);
    json_object_set_string_member(node, "node-name", FILE_NODE);
    json_object_set_string_member(node, "filename", n->filename);
    return qsd_do(q, "blockdev-add", node, NULL, error);
}

static JsonObject *copy(JsonObject *object)
{
    g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);

    json_node_set_object(node, object);
    g_autofree char *text = json_to_string(node, FALSE);
    g_autoptr(JsonNode) again = json_from_string(text, NULL);
    return json_object_ref(json_node_get_object(again));
}

static bool begin(struct job *j, JsonObject *asked, const GPtrArray *nodes, GError **error)
{
    const char *file = json_object_get_string_member_with_default(asked, "file", NULL);
    JsonObject *options;

    j->q = qsd_new(j->id, NULL, error);
    if (!j->q || (file && !add_file(j->q, nodes, file, error)))
        return false;
    options = copy(asked);
    if (file)
        json_object_set_string_member(options, "file", FILE_NODE);
    j->creation = qsd_create(j->q, options, on_created, j, error);
    return j->creation != NULL;
}

bool vm_jobs_create(struct vm_jobs *jobs, const char *id, JsonObject *options, const GPtrArray *nodes,
                    GError **error)
{
    struct job *j;

    if (find(jobs, id)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_EXISTS, "Job ID '%s' already in use", id);
        return false;
    }
    j = g_new0(struct job, 1);
    j->all = jobs;
    j->id = g_strdup(id);
    if (!begin(j, options, nodes, error)) {
        job_free(j);
        return false;
    }
    g_ptr_array_add(jobs->list, j);
    set_status(j, "created");
    set_status(j, "running");
    return true;
}

unsigned vm_jobs_count(const struct vm_jobs *jobs)
{
    return jobs->list->len;
}

struct vm_job_info vm_jobs_info(const struct vm_jobs *jobs, unsigned i)
{
    const struct job *j = g_ptr_array_index(jobs->list, i);

    return (struct vm_job_info){j->id, j->status, j->error};
}

bool vm_jobs_dismiss(struct vm_jobs *jobs, const char *id, GError **error)
{
    struct job *j = find(jobs, id);

    if (!j) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "Job not found");
        return false;
    }
    if (j->q) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED,
                    "Job '%s' in state '%s' cannot accept command verb 'dismiss'", id, j->status);
        return false;
    }
    set_status(j, "null");
    g_ptr_array_remove(jobs->list, j);
    return true;
}
