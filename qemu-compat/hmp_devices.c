/* Disks and networks in the monitor for people. */
#include "qemu-compat/fdset.h"
#include "qemu-compat/hmp.h"
#include "qemu-compat/opt_blockdev.h"
#include "qemu-compat/optlist.h"
#include "xenner/config/size.h"
#include "xenner/vm/vm_disks.h"
#include "xenner/vm/vm_nets.h"

#include <string.h>

static void say(GError *error, GString *out)
{
    g_string_append_printf(out, "Error: %s\n", error->message);
    g_error_free(error);
}

/* "first,key=value,..." as a command's arguments; NULL: said why. */
static JsonObject *arguments(const char *text, const char *implied, GString *out)
{
    JsonObject *o = json_object_new();
    struct keyval kv = {0};
    GError *error = NULL;
    bool ok = keyval_parse(text, implied, &kv, &error);

    for (guint i = 0; ok && i < kv.keys->len; i++) {
        const char *value = g_ptr_array_index(kv.values, i);
        json_object_set_string_member(o, g_ptr_array_index(kv.keys, i), value ? value : "on");
    }
    keyval_clear(&kv);
    if (ok && json_object_has_member(o, implied))
        return o;
    if (ok)
        g_string_append_printf(out, "Error: Parameter '%s' is missing\n", implied);
    else
        say(error, out);
    json_object_unref(o);
    return NULL;
}

static JsonObject *one(const char *key, const char *value)
{
    JsonObject *o = json_object_new();

    json_object_set_string_member(o, key, value);
    return o;
}

void hmp_device_add(struct qmp_call *call, const char *args, GString *out)
{
    JsonObject *o = arguments(args, "driver", out);

    if (o)
        hmp_simple(call, "device_add", o, out);
}

void hmp_device_del(struct qmp_call *call, const char *args, GString *out)
{
    hmp_simple(call, "device_del", one("id", args), out);
}

void hmp_netdev_add(struct qmp_call *call, const char *args, GString *out)
{
    JsonObject *o = arguments(args, "type", out);

    if (o && !json_object_has_member(o, "id")) {
        g_string_append(out, "Error: Parameter 'id' is missing\n");
        json_object_unref(o);
    } else if (o) {
        hmp_simple(call, "netdev_add", o, out);
    }
}

void hmp_netdev_del(struct qmp_call *call, const char *args, GString *out)
{
    hmp_simple(call, "netdev_del", one("id", args), out);
}

void hmp_set_link(struct qmp_call *call, const char *args, GString *out)
{
    const char *rest;
    g_autofree char *name = hmp_first_word(args, &rest);
    bool up;

    if (!switch_parse(rest, &up, NULL)) {
        g_string_append(out, "set_link: a name, and on or off\n");
        return;
    }
    JsonObject *o = one("name", name);
    json_object_set_boolean_member(o, "up", up);
    hmp_simple(call, "set_link", o, out);
}

/* The first word is QEMU's PCI address, which means nothing here; the rest is as with -drive. */
void hmp_drive_add(struct qmp_call *call, const char *args, GString *out)
{
    const char *rest;
    g_autofree char *address = hmp_first_word(args, &rest);
    struct option_state s = {.cfg = vm_config_new()};
    GError *error = NULL;

    if (opt_drive(&s, rest, &error)) {
        struct disk_config *d = g_ptr_array_index(s.cfg->disks, 0);
        bool found = drive_find_file(d, fdsets_all(qmp_server_fdsets(call->server)), &error);
        if (found && d->vdev)
            g_string_append(out, "drive_add: only if=none; then device_add\n");
        else if (found && vm_disks_add_drive(vm_disks(call->vm), disk_config_copy(d), &error))
            g_string_append(out, "OK\n");
    }
    if (error)
        say(error, out);
    vm_config_free(s.cfg);
}

void hmp_drive_del(struct qmp_call *call, const char *args, GString *out)
{
    GError *error = NULL;

    if (!vm_disks_del_drive(vm_disks(call->vm), args, &error))
        say(error, out);
}

/* [-f] device */
void hmp_eject(struct qmp_call *call, const char *args, GString *out)
{
    bool force = g_str_has_prefix(args, "-f ");
    JsonObject *o = one("device", force ? args + strspn(args + 2, " ") + 2 : args);

    json_object_set_boolean_member(o, "force", force);
    hmp_simple(call, "eject", o, out);
}

/* change device file [format] */
void hmp_change_medium(struct qmp_call *call, const char *args, GString *out)
{
    const char *rest;
    g_autofree char *device = hmp_first_word(args, &rest);
    g_autofree char *file = hmp_first_word(rest, &rest);

    if (!*file) {
        g_string_append(out, "change: a device and a file\n");
        return;
    }
    JsonObject *o = one("device", device);
    json_object_set_string_member(o, "filename", file);
    if (*rest)
        json_object_set_string_member(o, "format", rest);
    hmp_simple(call, "blockdev-change-medium", o, out);
}

void hmp_block_resize(struct qmp_call *call, const char *args, GString *out)
{
    const char *rest;
    g_autofree char *device = hmp_first_word(args, &rest);
    uint64_t bytes;

    if (!size_parse(rest, 1 << 20, &bytes, NULL) || bytes > G_MAXINT64) {
        g_string_append(out, "block_resize: a device and a size (in MiB without a suffix)\n");
        return;
    }
    JsonObject *o = one("device", device);
    json_object_set_int_member(o, "size", (gint64)bytes);
    hmp_simple(call, "block_resize", o, out);
}

static void info_limits(const struct vm_disk_info *i, GString *out)
{
    static const char *const names[NR_LIMITS] = {"bps", "bps_rd", "bps_wr", "iops", "iops_rd", "iops_wr"};
    const struct disk_limits *l = i->limits;

    g_string_append(out, "    I/O throttling:  ");
    for (unsigned n = 0; n < NR_LIMITS; n++)
        g_string_append_printf(out, " %s=%" G_GUINT64_FORMAT, names[n], l->avg[n]);
    for (unsigned n = 0; n < NR_LIMITS; n++)
        g_string_append_printf(out, " %s_max=%" G_GUINT64_FORMAT, names[n], l->max[n]);
    g_string_append_printf(out, " iops_size=%" G_GUINT64_FORMAT " group=%s\n", l->iops_size, i->group);
}

void hmp_info_block(struct qmp_call *call, const char *args, GString *out)
{
    struct vm_disks *d = vm_disks(call->vm);

    for (unsigned n = 0; n < vm_disks_count(d); n++) {
        struct vm_disk_info i = vm_disks_info(d, n);
        const struct disk_config *c = i.config;
        g_string_append_printf(out, "%s: ", c->device ? c->device : c->id);
        if (i.image)
            g_string_append_printf(out, "%s (%s%s)\n", c->path, c->format ? c->format : "raw",
                                   i.image->readonly ? ", read-only" : "");
        else
            g_string_append(out, "[not inserted]\n");
        if (i.group)
            info_limits(&i, out);
        if (c->vdev)
            g_string_append_printf(out, "    Attached to:      %s%s\n", c->vdev,
                                   c->cdrom ? i.tray_open ? ", removable, tray open" : ", removable"
                                            : "");
    }
}

void hmp_info_blockstats(struct qmp_call *call, const char *args, GString *out)
{
    struct vm_disks *d = vm_disks(call->vm);

    for (unsigned n = 0; n < vm_disks_count(d); n++) {
        struct vm_disk_info i = vm_disks_info(d, n);
        if (!i.image || !i.config->vdev)
            continue;
        const struct image_stats *s = &i.image->stats;
        g_string_append_printf(
            out, "%s: rd_bytes=%" G_GUINT64_FORMAT " wr_bytes=%" G_GUINT64_FORMAT
            " rd_operations=%" G_GUINT64_FORMAT " wr_operations=%" G_GUINT64_FORMAT
            " flush_operations=%" G_GUINT64_FORMAT "\n", i.config->id, s->of[IMAGE_READ].bytes,
            s->of[IMAGE_WRITE].bytes, s->of[IMAGE_READ].ops, s->of[IMAGE_WRITE].ops,
            s->of[IMAGE_FLUSH].ops);
    }
}

void hmp_info_network(struct qmp_call *call, const char *args, GString *out)
{
    struct vm_nets *nets = vm_nets(call->vm);

    for (unsigned n = 0; n < vm_nets_count(nets); n++) {
        struct vm_nic_info i = vm_nets_info(nets, n);
        const uint8_t *m = i.config->mac;
        g_string_append_printf(out, "%s: type=nic,model=xen,macaddr=%02x:%02x:%02x:%02x:%02x:%02x\n",
                               i.config->id ? i.config->id : "vif", m[0], m[1], m[2], m[3], m[4],
                               m[5]);
        if (i.netdev)
            g_string_append_printf(out, " \\ %s: %s%s\n", i.netdev->id, i.netdev->origin,
                                   i.link ? "" : ", link down");
    }
}
