#include "xenguest/manager/qmp_client.h"

#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>

#define TIMEOUT 30 /* seconds for an answer */

struct qmp_client {
    GSocketConnection *connection;
    GDataInputStream *in;
};

void qmp_client_close(struct qmp_client *c)
{
    if (!c)
        return;
    g_clear_object(&c->in);
    g_clear_object(&c->connection);
    g_free(c);
}

/* The next message; events are not for us. */
static JsonNode *read_message(struct qmp_client *c, GError **error)
{
    for (;;) {
        g_autofree char *line = g_data_input_stream_read_line(c->in, NULL, NULL, error);
        if (!line) {
            if (error && !*error)
                g_set_error(error, G_IO_ERROR, G_IO_ERROR_CLOSED, "the guest's monitor has closed");
            return NULL;
        }
        JsonNode *node = json_from_string(line, NULL);
        if (node && JSON_NODE_HOLDS_OBJECT(node) &&
            !json_object_has_member(json_node_get_object(node), "event"))
            return node;
        if (node)
            json_node_unref(node);
    }
}

static char *message(const char *command, JsonObject *args)
{
    g_autoptr(JsonObject) object = json_object_new();
    g_autoptr(JsonNode) node = json_node_alloc();

    json_object_set_string_member(object, "execute", command);
    if (args)
        json_object_set_object_member(object, "arguments", args);
    json_node_init_object(node, object);
    g_autofree char *text = json_to_string(node, FALSE);
    return g_strconcat(text, "\n", NULL);
}

static bool answer(JsonNode *node, const char *command, JsonNode **ret, GError **error)
{
    JsonObject *object = json_node_get_object(node);
    JsonNode *why = json_object_get_member(object, "error");

    if (why && JSON_NODE_HOLDS_OBJECT(why)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s: %s", command,
                    json_object_get_string_member_with_default(json_node_get_object(why), "desc",
                                                               "failed"));
        return false;
    }
    if (ret && json_object_has_member(object, "return"))
        *ret = json_node_copy(json_object_get_member(object, "return"));
    return true;
}

bool qmp_client_do(struct qmp_client *c, const char *command, JsonObject *args, JsonNode **ret,
                   GError **error)
{
    g_autofree char *text = message(command, args);
    GOutputStream *out = g_io_stream_get_output_stream(G_IO_STREAM(c->connection));

    if (!g_output_stream_write_all(out, text, strlen(text), NULL, NULL, error))
        return false;
    g_autoptr(JsonNode) node = read_message(c, error);
    return node && answer(node, command, ret, error);
}

struct qmp_client *qmp_client_open(const char *path, GError **error)
{
    g_autoptr(GSocketClient) client = g_socket_client_new();
    g_autoptr(GSocketAddress) address = g_unix_socket_address_new(path);
    AUTO(qmp_client) c = g_new0(struct qmp_client, 1);

    g_socket_client_set_timeout(client, TIMEOUT);
    c->connection = g_socket_client_connect(client, G_SOCKET_CONNECTABLE(address), NULL, error);
    if (!c->connection)
        return NULL;
    c->in = g_data_input_stream_new(g_io_stream_get_input_stream(G_IO_STREAM(c->connection)));
    g_autoptr(JsonNode) greeting = read_message(c, error);
    if (!greeting || !qmp_client_do(c, "qmp_capabilities", NULL, NULL, error))
        return NULL;
    return g_steal_pointer(&c);
}
