/* -mon, -qmp, -monitor: who commands the machine; -sandbox...: what libvirt adds by itself. */
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
    struct fdset_fd o = {0};
    uint64_t n;

    if (!set || !fd)
        return opt_error(error, "'%s' is missing", set ? "fd" : "set");
    if (!number_parse(set, G_MAXINT64, &o.set, error) || !number_parse(fd, G_MAXINT, &n, error))
        return false;
    if (n < 3)
        return opt_error(error, "fd=%s: not an inherited descriptor", fd);
    o.fd = (int)n;
    o.opaque = g_strdup(keyval_get(kv, "opaque"));
    g_array_append_val(s->cfg->fdsets, o);
    return keyval_check_unused(kv, error);
}

bool opt_add_fd(struct option_state *s, const char *value, GError **error)
{
    struct keyval kv = {0};
    bool ok = keyval_parse(value, NULL, &kv, error) && fdset_keys(s, &kv, error);

    keyval_clear(&kv);
    return ok;
}

char *opt_path(const struct option_state *s, const char *path, GError **error)
{
    return fdset_path(s->cfg->fdsets, path, FDSET_ANY, error);
}
