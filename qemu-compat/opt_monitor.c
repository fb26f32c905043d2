/* -mon, -qmp, -monitor: who commands the machine; -object, -sandbox...: what libvirt adds by itself. */
#include "qemu-compat/optlist.h"
#include "xenner/config/size.h"

#include <string.h>

static struct monitor_config *add_monitor(struct option_state *s, const char *option,
                                          const char *value, const char *chardev)
{
    struct monitor_config *m = g_new0(struct monitor_config, 1);

    m->origin.text = g_strdup_printf("%s %s", option, value);
    m->chardev = g_strdup(chardev);
    g_ptr_array_add(s->cfg->monitors, m);
    return m;
}

static bool mon_keys(struct option_state *s, const char *value, struct keyval *kv, GError **error)
{
    const char *chardev = keyval_get(kv, "chardev"), *mode = keyval_get(kv, "mode");

    keyval_get(kv, "id"); /* nothing refers to it */
    if (!chardev || !*chardev)
        return opt_error(error, "'chardev' is missing");
    if (mode && strcmp(mode, "readline") != 0 && strcmp(mode, "control") != 0)
        return opt_error(error, "mode=%s: 'readline' or 'control'", mode);
    struct monitor_config *m = add_monitor(s, "-mon", value, chardev);
    m->control = g_strcmp0(mode, "control") == 0;
    return keyval_get_switch(kv, "pretty", &m->pretty, error) && keyval_check_unused(kv, error);
}

bool opt_mon(struct option_state *s, const char *value, GError **error)
{
    struct keyval kv = {0};
    bool ok = keyval_parse(value, "chardev", &kv, error) && mon_keys(s, value, &kv, error);

    keyval_clear(&kv);
    return ok;
}

/* A chardev of its own, in the short form, or the one that is named. */
static struct monitor_config *short_monitor(struct option_state *s, const char *option,
                                            const char *value, GError **error)
{
    if (g_str_has_prefix(value, "chardev:"))
        return add_monitor(s, option, value, value + 8);
    g_autofree char *id = g_strdup_printf("compat_monitor%u", s->cfg->monitors->len);
    struct chardev_config *c = opt_new_chardev(s, option, value, id);
    if (!opt_chardev_short(s, value, c, error))
        return NULL;
    return add_monitor(s, option, value, id);
}

bool opt_qmp(struct option_state *s, const char *value, GError **error)
{
    struct monitor_config *m = short_monitor(s, "-qmp", value, error);

    if (m)
        m->control = true;
    return m != NULL;
}

bool opt_qmp_pretty(struct option_state *s, const char *value, GError **error)
{
    struct monitor_config *m = short_monitor(s, "-qmp-pretty", value, error);

    if (m)
        m->control = m->pretty = true;
    return m != NULL;
}

bool opt_monitor(struct option_state *s, const char *value, GError **error)
{
    return strcmp(value, "none") == 0 || short_monitor(s, "-monitor", value, error);
}

/* The guest's memory is one memfd, whatever the backend is called; its size must be the guest's. */
static bool object_memory(struct option_state *s, struct keyval *kv, GError **error)
{
    static const char *const ignored[] = {"share", "dump", "merge", "prealloc", "prealloc-threads",
                                          "x-use-canonical-path-for-ramblock-id", "reserve"};
    const char *size = keyval_get(kv, "size");
    uint64_t bytes;

    for (unsigned i = 0; i < G_N_ELEMENTS(ignored); i++)
        keyval_get(kv, ignored[i]);
    if (!size)
        return opt_error(error, "'size' is missing");
    return size_parse(size, 1, &bytes, error);
}

/* Secrets are for encrypted disks and migration, which are not there: libvirt always makes one. */
static bool object_secret(struct option_state *s, struct keyval *kv, GError **error)
{
    static const char *const keys[] = {"data", "file", "format", "keyid", "iv"};
    bool any = false;

    for (unsigned i = 0; i < G_N_ELEMENTS(keys); i++)
        any |= keyval_get(kv, keys[i]) && i < 2;
    return any || opt_error(error, "'data' or 'file' is missing");
}

/* Without effect: their users (block throttling, TLS, random numbers) are not there. */
static bool object_unused(struct option_state *s, struct keyval *kv, GError **error)
{
    for (guint i = 0; i < kv->keys->len; i++)
        keyval_get(kv, g_ptr_array_index(kv->keys, i));
    return true;
}

static const struct {
    const char *type;
    bool (*add)(struct option_state *s, struct keyval *kv, GError **error);
} objects[] = {
    {"iothread", object_unused},           {"memory-backend-file", NULL},
    {"memory-backend-memfd", object_memory}, {"memory-backend-ram", object_memory},
    {"rng-builtin", object_unused},        {"rng-random", object_unused},
    {"secret", object_secret},
};

static bool object_keys(struct option_state *s, struct keyval *kv, GError **error)
{
    const char *type = keyval_get(kv, "qom-type"), *id = keyval_get(kv, "id");
    unsigned i = 0;

    while (i < G_N_ELEMENTS(objects) && g_strcmp0(type, objects[i].type) != 0)
        i++;
    if (i == G_N_ELEMENTS(objects))
        return opt_error(error, "invalid object type: %s", type ? type : "");
    if (!objects[i].add)
        return opt_error(error, "%s: not supported: a guest's memory is anonymous", type);
    if (!id || !*id)
        return opt_error(error, "'id' is missing");
    return objects[i].add(s, kv, error) && keyval_check_unused(kv, error);
}

static bool objects_help(struct option_state *s)
{
    GString *text = g_string_new("List of user creatable objects:\n");

    for (unsigned i = 0; i < G_N_ELEMENTS(objects); i++) {
        if (objects[i].add)
            g_string_append_printf(text, "  %s\n", objects[i].type);
    }
    return opt_help_text(s, g_string_free(text, FALSE));
}

bool opt_object(struct option_state *s, const char *value, GError **error)
{
    struct keyval kv = {0};

    if (opt_is_help(value))
        return objects_help(s);
    bool ok = keyval_parse(value, "qom-type", &kv, error) && object_keys(s, &kv, error);

    keyval_clear(&kv);
    return ok;
}

/* children: the third word that one of them has. */
static bool allow_deny(struct keyval *kv, const char *key, bool *deny, bool *children, GError **error)
{
    const char *text = keyval_get(kv, key);

    if (!text)
        return true;
    *deny = strcmp(text, "allow") != 0;
    if (children && strcmp(text, "children") == 0)
        return *children = true;
    return !*deny || strcmp(text, "deny") == 0 ||
           opt_error(error, "%s=%s: 'allow'%s or 'deny'", key, text, children ? ", 'children'" : "");
}

bool opt_sandbox(struct option_state *s, const char *value, GError **error)
{
    struct sandbox_config c = {.deny_obsolete = true};
    struct keyval kv = {0};
    bool ok = keyval_parse(value, "enable", &kv, error) &&
              keyval_get_switch(&kv, "enable", &c.on, error) &&
              allow_deny(&kv, "obsolete", &c.deny_obsolete, NULL, error) &&
              allow_deny(&kv, "elevateprivileges", &c.deny_elevate, &c.allow_children, error) &&
              allow_deny(&kv, "spawn", &c.deny_spawn, NULL, error) &&
              allow_deny(&kv, "resourcecontrol", &c.deny_resources, NULL, error) &&
              keyval_check_unused(&kv, error);

    s->cfg->confine.sandbox = c;
    keyval_clear(&kv);
    return ok;
}

bool opt_runas(struct option_state *s, const char *value, GError **error)
{
    privileges_clear(&s->cfg->confine.user);
    s->cfg->confine.runas = true;
    return privileges_parse(value, &s->cfg->confine.user, error);
}

bool opt_chroot(struct option_state *s, const char *value, GError **error)
{
    g_free(s->cfg->confine.root);
    s->cfg->confine.root = g_strdup(value);
    return *value || opt_error(error, "the directory is missing");
}

bool opt_overcommit(struct option_state *s, const char *value, GError **error)
{
    struct keyval kv = {0};
    bool lock = false, cpu_pm = false;
    bool ok = keyval_parse(value, NULL, &kv, error) &&
              keyval_get_switch(&kv, "mem-lock", &lock, error) &&
              keyval_get_switch(&kv, "cpu-pm", &cpu_pm, error) && keyval_check_unused(&kv, error);

    keyval_clear(&kv);
    if (ok && lock)
        g_ptr_array_add(s->req->warnings,
                        g_strdup("-overcommit mem-lock=on: memory is not locked"));
    return ok;
}

/* libvirt names one for every guest, with or without a sound card. */
bool opt_audiodev(struct option_state *s, const char *value, GError **error)
{
    struct keyval kv = {0};
    bool ok = keyval_parse(value, "driver", &kv, error);

    if (ok && g_strcmp0(keyval_get(&kv, "driver"), "none") != 0)
        ok = opt_error(error, "only 'none': a PV guest has no sound");
    if (ok) {
        keyval_get(&kv, "id");
        ok = keyval_check_unused(&kv, error);
    }
    keyval_clear(&kv);
    return ok;
}

static bool fdset_keys(struct option_state *s, struct keyval *kv, GError **error)
{
    const char *set = keyval_get(kv, "set"), *fd = keyval_get(kv, "fd");
    struct fdset_option o;
    uint64_t n;

    keyval_get(kv, "opaque"); /* for the user's own use */
    if (!set || !fd)
        return opt_error(error, "'%s' is missing", set ? "fd" : "set");
    if (!number_parse(set, G_MAXINT64, &o.set, error) || !number_parse(fd, G_MAXINT, &n, error))
        return false;
    if (n < 3)
        return opt_error(error, "fd=%s: not an inherited descriptor", fd);
    o.fd = (int)n;
    g_array_append_val(s->fdsets, o);
    return keyval_check_unused(kv, error);
}

bool opt_add_fd(struct option_state *s, const char *value, GError **error)
{
    struct keyval kv = {0};
    bool ok = keyval_parse(value, NULL, &kv, error) && fdset_keys(s, &kv, error);

    keyval_clear(&kv);
    return ok;
}

/* By /proc the file is opened once more, with the mode that its user wants. */
char *opt_path(const struct option_state *s, const char *path, GError **error)
{
    static const char prefix[] = "/dev/fdset/";
    uint64_t set;

    if (!path || !g_str_has_prefix(path, prefix))
        return g_strdup(path);
    if (!number_parse(path + strlen(prefix), G_MAXINT64, &set, error))
        return NULL;
    for (guint i = 0; i < s->fdsets->len; i++) {
        const struct fdset_option *o = &g_array_index(s->fdsets, struct fdset_option, i);
        if (o->set == set)
            return g_strdup_printf("/proc/self/fd/%d", o->fd);
    }
    opt_error(error, "%s: there is no such -add-fd", path);
    return NULL;
}
