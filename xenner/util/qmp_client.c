#include "xenner/util/qmp_client.h"
#include "xenner/util/fd_message.h"

#include <errno.h>
#include <gio/gio.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_MS   30000
#define MAX_MESSAGE (64u << 20)

struct qmp_client {
    int fd;
    char *name;
    GString *in;
    gint64 id;
    bool negotiated;
    void (*event)(void *opaque, const char *event, JsonObject *data);
    void *opaque;
};

struct qmp_client *qmp_client_new(int fd, const char *name)
{
    struct qmp_client *c = g_new0(struct qmp_client, 1);

    c->fd = fd;
    c->name = g_strdup(name);
    c->in = g_string_new(NULL);
    return c;
}

void qmp_client_free(struct qmp_client *c)
{
    if (!c)
        return;
    close(c->fd);
    g_string_free(c->in, TRUE);
    g_free(c->name);
    g_free(c);
}

int qmp_client_fd(const struct qmp_client *c)
{
    return c->fd;
}

void qmp_client_set_events(struct qmp_client *c, void (*fn)(void *opaque, const char *event,
                                                           JsonObject *data), void *opaque)
{
    c->event = fn;
    c->opaque = opaque;
}

/* A message that has come in whole, or NULL. What is no JSON object is not there. */
static JsonNode *next_message(struct qmp_client *c)
{
    char *end;

    while ((end = memchr(c->in->str, '\n', c->in->len))) {
        JsonNode *node;
        *end = '\0';
        node = json_from_string(c->in->str, NULL);
        g_string_erase(c->in, 0, end - c->in->str + 1);
        if (node && JSON_NODE_HOLDS_OBJECT(node))
            return node;
        if (node)
            json_node_unref(node);
    }
    return NULL;
}

/* More bytes: 1; 0: none within the time; -1: it is gone, or talks nonsense. */
static int receive(struct qmp_client *c, int timeout_ms)
{
    struct pollfd p = {c->fd, POLLIN, 0};
    char buf[16384];
    int ready;

    do
        ready = poll(&p, 1, timeout_ms);
    while (ready < 0 && errno == EINTR); /* a signal's handler has its turn in the main loop */
    if (ready <= 0)
        return ready;
    ssize_t n = recv(c->fd, buf, sizeof(buf), 0);
    if (n <= 0 || c->in->len + (size_t)n > MAX_MESSAGE)
        return -1;
    g_string_append_len(c->in, buf, n);
    return 1;
}

/* Whether it was one. */
static bool tell_event(struct qmp_client *c, JsonObject *message)
{
    const char *event = json_object_get_string_member_with_default(message, "event", NULL);
    JsonNode *data = json_object_get_member(message, "data");

    if (event && c->event)
        c->event(c->opaque, event,
                 data && JSON_NODE_HOLDS_OBJECT(data) ? json_node_get_object(data) : NULL);
    return event != NULL;
}

bool qmp_client_poll(struct qmp_client *c, int timeout_ms)
{
    /* what came together with an answer is here already, and nothing may follow it */
    int got = memchr(c->in->str, '\n', c->in->len) ? 1 : receive(c, timeout_ms);
    JsonNode *node;

    while ((node = next_message(c))) {
        tell_event(c, json_node_get_object(node));
        json_node_unref(node);
    }
    return got >= 0;
}

static char *command_text(struct qmp_client *c, const char *command, JsonObject *args)
{
    g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);
    JsonObject *object = json_object_new();

    json_object_set_string_member(object, "execute", command);
    if (args)
        json_object_set_object_member(object, "arguments", args);
    json_object_set_int_member(object, "id", ++c->id);
    json_node_take_object(node, object);
    g_autofree char *text = json_to_string(node, FALSE);
    return g_strconcat(text, "\n", NULL);
}

/* The descriptor goes with the first byte. */
static bool send_all(struct qmp_client *c, const char *text, int fd)
{
    size_t left = strlen(text);

    while (left) {
        ssize_t n = fd_message_send(c->fd, text, left, &fd, fd >= 0);
        if (n <= 0)
            return false;
        text += n;
        left -= (size_t)n;
        fd = -1;
    }
    return true;
}

/* The answer to the last command. The greeting and late answers to others are not for us. */
static JsonNode *wait_for_answer(struct qmp_client *c, GError **error)
{
    for (;;) {
        JsonNode *node = next_message(c);
        if (node) {
            JsonObject *o = json_node_get_object(node);
            if (!tell_event(c, o) && json_object_get_int_member_with_default(o, "id", 0) == c->id)
                return node;
            json_node_unref(node);
            continue;
        }
        int got = receive(c, ANSWER_MS);
        if (got > 0)
            continue;
        g_set_error(error, G_IO_ERROR, got ? G_IO_ERROR_CLOSED : G_IO_ERROR_TIMED_OUT,
                    got ? "%s has closed its monitor" : "%s does not answer", c->name);
        return NULL;
    }
}

static bool ask(struct qmp_client *c, const char *command, JsonObject *args, int fd, JsonNode **ret,
                GError **error)
{
    g_autofree char *text = command_text(c, command, args);

    if (!send_all(c, text, fd)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_CLOSED, "%s has closed its monitor", c->name);
        return false;
    }
    g_autoptr(JsonNode) node = wait_for_answer(c, error);
    if (!node)
        return false;
    JsonObject *o = json_node_get_object(node);
    JsonNode *why = json_object_get_member(o, "error"), *result = json_object_get_member(o, "return");
    if (!result) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s",
                    why && JSON_NODE_HOLDS_OBJECT(why)
                        ? json_object_get_string_member_with_default(json_node_get_object(why), "desc",
                                                                     "failed") : "failed");
        return false;
    }
    if (ret)
        *ret = json_node_copy(result);
    return true;
}

bool qmp_client_do(struct qmp_client *c, const char *command, JsonObject *args, int fd, JsonNode **ret,
                   GError **error)
{
    if (!c->negotiated && !ask(c, "qmp_capabilities", NULL, -1, NULL, error)) {
        if (args)
            json_object_unref(args);
        return false;
    }
    c->negotiated = true;
    return ask(c, command, args, fd, ret, error);
}

struct qmp_client *qmp_client_connect(const char *path, GError **error)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = -1;

    if (strlen(path) < sizeof(addr.sun_path)) {
        g_strlcpy(addr.sun_path, path, sizeof(addr.sun_path));
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    } else {
        errno = ENAMETOOLONG;
    }
    if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
        g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(errno), "%s: %s", path,
                    g_strerror(errno));
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    struct qmp_client *c = qmp_client_new(fd, "the guest");
    c->negotiated = ask(c, "qmp_capabilities", NULL, -1, NULL, error);
    if (c->negotiated)
        return c;
    qmp_client_free(c);
    return NULL;
}
