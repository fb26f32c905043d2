/* The parameters of xl.cfg(5), one function each. */
#include "xenguest/xl/xl_priv.h"

#include <string.h>

const char *xl_text(const struct xl_out *o, const char *name)
{
    const char *text = NULL;

    xlcfg_get_string(o->cfg, name, &text, NULL);
    return text && *text ? text : NULL;
}

static bool want_string(struct xl_out *o, const struct xlcfg_value *v, const char *name,
                        GError **error)
{
    return v->type == XLCFG_STRING || xl_fail(o, v, error, "%s is not a string", name);
}

static bool want_number(struct xl_out *o, const char *name, int64_t min, int64_t max, int64_t *ret,
                        GError **error)
{
    const struct xlcfg_value *v = xlcfg_get(o->cfg, name);

    if (!xlcfg_get_number(o->cfg, name, ret, error))
        return false;
    return (*ret >= min && *ret <= max) ||
           xl_fail(o, v, error,
                   "%s is %" G_GINT64_FORMAT ", not %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
                   name, *ret, min, max);
}

static bool do_name(struct xl_out *o, const struct xlcfg_value *v, GError **error)
{
    if (!want_string(o, v, "name", error))
        return false;
    g_autoptr(GString) name = g_string_new("guest=");
    for (const char *c = v->string; *c; c++)
        g_string_append_printf(name, *c == ',' ? ",," : "%c", *c);
    o->cmd->name = g_strdup(v->string);
    xl_add(o, "-name", name->str);
    return true;
}

static bool do_uuid(struct xl_out *o, const struct xlcfg_value *v, GError **error)
{
    if (!want_string(o, v, "uuid", error))
        return false;
    if (!g_uuid_string_is_valid(v->string))
        return xl_fail(o, v, error, "uuid: '%s' is none", v->string);
    xl_add(o, "-uuid", v->string);
    return true;
}

static bool do_type(struct xl_out *o, const struct xlcfg_value *v, GError **error)
{
    static const char *const pv[] = {"pv", "generic", "linux", NULL};
    const char *type = v->type == XLCFG_STRING ? v->string : "";

    if (g_strv_contains(pv, type))
        return true;
    o->hvm = strcmp(type, "hvm") == 0;
    if (!o->hvm && strcmp(type, "pvh") != 0)
        return xl_fail(o, v, error, "'%s' is none of pv, pvh, hvm", type);
    xl_add(o, "-machine", o->hvm ? "xenfv" : "xenpvh");
    return true;
}

/* The older name; xl does not look at it where there is a type. */
static bool do_builder(struct xl_out *o, const struct xlcfg_value *v, GError **error)
{
    return xlcfg_get(o->cfg, "type") || do_type(o, v, error);
}

static bool do_memory(struct xl_out *o, const struct xlcfg_value *v, GError **error)
{
    const struct xlcfg_value *max = xlcfg_get(o->cfg, "maxmem");
    int64_t mb = 0, maxmem;

    if (!want_number(o, "memory", 1, 4 << 20, &mb, error))
        return false;
    maxmem = mb;
    if (max && !want_number(o, "maxmem", 1, 4 << 20, &maxmem, error))
        return false;
    if (maxmem < mb)
        return xl_fail(o, max, error, "maxmem is less than memory");
    if (maxmem > mb)
        xl_warn(o, max, "maxmem: the guest keeps the size of 'memory'");
    g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT, mb);
    xl_add(o, "-m", text);
    return true;
}

static bool do_vcpus(struct xl_out *o, const struct xlcfg_value *v, GError **error)
{
    int64_t n = 1, max;

    if (!want_number(o, "vcpus", 1, 4096, &n, error))
        return false;
    max = n;
    if (xlcfg_get(o->cfg, "maxvcpus") && !want_number(o, "maxvcpus", n, 4096, &max, error))
        return false;
    g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT ",maxcpus=%" G_GINT64_FORMAT, n,
                                            max);
    xl_add(o, "-smp", text);
    return true;
}

static bool do_kernel(struct xl_out *o, const struct xlcfg_value *v, GError **error)
{
    if (!want_string(o, v, "kernel", error))
        return false;
    g_autofree char *path = xl_path(o, v->string), *base = g_path_get_basename(v->string);
    if (o->hvm && strcmp(base, "hvmloader") == 0)
        xl_warn(o, v, "kernel: an HVM guest's firmware comes by itself");
    else if (*v->string)
        xl_add(o, "-kernel", path);
    return true;
}

static bool do_ramdisk(struct xl_out *o, const struct xlcfg_value *v, GError **error)
{
    if (!want_string(o, v, "ramdisk", error))
        return false;
    g_autofree char *path = xl_path(o, v->string);
    if (*v->string)
        xl_add(o, "-initrd", path);
    return true;
}

/* pygrub starts the kernel that the guest's menu names; pvgrub is GRUB, which xenner starts by itself. */
static bool do_bootloader(struct xl_out *o, const struct xlcfg_value *v, GError **error)
{
    static const char *const known[] = {"pygrub", "pvgrub", "pvgrub32", "pvgrub64", NULL};

    if (!want_string(o, v, "bootloader", error))
        return false;
    g_autofree char *base = g_path_get_basename(v->string);
    if (*v->string && !g_strv_contains(known, base))
        return xl_fail(o, v, error, "bootloader: '%s' can't be run here", v->string);
    if (*v->string && o->hvm)
        return xl_fail(o, v, error, "bootloader: an HVM guest's firmware finds its boot loader");
    if (*v->string && xl_text(o, "kernel"))
        return xl_fail(o, v, error, "both bootloader and kernel");
    if (strcmp(base, "pygrub") == 0)
        xl_add(o, "-machine", "bootloader=direct");
    return true;
}

static bool on_event(struct xl_out *o, const struct xlcfg_value *v, const char *event,
                     const char *const (*actions)[2], GError **error)
{
    if (!want_string(o, v, event, error))
        return false;
    for (; (*actions)[0]; actions++) {
        if (strcmp(v->string, (*actions)[0]) != 0)
            continue;
        if (g_str_has_prefix(v->string, "coredump-"))
            xl_warn(o, v, "%s: no dump of the guest is made", event);
        if ((*actions)[1])
            xl_add(o, "-action", (*actions)[1]);
        return true;
    }
    return xl_fail(o, v, error, "%s = '%s' is not possible here", event, v->string);
}

static bool do_on_poweroff(struct xl_out *o, const struct xlcfg_value *v, GError **error)
{
    static const char *const actions[][2] = {
        {"destroy", NULL}, {"coredump-destroy", NULL}, {"preserve", "shutdown=pause"}, {NULL}};

    return on_event(o, v, "on_poweroff", actions, error);
}

static bool do_on_reboot(struct xl_out *o, const struct xlcfg_value *v, GError **error)
{
    static const char *const actions[][2] = {{"restart", NULL},
                                             {"coredump-restart", NULL},
                                             {"destroy", "reboot=shutdown"},
                                             {"coredump-destroy", "reboot=shutdown"},
                                             {NULL}};

    return on_event(o, v, "on_reboot", actions, error);
}

static bool do_on_crash(struct xl_out *o, const struct xlcfg_value *v, GError **error)
{
    static const char *const actions[][2] = {
        {"destroy", NULL},           {"coredump-destroy", NULL},
        {"restart", "panic=reset"},  {"coredump-restart", "panic=reset"},
        {"preserve", "panic=pause"}, {NULL}};

    return on_event(o, v, "on_crash", actions, error);
}

/* A list of strings, or one string, each for one(). */
static bool each(struct xl_out *o, const struct xlcfg_value *v, const char *name,
                 bool (*one)(struct xl_out *, const struct xlcfg_value *, GError **),
                 GError **error)
{
    if (v->type != XLCFG_LIST)
        return xl_fail(o, v, error, "%s is not a list", name);
    for (guint i = 0; i < v->list->len; i++) {
        const struct xlcfg_value *item = g_ptr_array_index(v->list, i);
        if (item->type != XLCFG_STRING)
            return xl_fail(o, item, error, "%s is not a list of strings", name);
        if (!one(o, item, error))
            return false;
    }
    return true;
}

static bool do_disk(struct xl_out *o, const struct xlcfg_value *v, GError **error)
{
    return each(o, v, "disk", xl_disk, error);
}

static bool do_vif(struct xl_out *o, const struct xlcfg_value *v, GError **error)
{
    return each(o, v, "vif", xl_vif, error);
}

static bool do_vfb(struct xl_out *o, const struct xlcfg_value *v, GError **error)
{
    if (o->hvm)
        return true; /* xl_hvm() says no */
    if (v->type == XLCFG_LIST && v->list->len > 1)
        return xl_fail(o, v, error, "vfb: there is one framebuffer at most");
    return each(o, v, "vfb", xl_vfb, error);
}

/* What other parameters' functions, and cmdline(), look at. */
static bool do_nothing(struct xl_out *o, const struct xlcfg_value *v, GError **error)
{
    return true;
}

const struct xl_param xl_params[] = {
    {"name", do_name},
    {"uuid", do_uuid},
    {"type", do_type},
    {"builder", do_builder},
    {"memory", do_memory},
    {"maxmem", do_nothing},
    {"vcpus", do_vcpus},
    {"maxvcpus", do_nothing},
    {"kernel", do_kernel},
    {"ramdisk", do_ramdisk},
    {"bootloader", do_bootloader},
    {"cmdline", do_nothing},
    {"root", do_nothing},
    {"extra", do_nothing},
    {"on_poweroff", do_on_poweroff},
    {"on_reboot", do_on_reboot},
    {"on_crash", do_on_crash},
    {"disk", do_disk},
    {"vif", do_vif},
    {"vfb", do_vfb},
    {NULL},
};

const struct xl_param *xl_find_param(const char *name)
{
    for (const struct xl_param *p = xl_params; p->name; p++) {
        if (strcmp(p->name, name) == 0)
            return p;
    }
    return NULL;
}
