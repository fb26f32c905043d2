/* The session itself, character devices, and descriptors that came over a socket. */
#include "qemu-compat/fdset.h"
#include "qemu-compat/qmp_handlers.h"
#include "xenner/chardev/chardev.h"

#include <string.h>
#include <unistd.h>

JsonNode *qmp_capabilities(struct qmp_call *call, JsonObject *args, GError **error)
{
    JsonArray *enable = json_object_has_member(args, "enable")
                            ? json_object_get_array_member(args, "enable") : NULL;

    /* "oob" is the only one, the schema's check saw to that */
    qmp_session_negotiate(call->session, enable && json_array_get_length(enable) > 0);
    return qmp_empty();
}

/* QEMU's "filename" of what we call a label. */
static char *filename(const struct chardev *chr)
{
    const char *label = chardev_label(chr);

    if (!label)
        return g_strdup("null");
    if (g_str_has_prefix(label, "unix:") && !chardev_is_open(chr))
        return g_strconcat("disconnected:", label, NULL);
    return g_strdup(label);
}

JsonNode *qmp_query_chardev(struct qmp_call *call, JsonObject *args, GError **error)
{
    const struct vm_config *cfg = vm_configuration(call->vm);
    JsonArray *list = json_array_new();

    for (guint i = 0; i < cfg->chardevs->len; i++) {
        const struct chardev_config *c = g_ptr_array_index(cfg->chardevs, i);
        const struct chardev *chr = vm_chardev(call->vm, c->id);
        g_autofree char *name = filename(chr);
        JsonObject *o = json_object_new();
        json_object_set_string_member(o, "label", c->id);
        json_object_set_string_member(o, "filename", name);
        json_object_set_boolean_member(o, "frontend-open", TRUE);
        json_array_add_object_element(list, o);
    }
    return qmp_array(list);
}

static int take_fd(struct qmp_call *call, GError **error)
{
    int fd = qmp_session_take_fd(call->session);

    if (fd < 0)
        g_set_error(error, QMP_ERROR, QMP_GENERIC_ERROR, "No file descriptor supplied via SCM_RIGHTS");
    return fd;
}

JsonNode *qmp_getfd(struct qmp_call *call, JsonObject *args, GError **error)
{
    const char *name = json_object_get_string_member(args, "fdname");
    int fd = take_fd(call, error);

    if (fd < 0)
        return NULL;
    if (g_ascii_isdigit(name[0])) {
        g_set_error(error, QMP_ERROR, QMP_GENERIC_ERROR,
                    "Parameter 'fdname' expects a name not starting with a digit");
        close(fd);
        return NULL;
    }
    qmp_session_keep_fd(call->session, name, fd);
    return qmp_empty();
}

JsonNode *qmp_closefd(struct qmp_call *call, JsonObject *args, GError **error)
{
    const char *name = json_object_get_string_member(args, "fdname");

    if (qmp_session_close_fd(call->session, name))
        return qmp_empty();
    g_set_error(error, QMP_ERROR, QMP_GENERIC_ERROR, "File descriptor named '%.100s' not found", name);
    return NULL;
}

JsonNode *qmp_add_fd(struct qmp_call *call, JsonObject *args, GError **error)
{
    gint64 id = json_object_get_int_member_with_default(args, "fdset-id", -1);
    int fd = take_fd(call, error);

    if (fd < 0)
        return NULL;
    if (id < 0 && json_object_has_member(args, "fdset-id")) {
        g_set_error(error, QMP_ERROR, QMP_GENERIC_ERROR,
                    "Parameter 'fdset-id' expects a non-negative value");
        close(fd);
        return NULL;
    }
    JsonObject *o = json_object_new();
    id = fdsets_add(qmp_server_fdsets(call->server), id, fd,
                    json_object_get_string_member_with_default(args, "opaque", NULL));
    json_object_set_int_member(o, "fdset-id", id);
    json_object_set_int_member(o, "fd", fd);
    return qmp_object(o);
}

JsonNode *qmp_remove_fd(struct qmp_call *call, JsonObject *args, GError **error)
{
    gint64 id = json_object_get_int_member(args, "fdset-id");
    gint64 fd = json_object_get_int_member_with_default(args, "fd", -1);

    if (fdsets_remove(qmp_server_fdsets(call->server), id, fd))
        return qmp_empty();
    g_set_error(error, QMP_ERROR, QMP_GENERIC_ERROR,
                "File descriptor named 'fdset-id:%" G_GINT64_FORMAT "' not found", id);
    return NULL;
}

JsonNode *qmp_query_fdsets(struct qmp_call *call, JsonObject *args, GError **error)
{
    return qmp_array(fdsets_list(qmp_server_fdsets(call->server)));
}
