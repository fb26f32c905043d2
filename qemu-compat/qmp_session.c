#include "qemu-compat/qmp_session.h"

#include <gio/gio.h>
#include <string.h>
#include <unistd.h>

#define OUT_MAX (64u << 10) /* of unread answers, before commands wait */
#define OUT_LIMIT (16u << 20) /* of unread events: who never reads loses them */
#define LINE_MAX_BYTES 4096u

static const char prompt[] = "(qemu) ";

static void flush(struct qmp_session *s)
{
    if (!s->out->len)
        return;
    size_t n = chardev_write(s->chr, s->out->data, s->out->len);
    g_byte_array_remove_range(s->out, 0, (guint)MIN(n, s->out->len));
}

static void put(struct qmp_session *s, const char *text, size_t len)
{
    if (s->out->len + len > OUT_LIMIT)
        return;
    g_byte_array_append(s->out, (const guint8 *)text, (guint)len);
    flush(s);
}

static void put_text(struct qmp_session *s, const char *text)
{
    put(s, text, strlen(text));
}

void qmp_session_send(struct qmp_session *s, JsonNode *node)
{
    g_autofree char *text = json_to_string(node, s->pretty);
    g_autofree char *line = g_strconcat(text, "\r\n", NULL);

    put_text(s, line);
}

static void greet(struct qmp_session *s)
{
    g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);
    JsonObject *top = json_object_new(), *qmp = json_object_new();
    JsonArray *caps = json_array_new();

    json_array_add_string_element(caps, "oob");
    json_object_set_member(qmp, "version", qmp_version());
    json_object_set_array_member(qmp, "capabilities", caps);
    json_object_set_object_member(top, "QMP", qmp);
    json_node_take_object(node, top);
    qmp_session_send(s, node);
}

static const char *error_class(const GError *error)
{
    static const char *const names[] = {
        [QMP_GENERIC_ERROR] = "GenericError",        [QMP_COMMAND_NOT_FOUND] = "CommandNotFound",
        [QMP_DEVICE_NOT_ACTIVE] = "DeviceNotActive", [QMP_DEVICE_NOT_FOUND] = "DeviceNotFound",
        [QMP_KVM_MISSING_CAP] = "KVMMissingCap",
    };

    return names[error->domain == QMP_ERROR ? error->code : QMP_GENERIC_ERROR];
}

/* Takes result; exactly one of result and error is there. id may be NULL. */
static void answer(struct qmp_session *s, JsonNode *result, const GError *error, JsonNode *id)
{
    g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);
    JsonObject *top = json_object_new();

    if (result) {
        json_object_set_member(top, "return", result);
    } else {
        JsonObject *e = json_object_new();
        json_object_set_string_member(e, "class", error_class(error));
        json_object_set_string_member(e, "desc", error->message);
        json_object_set_object_member(top, "error", e);
    }
    if (id)
        json_object_set_member(top, "id", json_node_copy(id));
    json_node_take_object(node, top);
    qmp_session_send(s, node);
}

static const struct qmp_command *allowed_command(struct qmp_session *s, const char *name, bool oob,
                                                 GError **error)
{
    const struct qmp_command *c = qmp_find_command(name);

    if (oob && !s->oob)
        g_set_error(error, QMP_ERROR, QMP_GENERIC_ERROR, "QMP input member 'exec-oob' is unexpected");
    else if (!s->negotiated && (!c || !(c->flags & QMP_ANYTIME)))
        g_set_error(error, QMP_ERROR, QMP_COMMAND_NOT_FOUND,
                    "Expecting capabilities negotiation with 'qmp_capabilities'");
    else if (!c)
        g_set_error(error, QMP_ERROR, QMP_COMMAND_NOT_FOUND, "The command %.100s has not been found",
                    name);
    else if (s->negotiated && (c->flags & QMP_ANYTIME))
        g_set_error(error, QMP_ERROR, QMP_COMMAND_NOT_FOUND,
                    "Capabilities negotiation is already complete, command ignored");
    else if (oob && !(c->flags & QMP_OOB_OK))
        g_set_error(error, QMP_ERROR, QMP_GENERIC_ERROR, "The command %s does not support OOB", name);
    else
        return c;
    return NULL;
}

static bool known_members(JsonObject *msg, GError **error)
{
    static const char *const known[] = {"execute", "exec-oob", "arguments", "id", NULL};
    g_autoptr(GList) names = json_object_get_members(msg);

    for (GList *l = names; l; l = l->next) {
        if (!g_strv_contains(known, l->data)) {
            g_set_error(error, QMP_ERROR, QMP_GENERIC_ERROR,
                        "QMP input member '%.100s' is unexpected", (const char *)l->data);
            return false;
        }
    }
    return true;
}

static bool is_string(JsonNode *node)
{
    return JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING;
}

/* The command's name, from a message that has the right members and no others. */
static const char *command_name(JsonObject *msg, bool *ret_oob, GError **error)
{
    JsonNode *exec = json_object_get_member(msg, "execute");
    JsonNode *oob = json_object_get_member(msg, "exec-oob");
    JsonNode *args = json_object_get_member(msg, "arguments");
    const char *what = NULL;

    if (!known_members(msg, error))
        return NULL;
    if (!exec && !oob)
        what = "QMP input lacks member 'execute'";
    else if (exec && oob)
        what = "QMP input member 'exec-oob' clashes with 'execute'";
    else if (!is_string(exec ? exec : oob))
        what = exec ? "QMP input member 'execute' must be a string"
                    : "QMP input member 'exec-oob' must be a string";
    else if (args && !JSON_NODE_HOLDS_OBJECT(args))
        what = "QMP input member 'arguments' must be an object";
    if (what) {
        g_set_error_literal(error, QMP_ERROR, QMP_GENERIC_ERROR, what);
        return NULL;
    }
    *ret_oob = oob != NULL;
    return json_node_get_string(exec ? exec : oob);
}

static JsonNode *run(struct qmp_session *s, JsonObject *msg, GError **error)
{
    struct qmp_call call = {s->vm, s->server, s};
    bool oob;
    const char *name = command_name(msg, &oob, error);
    const struct qmp_command *c = name ? allowed_command(s, name, oob, error) : NULL;

    if (!c)
        return NULL;
    JsonObject *args = json_object_has_member(msg, "arguments")
                           ? json_object_ref(json_object_get_object_member(msg, "arguments"))
                           : json_object_new();
    JsonNode *result = NULL;
    if (qmp_schema_check(qmp_schema_command(name), args, error))
        result = c->run(&call, args, error);
    json_object_unref(args);
    return result;
}

static void drop_new_fds(struct qmp_session *s)
{
    for (int fd; (fd = chardev_take_fd(s->chr)) >= 0;)
        close(fd);
}

static void on_value(void *opaque, JsonNode *value, const GError *syntax)
{
    struct qmp_session *s = opaque;
    g_autoptr(JsonNode) msg = value;
    g_autoptr(GError) error = NULL;
    JsonNode *id = NULL, *result = NULL;

    if (syntax) {
        error = g_error_copy(syntax);
    } else if (!JSON_NODE_HOLDS_OBJECT(msg)) {
        error = g_error_new(QMP_ERROR, QMP_GENERIC_ERROR, "QMP input must be a JSON object");
    } else {
        id = json_object_get_member(json_node_get_object(msg), "id");
        result = run(s, json_node_get_object(msg), &error);
    }
    drop_new_fds(s); /* they belong to the command that they came with */
    answer(s, result, error, id);
}

static void run_line(struct qmp_session *s)
{
    struct qmp_call call = {s->vm, s->server, NULL};
    g_autofree char *text = hmp_run(&call, s->line->str);

    g_string_truncate(s->line, 0);
    if (text)
        put_text(s, text);
    put_text(s, prompt);
}

/* What a terminal without modes of its own needs: echo, backspace, the line's end. */
static void feed_line(struct qmp_session *s, uint8_t c)
{
    if (c == '\r' || c == '\n') {
        put_text(s, "\r\n");
        run_line(s);
    } else if (c == 0x7f || c == '\b') {
        if (s->line->len) {
            g_string_truncate(s->line, s->line->len - 1);
            put_text(s, "\b \b");
        }
    } else if (c == 0x15) { /* ^U */
        g_string_truncate(s->line, 0);
        put_text(s, "\r\n");
        put_text(s, prompt);
    } else if (c >= ' ' && s->line->len < LINE_MAX_BYTES) {
        g_string_append_c(s->line, (char)c);
        put(s, (const char *)&c, 1);
    }
}

static size_t on_input(void *opaque, const uint8_t *data, size_t len)
{
    struct qmp_session *s = opaque;

    if (s->out->len > OUT_MAX) /* until the peer reads */
        return 0;
    if (s->control) {
        json_stream_feed(&s->stream, data, len);
        return len;
    }
    for (size_t i = 0; i < len; i++)
        feed_line(s, data[i]);
    return len;
}

static void on_writable(void *opaque)
{
    struct qmp_session *s = opaque;

    flush(s);
    if (s->out->len <= OUT_MAX)
        chardev_accept_input(s->chr);
}

static void forget_peer(struct qmp_session *s)
{
    s->negotiated = s->oob = false;
    json_stream_reset(&s->stream);
    g_string_truncate(s->line, 0);
    g_byte_array_set_size(s->out, 0);
}

static void on_opened(void *opaque)
{
    struct qmp_session *s = opaque;

    forget_peer(s);
    if (s->control) {
        greet(s);
    } else {
        put_text(s, "xenner " XENNER_VERSION " monitor - type 'help' for more information\r\n");
        put_text(s, prompt);
    }
}

static void on_closed(void *opaque)
{
    forget_peer(opaque);
}

static const struct chardev_user user = {
    .input = on_input, .writable = on_writable, .opened = on_opened, .closed = on_closed,
    .no_backlog = true};

static void close_fd(gpointer data)
{
    close(GPOINTER_TO_INT(data));
}

struct qmp_session *qmp_session_new(struct qmp_server *server, struct vm *vm, struct chardev *chr,
                                    const struct monitor_config *cfg)
{
    struct qmp_session *s = g_new0(struct qmp_session, 1);

    s->server = server;
    s->vm = vm;
    s->chr = chr;
    s->control = cfg->control;
    s->pretty = cfg->pretty;
    s->line = g_string_new(NULL);
    s->out = g_byte_array_new();
    s->fds = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, close_fd);
    json_stream_init(&s->stream, on_value, s);
    chardev_set_user(chr, &user, s);
    if (chardev_is_open(chr))
        on_opened(s);
    return s;
}

void qmp_session_free(struct qmp_session *s)
{
    flush(s);
    chardev_set_user(s->chr, NULL, NULL);
    json_stream_clear(&s->stream);
    g_string_free(s->line, TRUE);
    g_byte_array_unref(s->out);
    g_hash_table_unref(s->fds);
    g_free(s);
}

int qmp_session_take_fd(struct qmp_session *session)
{
    return session ? chardev_take_fd(session->chr) : -1;
}

void qmp_session_keep_fd(struct qmp_session *session, const char *name, int fd)
{
    g_hash_table_replace(session->fds, g_strdup(name), GINT_TO_POINTER(fd));
}

int qmp_session_steal_fd(struct qmp_session *session, const char *name, GError **error)
{
    gpointer key, fd;

    if (session && g_hash_table_steal_extended(session->fds, name, &key, &fd)) {
        g_free(key);
        return GPOINTER_TO_INT(fd);
    }
    g_set_error(error, QMP_ERROR, QMP_GENERIC_ERROR, "File descriptor named '%.100s' has not been found",
                name);
    return -1;
}

bool qmp_session_close_fd(struct qmp_session *session, const char *name)
{
    return session && g_hash_table_remove(session->fds, name);
}

int qmp_session_named_fd(struct qmp_session *session, const char *name)
{
    gpointer key, fd;

    if (!session || !g_hash_table_steal_extended(session->fds, name, &key, &fd))
        return -1;
    g_free(key);
    return GPOINTER_TO_INT(fd);
}

void qmp_session_negotiate(struct qmp_session *session, bool oob)
{
    session->negotiated = true;
    session->oob = oob;
}
