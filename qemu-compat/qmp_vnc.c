/* VNC's servers, their passwords, and who is connected. */
#include "qemu-compat/qmp_handlers.h"
#include "xenner/vm/vm_display.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static void *fail(GError **error, const char *text)
{
    g_set_error_literal(error, QMP_ERROR, QMP_GENERIC_ERROR, text);
    return NULL;
}

/* VncBasicInfo, which all the others begin with. */
static JsonObject *basic_info(const struct vnc_address *a)
{
    JsonObject *o = json_object_new();

    json_object_set_string_member(o, "host", a->host);
    json_object_set_string_member(o, "service", a->service);
    json_object_set_string_member(o, "family", a->family);
    json_object_set_boolean_member(o, "websocket", FALSE);
    return o;
}

static const char *auth(const struct vnc_config *c)
{
    return c->password ? "vnc" : "none";
}

static JsonArray *clients(struct vm *vm, unsigned i)
{
    JsonArray *list = json_array_new();

    for (unsigned n = 0; n < vm_vnc_clients(vm, i); n++)
        json_array_add_object_element(list, basic_info(vm_vnc_client(vm, i, n)));
    return list;
}

JsonNode *qmp_query_vnc(struct qmp_call *call, JsonObject *args, GError **error)
{
    const struct vnc_config *c = vm_vnc_config(call->vm, 0);
    JsonObject *o = json_object_new();
    struct vnc_address a;

    json_object_set_boolean_member(o, "enabled", c != NULL);
    if (!c)
        return qmp_object(o);
    json_object_set_string_member(o, "auth", auth(c));
    json_object_set_array_member(o, "clients", clients(call->vm, 0));
    if (vm_vnc_address(call->vm, 0, &a)) {
        json_object_set_string_member(o, "host", a.host);
        json_object_set_string_member(o, "service", a.service);
        json_object_set_string_member(o, "family", a.family);
        vnc_address_clear(&a);
    }
    return qmp_object(o);
}

static JsonObject *server_info(struct vm *vm, unsigned i, const struct vnc_config *c)
{
    JsonObject *o = json_object_new();
    JsonArray *servers = json_array_new();
    struct vnc_address a;

    json_object_set_string_member(o, "id", c->id);
    if (vm_vnc_address(vm, i, &a)) {
        JsonObject *server = basic_info(&a);
        json_object_set_string_member(server, "auth", auth(c));
        json_array_add_object_element(servers, server);
        vnc_address_clear(&a);
    }
    json_object_set_array_member(o, "server", servers);
    json_object_set_array_member(o, "clients", clients(vm, i));
    json_object_set_string_member(o, "auth", auth(c));
    return o;
}

JsonNode *qmp_query_vnc_servers(struct qmp_call *call, JsonObject *args, GError **error)
{
    JsonArray *list = json_array_new();
    const struct vnc_config *c;

    for (unsigned i = 0; (c = vm_vnc_config(call->vm, i)); i++)
        json_array_add_object_element(list, server_info(call->vm, i, c));
    return qmp_array(list);
}

/* QEMU's rule: an empty password closes the door. */
static JsonNode *set_secret(struct qmp_call *call, const char *id, const char *secret, GError **error)
{
    return vm_vnc_set_password(call->vm, id, *secret ? secret : NULL, error) ? qmp_empty() : NULL;
}

static bool is_vnc(JsonObject *args, GError **error)
{
    return strcmp(json_object_get_string_member(args, "protocol"), "vnc") == 0 ||
           fail(error, "spice is not supported");
}

JsonNode *qmp_set_password(struct qmp_call *call, JsonObject *args, GError **error)
{
    const char *connected = json_object_get_string_member_with_default(args, "connected", "keep");

    if (!is_vnc(args, error))
        return NULL;
    if (strcmp(connected, "keep") != 0)
        return fail(error, "parameter 'connected' must be 'keep' when 'protocol' is 'vnc'");
    return set_secret(call, json_object_get_string_member_with_default(args, "display", NULL),
                      json_object_get_string_member(args, "password"), error);
}

JsonNode *qmp_change_vnc_password(struct qmp_call *call, JsonObject *args, GError **error)
{
    return set_secret(call, NULL, json_object_get_string_member(args, "password"), error);
}

static bool parse_time(const char *text, int64_t *ret)
{
    const char *digits = text[0] == '+' ? text + 1 : text;
    char *end;

    if (strcmp(text, "now") == 0 || strcmp(text, "never") == 0) {
        *ret = text[2] == 'w' ? 0 : -1;
        return true;
    }
    guint64 n = g_ascii_strtoull(digits, &end, 10);
    *ret = (int64_t)MIN(n, G_MAXINT32 * (guint64)1000);
    if (text[0] == '+')
        *ret += g_get_real_time() / G_USEC_PER_SEC;
    return g_ascii_isdigit(digits[0]) && !*end;
}

JsonNode *qmp_expire_password(struct qmp_call *call, JsonObject *args, GError **error)
{
    int64_t when;

    if (!is_vnc(args, error))
        return NULL;
    if (!parse_time(json_object_get_string_member(args, "time"), &when))
        return fail(error, "Parameter 'time' expects 'now', 'never', seconds or '+' and seconds");
    return vm_vnc_expire(call->vm, json_object_get_string_member_with_default(args, "display", NULL),
                         when, error) ? qmp_empty() : NULL;
}

JsonNode *qmp_add_client(struct qmp_call *call, JsonObject *args, GError **error)
{
    const char *protocol = json_object_get_string_member(args, "protocol");
    bool skip_auth = json_object_get_boolean_member_with_default(args, "skipauth", FALSE);
    int fd = qmp_session_steal_fd(call->session, json_object_get_string_member(args, "fdname"), error);
    struct stat st;
    bool ok = false;

    if (fd < 0)
        return NULL;
    if (fstat(fd, &st) < 0 || !S_ISSOCK(st.st_mode))
        fail(error, "parameter @fdname must name a socket");
    else if (strcmp(protocol, "vnc") != 0)
        g_set_error(error, QMP_ERROR, QMP_GENERIC_ERROR, "protocol '%.100s' is invalid", protocol);
    else if (json_object_get_boolean_member_with_default(args, "tls", FALSE))
        fail(error, "TLS is not supported");
    else
        ok = vm_vnc_add_client(call->vm, fd, skip_auth, error);
    if (!ok)
        close(fd);
    return ok ? qmp_empty() : NULL;
}

JsonNode *qmp_display_reload(struct qmp_call *call, JsonObject *args, GError **error)
{
    if (json_object_get_boolean_member_with_default(args, "tls-certs", FALSE))
        return fail(error, "vnc is not using TLS");
    return qmp_empty();
}

JsonObject *qmp_vnc_event(struct vm *vm, const struct vm_event *event, const char **name)
{
    static const char *const names[] = {"VNC_CONNECTED", "VNC_INITIALIZED", "VNC_DISCONNECTED"};
    const struct vnc_config *c = vm_vnc_config(vm, event->vnc.i);
    JsonObject *o = json_object_new();
    struct vnc_address a;

    *name = names[event->vnc.what];
    if (!vm_vnc_address(vm, event->vnc.i, &a))
        a = (struct vnc_address){"unknown", g_strdup(""), g_strdup("")};
    JsonObject *server = basic_info(&a);
    vnc_address_clear(&a);
    json_object_set_string_member(server, "auth", auth(c));
    json_object_set_object_member(o, "server", server);
    json_object_set_object_member(o, "client", basic_info(event->vnc.client));
    return o;
}
