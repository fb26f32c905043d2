#include "xenguest/xl/xl_priv.h"

#include "xenner/util/printable.h"

#include <gio/gio.h>
#include <string.h>

/* "SOURCE:LINE: text" in one line, whatever the values in it have. */
static char *message(const struct xl_out *o, const struct xlcfg_value *v, const char *format,
                     va_list ap)
{
    g_autofree char *text = g_strdup_vprintf(format, ap);

    text_make_printable(&text);
    return g_strdup_printf("%s:%u: %s", o->host->source, v->line, text);
}

bool xl_fail(const struct xl_out *o, const struct xlcfg_value *v, GError **error,
             const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    g_autofree char *text = message(o, v, format, ap);
    va_end(ap);
    g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, text);
    return false;
}

void xl_warn(const struct xl_out *o, const struct xlcfg_value *v, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    g_ptr_array_add(o->cmd->warnings, message(o, v, format, ap));
    va_end(ap);
}

void xl_add(struct xl_out *o, const char *option, const char *value)
{
    g_ptr_array_add(o->cmd->argv, g_strdup(option));
    if (value)
        g_ptr_array_add(o->cmd->argv, g_strdup(value));
}

void xl_key(GString *text, const char *key, const char *value)
{
    g_string_append_printf(text, ",%s=", key);
    for (const char *c = value; *c; c++) {
        if (*c == ',')
            g_string_append_c(text, ',');
        g_string_append_c(text, *c);
    }
}

char *xl_path(const struct xl_out *o, const char *path)
{
    return g_path_is_absolute(path) ? g_strdup(path) : g_build_filename(o->host->base, path, NULL);
}

/* Devices and modes that a guest would miss. */
static const char *const refused[] = {
    "pci",     "usbctrl", "usbdev", "usbdevice",     "channel",     "vdispl",  "vsnd",
    "vkb",     "p9",      "vtpm",   "dtdev",         "irqs",        "ioports", "iomem",
    "pvcalls", "argo",    "virtio", "driver_domain", "device_tree", "pvshim",  NULL};

static bool is_empty(const struct xlcfg_value *v)
{
    switch (v->type) {
    case XLCFG_NUMBER:
        return v->number == 0;
    case XLCFG_STRING:
        return !*v->string;
    default:
        return v->list->len == 0;
    }
}

static bool check_others(struct xl_out *o, GError **error)
{
    g_auto(GStrv) names = xlcfg_names(o->cfg);

    for (unsigned i = 0; names[i]; i++) {
        const struct xlcfg_value *v = xlcfg_get(o->cfg, names[i]);
        if (xl_find_param(names[i]) || (o->hvm && xl_hvm_find_param(names[i])) || is_empty(v))
            continue;
        if (g_strv_contains(refused, names[i]))
            return xl_fail(o, v, error, "%s is not possible here", names[i]);
        xl_warn(o, v, "%s is without effect", names[i]);
    }
    return true;
}

/* cmdline, or root and extra, as xl puts them together. */
static bool add_cmdline(struct xl_out *o, GError **error)
{
    static const char *const names[] = {"cmdline", "root", "extra"};
    const char *cmdline = NULL, *root = NULL, *extra = NULL,
               **const to[] = {&cmdline, &root, &extra};

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (!xlcfg_get_string(o->cfg, names[i], to[i], error))
            return false;
    }
    if (cmdline && (root || extra))
        xl_warn(o, xlcfg_get(o->cfg, root ? "root" : "extra"), "root and extra: cmdline is used");
    g_autofree char *text = cmdline ? g_strdup(cmdline)
                                    : g_strdup_printf("%s%s%s%s", root && *root ? "root=" : "",
                                                      root ? root : "",
                                                      root && *root && extra && *extra ? " " : "",
                                                      extra ? extra : "");
    if (!*text)
        return true;
    if (!xl_text(o, "kernel")) {
        xl_warn(o,
                xlcfg_get(o->cfg, cmdline ? "cmdline"
                                  : root  ? "root"
                                          : "extra"),
                "without a kernel the command line is the boot loader's, on the guest's disk");
        return true;
    }
    xl_add(o, "-append", text);
    return true;
}

bool xl_command(const struct xlcfg *cfg, const struct xl_host *host, struct xl_command *ret,
                GError **error)
{
    struct xl_out o = {.cfg = cfg, .host = host, .cmd = ret};

    *ret = (struct xl_command){.argv = g_ptr_array_new_with_free_func(g_free),
                               .warnings = g_ptr_array_new_with_free_func(g_free)};
    for (const struct xl_param *p = xl_params; p->name; p++) {
        const struct xlcfg_value *v = xlcfg_get(cfg, p->name);
        if (v && !p->translate(&o, v, error))
            return false;
    }
    return (!o.hvm || xl_hvm(&o, error)) && add_cmdline(&o, error) && check_others(&o, error);
}

void xl_command_clear(struct xl_command *cmd)
{
    g_clear_pointer(&cmd->argv, g_ptr_array_unref);
    g_clear_pointer(&cmd->warnings, g_ptr_array_unref);
    g_clear_pointer(&cmd->name, g_free);
    g_clear_pointer(&cmd->vnc_password, g_free);
}

static bool is_plain(const char *text)
{
    return *text && strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                 "-_./:=,@+%") == strlen(text);
}

char *xl_command_text(const char *program, const GPtrArray *argv)
{
    g_autoptr(GString) text = g_string_new(program);

    for (guint i = 0; i < argv->len; i++) {
        const char *arg = g_ptr_array_index(argv, i);
        g_autofree char *quoted = is_plain(arg) ? g_strdup(arg) : g_shell_quote(arg);
        g_string_append_printf(text, " %s", quoted);
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}
