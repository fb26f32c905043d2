/* -chardev and -serial: where the consoles' bytes go. */
#include "qemu-compat/optlist.h"
#include "xenner/config/size.h"

#include <string.h>

struct chardev_config *opt_new_chardev(struct option_state *s, const char *option,
                                       const char *value, const char *id)
{
    struct chardev_config *c = g_new0(struct chardev_config, 1);

    c->origin.text = g_strdup_printf("%s %s", option, value);
    c->id = g_strdup(id);
    g_ptr_array_add(s->cfg->chardevs, c);
    return c;
}

void opt_add_console(struct option_state *s, const char *option, const char *value,
                     const char *chardev)
{
    struct console_config *c = g_new0(struct console_config, 1);

    c->origin.text = g_strdup_printf("%s %s", option, value);
    c->chardev = g_strdup(chardev);
    g_ptr_array_add(s->cfg->consoles, c);
}

static bool kind_from_name(const char *name, enum chardev_kind *ret, GError **error)
{
    static const struct {
        const char *name;
        enum chardev_kind kind;
    } kinds[] = {{"null", CHARDEV_NULL}, {"stdio", CHARDEV_STDIO}, {"pty", CHARDEV_PTY},
                 {"file", CHARDEV_FILE}, {"socket", CHARDEV_SOCKET}};

    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            *ret = kinds[i].kind;
            return true;
        }
    }
    return opt_error(error, "'%s' is not a chardev backend (-chardev help lists them)", name);
}

static bool socket_keys(struct keyval *kv, struct chardev_config *c, GError **error)
{
    const char *text;
    uint64_t seconds;

    if (keyval_get(kv, "host") || keyval_get(kv, "port"))
        return opt_error(error, "TCP sockets are not supported yet; use path=");
    c->wait = true;
    if (!keyval_get_switch(kv, "server", &c->server, error) ||
        !keyval_get_switch(kv, "wait", &c->wait, error))
        return false;
    if (!c->server)
        c->wait = false;
    if ((text = keyval_get(kv, "reconnect"))) {
        if (!number_parse(text, 86400, &seconds, error))
            return false;
        c->reconnect = (int)seconds;
    }
    if ((text = keyval_get(kv, "fd"))) {
        if (!number_parse(text, G_MAXINT, &seconds, error))
            return false;
        if (seconds < 3 || c->path)
            return opt_error(error, c->path ? "'path' and 'fd' exclude each other"
                                            : "fd=%s: not an inherited socket", text);
        c->fd = (int)seconds;
    }
    if (c->server && c->reconnect)
        return opt_error(error, "'reconnect' is for clients");
    return true;
}

static bool common_keys(struct option_state *s, struct keyval *kv, struct chardev_config *c,
                        GError **error)
{
    const char *path = keyval_get(kv, "path"), *log = keyval_get(kv, "logfile");

    c->path = opt_path(s, path, error);
    c->log = c->path || !path ? opt_path(s, log, error) : NULL;
    c->signal = true;
    return (c->path || !path) && (c->log || !log) &&
           keyval_get_switch(kv, "logappend", &c->log_append, error) &&
           keyval_get_switch(kv, "append", &c->append, error) &&
           keyval_get_switch(kv, "mux", &c->mux, error) &&
           keyval_get_switch(kv, "signal", &c->signal, error) &&
           (c->kind != CHARDEV_SOCKET || socket_keys(kv, c, error)) &&
           keyval_check_unused(kv, error);
}

bool opt_chardev(struct option_state *s, const char *value, GError **error)
{
    struct keyval kv = {0};
    enum chardev_kind kind = CHARDEV_NULL;

    if (strcmp(value, "help") == 0) {
        s->req->help = s->req->help ? s->req->help : HELP_CHARDEV;
        return true;
    }
    bool ok = keyval_parse(value, "backend", &kv, error);
    if (ok) {
        const char *backend = keyval_get(&kv, "backend"), *id = keyval_get(&kv, "id");
        ok = kind_from_name(backend ? backend : "", &kind, error);
        if (ok && (!id || !*id))
            ok = opt_error(error, "'id' is missing");
        if (ok) {
            struct chardev_config *c = opt_new_chardev(s, "-chardev", value, id);
            c->kind = kind;
            ok = common_keys(s, &kv, c, error);
        }
    }
    keyval_clear(&kv);
    return ok;
}

/* The short forms of -serial. "none" and "null" differ: the first makes no console at all. */
bool opt_chardev_short(struct option_state *s, const char *value, struct chardev_config *c,
                       GError **error)
{
    c->signal = !s->nographic;
    if (g_str_has_prefix(value, "mon:")) {
        c->mux = true;
        c->signal = false;
        value += 4;
    }
    if (strcmp(value, "stdio") == 0) {
        c->kind = CHARDEV_STDIO;
    } else if (strcmp(value, "null") == 0) {
        c->kind = CHARDEV_NULL;
    } else if (strcmp(value, "pty") == 0) {
        c->kind = CHARDEV_PTY;
    } else if (g_str_has_prefix(value, "file:")) {
        c->kind = CHARDEV_FILE;
        c->path = g_strdup(value + 5);
    } else if (g_str_has_prefix(value, "unix:")) {
        struct keyval kv = {0};
        c->kind = CHARDEV_SOCKET;
        bool ok = keyval_parse(value + 5, "path", &kv, error);
        if (ok) {
            c->path = g_strdup(keyval_get(&kv, "path"));
            ok = socket_keys(&kv, c, error) && keyval_check_unused(&kv, error);
        }
        keyval_clear(&kv);
        return ok;
    } else {
        return opt_error(error, "could not connect to character backend '%s'", value);
    }
    return true;
}

bool opt_serial(struct option_state *s, const char *value, GError **error)
{
    s->explicit_serial = true;
    if (strcmp(value, "none") == 0)
        return true;
    if (g_str_has_prefix(value, "chardev:")) {
        opt_add_console(s, "-serial", value, value + 8);
        return true;
    }
    g_autofree char *id = g_strdup_printf("serial%u", s->cfg->consoles->len);
    struct chardev_config *c = opt_new_chardev(s, "-serial", value, id);
    opt_add_console(s, "-serial", value, id);
    return opt_chardev_short(s, value, c, error);
}

bool opt_chardev_default(const struct option_state *s)
{
    return !s->explicit_serial && !s->nodefaults && !s->cfg->none && !s->cfg->consoles->len;
}

/* Without any console it is on this terminal; -nographic adds QEMU's escape keys. */
bool opt_echr(struct option_state *s, const char *value, GError **error)
{
    bool hex = g_str_has_prefix(value, "0x");
    guint64 n;

    if (!g_ascii_string_to_unsigned(hex ? value + 2 : value, hex ? 16 : 10, 1, 127, &n, NULL))
        return opt_error(error, "not the number of a character: 1 (Ctrl-a) to 127");
    s->cfg->escape_key = (uint8_t)n;
    return true;
}

bool opt_chardev_finish(struct option_state *s, GError **error)
{
    if (opt_chardev_default(s) && !s->req->daemonize &&
        !opt_serial(s, s->nographic ? "mon:stdio" : "stdio", error))
        return false;
    for (guint i = 0; i < s->cfg->chardevs->len; i++)
        ((struct chardev_config *)g_ptr_array_index(s->cfg->chardevs, i))->escape_key = s->cfg->escape_key;
    return true;
}
