#include "xenguest/mkimage/options.h"

#include "xenguest/lib/diskcfg.h"

#include "xenner/config/size.h"

#include <gio/gio.h>
#include <string.h>

struct option {
    const char *name, *arg; /* arg: for help; NULL: it has no value */
    bool (*apply)(struct edit *e, const struct option *o, const char *value, GError **error);
    const char *key;    /* of guest.cfg, disk.cfg; a directory for scripts and files */
    const char *member; /* where the file goes */
    const char *help;
};

static bool G_GNUC_PRINTF(2, 3) wrong(GError **error, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    g_autofree char *what = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_autofree char *safe = xg_printable(what);
    g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, safe);
    return false;
}

/* A value that is text for a configuration: nothing that a line could not hold. */
static bool check_text(const char *value, GError **error)
{
    if (!g_utf8_validate(value, -1, NULL))
        return wrong(error, "not a text: %s", value);
    for (const char *p = value; *p; p++) {
        if (g_ascii_iscntrl(*p))
            return wrong(error, "a value with a control character");
    }
    return true;
}

static bool reset_guest(struct edit *e, const struct option *o, const char *value, GError **error)
{
    return edit_reset_guest(e, error);
}

static bool reset_params(struct edit *e, const struct option *o, const char *value, GError **error)
{
    return edit_reset_params(e, error);
}

static bool reset_disk(struct edit *e, const struct option *o, const char *value, GError **error)
{
    return edit_reset_disk(e, error);
}

static bool set_param(struct edit *e, const struct option *o, const char *value, GError **error)
{
    const char *equals = strchr(value, '=');
    g_autofree char *name = equals ? g_strndup(value, (gsize)(equals - value)) : g_strdup(value);
    struct assign *params = edit_params(e, error);

    if (!params)
        return false;
    if (!assign_name_valid(name))
        return wrong(error, "'%s' is not a name: letters, digits and _", name);
    if (equals)
        assign_set(params, name, equals + 1);
    else
        assign_unset(params, name);
    return true;
}

static bool set_string(struct edit *e, const struct option *o, const char *value, GError **error)
{
    struct xlcfg *guest = edit_guest(e, error);

    if (!guest || !check_text(value, error))
        return false;
    if (*value)
        xlcfg_set_string(guest, o->key, value);
    else
        xlcfg_disable(guest, o->key);
    return true;
}

static bool set_number(struct edit *e, const struct option *o, const char *value, GError **error)
{
    struct xlcfg *guest = edit_guest(e, error);
    uint64_t number;

    if (!guest)
        return false;
    if (!*value) {
        xlcfg_disable(guest, o->key);
        return true;
    }
    if (!number_parse(value, INT32_MAX, &number, error))
        return false;
    if (!number)
        return wrong(error, "0 is too little");
    xlcfg_set_number(guest, o->key, (int64_t)number);
    return true;
}

static bool clean_extra(struct edit *e, const struct option *o, const char *value, GError **error)
{
    return set_string(e, o, "", error);
}

static bool add_extra(struct edit *e, const struct option *o, const char *value, GError **error)
{
    struct xlcfg *guest = edit_guest(e, error);
    const char *old = "";

    if (!guest || !xlcfg_get_string(guest, o->key, &old, error))
        return false;
    if (!*value)
        return true;
    g_autofree char *all = g_strdup_printf("%s%s%s", old, *old ? " " : "", value);
    return set_string(e, o, all, error);
}

static bool set_disk_list(struct edit *e, const struct option *o, const char *value, GError **error)
{
    struct xlcfg *guest = edit_guest(e, error);

    if (!guest || !check_text(value, error))
        return false;
    if (strchr(value, ','))
        return wrong(error, "'%s' is not the name of a device", value);
    g_autofree char *spec = g_strdup_printf("phy:%s,xvda,w", value);
    if (*value)
        xlcfg_set_list1(guest, o->key, spec);
    else
        xlcfg_disable(guest, o->key);
    return true;
}

/* A file that guest.cfg names. */
static bool set_file(struct edit *e, const struct option *o, const char *value, GError **error)
{
    if (!*value)
        xg_image_remove(e->img, o->member);
    else if (!xg_image_set_file(e->img, o->member, value, 0644, error))
        return false;
    return set_string(e, o, *value ? o->member : "", error);
}

static bool append_config(struct edit *e, const struct option *o, const char *value, GError **error)
{
    g_autofree char *text = NULL;
    struct xlcfg *guest = edit_guest(e, error);
    gsize len;

    return guest && g_file_get_contents(value, &text, &len, error) &&
           xlcfg_append(guest, text, len, value, error);
}

/* SRC:DST below o->member. */
static bool add_file(struct edit *e, const struct option *o, const char *value, GError **error)
{
    const char *colon = strrchr(value, ':');

    if (!colon || colon == value || !colon[1])
        return wrong(error, "'%s' is not SRC:DST", value);
    g_autofree char *src = g_strndup(value, (gsize)(colon - value));
    g_autofree char *dst = g_strdup_printf("%s/%s", o->member, colon + 1);
    if (!strcmp(o->member, "disk")) {
        g_autofree char *old = g_strdup_printf("disk-files/%s", colon + 1);
        xg_image_remove(e->img, old);
    }
    return xg_image_set_file(e->img, dst, src, 0644, error);
}

static bool remove_file(struct edit *e, const struct option *o, const char *value, GError **error)
{
    g_autofree char *name = g_strdup_printf("%s/%s", o->member, value);
    bool disk = !strcmp(o->member, "disk");
    g_autofree char *old = g_strdup_printf("disk-files/%s", value);

    if (!*value)
        return wrong(error, "a name is missing");
    bool found = xg_image_remove(e->img, name);
    if (disk && xg_image_remove(e->img, old))
        found = true;
    return found || wrong(error, "there is no %s", name);
}

static bool add_script(struct edit *e, const struct option *o, const char *value, GError **error)
{
    g_autofree char *base = g_path_get_basename(value);
    g_autofree char *name = g_strdup_printf("%s/%s", o->member, base);

    if (*value)
        return xg_image_set_file(e->img, name, value, 0755, error);
    xg_image_remove(e->img, o->member);
    return xg_image_set_dir(e->img, o->member, error);
}

static void part_name(char *to, uint64_t nr)
{
    g_snprintf(to, 32, "DISK_PART%u", (unsigned)nr);
}

static bool part_number(const char *text, uint64_t *ret, GError **error)
{
    if (!number_parse(text, UINT64_MAX, ret, error))
        return false;
    return (*ret >= 1 && *ret <= DISKCFG_PARTS) ||
           wrong(error, "partition %" G_GUINT64_FORMAT ": partitions have numbers from 1 to %u",
                 *ret, DISKCFG_PARTS);
}

static bool set_disk_size(struct edit *e, const struct option *o, const char *value, GError **error)
{
    struct assign *disk = edit_disk(e, error);
    uint64_t mb = 0;
    char name[32];

    if (!disk || (*value && !diskcfg_size_parse(value, &mb, error)))
        return false;
    assign_set(disk, o->key, mb ? value : "0");
    /* No disk has no partitions. */
    for (unsigned i = 1; !mb && i <= DISKCFG_PARTS; i++) {
        part_name(name, i);
        assign_unset(disk, name);
    }
    return true;
}

static bool set_disk_device(struct edit *e, const struct option *o, const char *value,
                            GError **error)
{
    struct assign *disk = edit_disk(e, error);

    if (!disk || !check_text(value, error))
        return false;
    assign_set(disk, o->key, value);
    return true;
}

static bool add_part(struct edit *e, const struct option *o, const char *value, GError **error)
{
    struct assign *disk = edit_disk(e, error);
    const char *colon = strchr(value, ':');
    struct diskcfg_part part = {0};
    uint64_t nr;
    char name[32];

    if (!disk)
        return false;
    if (!colon)
        return wrong(error, "'%s' is not NUM:SIZE:FS:CONTENT", value);
    g_autofree char *number = g_strndup(value, (gsize)(colon - value));
    if (!part_number(number, &nr, error) || !diskcfg_part_parse(colon + 1, &part, error))
        return false;
    part_name(name, nr);
    g_auto(GStrv) fields = g_strsplit(colon + 1, ":", 3);
    g_autofree char *text = g_strdup_printf("%s:%s:%s", fields[0], diskcfg_fs_name(part.fs),
                                            part.content ? part.content : "");
    g_free(part.content);
    assign_set(disk, name, text);
    return true;
}

static bool remove_part(struct edit *e, const struct option *o, const char *value, GError **error)
{
    struct assign *disk = edit_disk(e, error);
    uint64_t nr;
    char name[32];

    if (!disk || !part_number(value, &nr, error))
        return false;
    part_name(name, nr);
    return assign_unset(disk, name) || wrong(error, "there is no partition %u", (unsigned)nr);
}

static const struct option options[] = {
    {"guest-config-reset", NULL, reset_params, NULL, NULL, "params.cfg as in a new image"},
    {"guest-reset-config", NULL, reset_params, NULL, NULL, "the same"},
    {"set-param", "NAME[=VALUE]", set_param, NULL, NULL,
     "set a parameter of params.cfg; without =, remove it"},
    {"xen-reset-config", NULL, reset_guest, NULL, NULL,
     "guest.cfg as in a new image; guest.d/ and files/ become empty"},
    {"xen-name", "NAME", set_string, "name", NULL, "the guest's name"},
    {"xen-kernel", "FILE", set_file, "kernel", "files/kernel", "the kernel"},
    {"kernel", "FILE", set_file, "kernel", "files/kernel", "the same"},
    {"xen-memory", "MB", set_number, "memory", NULL, "memory in MB"},
    {"xen-vcpus", "N", set_number, "vcpus", NULL, "number of virtual CPUs"},
    {"xen-clean-extra", NULL, clean_extra, "extra", NULL, "no kernel arguments"},
    {"xen-extra", "ARG", add_extra, "extra", NULL, "one more kernel argument"},
    {"xen-root", "DEVICE", set_string, "root", NULL, "the root file system's device"},
    {"xen-device-tree", "FILE", set_file, "device_tree", "files/guest.dtb", "the device tree"},
    {"xen-ramdisk", "FILE", set_file, "ramdisk", "files/ramdisk.img", "the initial ramdisk"},
    {"xen-disk", "DEVICE", set_disk_list, "disk", NULL, "the guest's xvda, a device of the host"},
    {"xen-append", "FILE", append_config, NULL, NULL, "append FILE to guest.cfg"},
    {"xen-add-file", "SRC:DST", add_file, NULL, "files", "add the file SRC as files/DST"},
    {"xen-rm-file", "DST", remove_file, NULL, "files", "remove files/DST"},
    {"init-pre", "FILE", add_script, NULL, "init.pre",
     "a script to run before the guest is created"},
    {"init-script", "FILE", add_script, NULL, "init.d",
     "a script to run when it is created and paused"},
    {"init-post", "FILE", add_script, NULL, "init.post", "a script to run when it is started"},
    {"disk-reset-config", NULL, reset_disk, NULL, NULL,
     "disk.cfg as in a new image; disk/ becomes empty"},
    {"disk-size", "SIZE", set_disk_size, "DISK_SIZE", NULL,
     "the disk's size: GB, or with the suffix M or G; 0: no disk"},
    {"disk-device", "DEVICE", set_disk_device, "DISK_DEVICE", NULL,
     "the host's device to put the disk on"},
    {"disk-add-part", "NUM:SIZE:FS:CONTENT", add_part, NULL, NULL,
     "partition 1 to 4; FS ext2, ext3, ext4, vfat, swap or nothing"},
    {"disk-rm-part", "NUM", remove_part, NULL, NULL, "remove a partition"},
    {"disk-add-file", "SRC:DST", add_file, NULL, "disk",
     "add the file SRC as disk/DST, for a CONTENT"},
    {"disk-rm-file", "DST", remove_file, NULL, "disk", "remove disk/DST"},
};

static const struct option *find(const char *name, size_t len)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(options); i++) {
        if (!strncmp(options[i].name, name, len) && !options[i].name[len])
            return &options[i];
    }
    return NULL;
}

bool option_apply(struct edit *e, const char *arg, GError **error)
{
    const char *name = g_str_has_prefix(arg, "--") ? arg + 2 : "";
    size_t len = strcspn(name, "=");
    const struct option *o = find(name, len);
    const char *value = name[len] == '=' ? name + len + 1 : NULL;

    if (!o)
        return wrong(error, "%s: invalid option", arg);
    if (!value != !o->arg)
        return o->arg ? wrong(error, "--%s requires a value: --%s=%s", o->name, o->name, o->arg)
                      : wrong(error, "--%s takes no value", o->name);
    if (o->apply(e, o, value, error))
        return true;
    g_prefix_error(error, "--%s: ", o->name);
    return false;
}

void options_help(GString *to)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(options); i++) {
        const struct option *o = &options[i];
        g_autofree char *left = g_strdup_printf("--%s%s%s", o->name, o->arg ? "=" : "",
                                                o->arg ? o->arg : "");
        g_string_append_printf(to, "  %-36s %s\n", left, o->help);
    }
}
