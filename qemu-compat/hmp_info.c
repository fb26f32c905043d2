/* What there is, in the monitor for people. */
#include "qemu-compat/hmp.h"
#include "xenner/vm/vm_disks.h"
#include "xenner/vm/vm_nets.h"

#include <string.h>

static void dev(GString *out, const char *type, const char *id)
{
    g_string_append_printf(out, "  dev: %s, id \"%s\"\n", type, id ? id : "");
}

static void property(GString *out, const char *name, const char *value)
{
    if (value)
        g_string_append_printf(out, "    %s = \"%s\"\n", name, value);
}

static void qtree_disks(struct vm_disks *d, GString *out)
{
    for (unsigned n = 0; n < vm_disks_count(d); n++) {
        struct vm_disk_info i = vm_disks_info(d, n);
        const struct disk_config *c = i.config;
        if (!c->vdev)
            continue;
        dev(out, c->model ? c->model : c->cdrom ? "xen-cdrom" : "xen-disk", c->device);
        property(out, "vdev", c->vdev);
        property(out, "drive", c->empty ? NULL : c->id);
        property(out, "serial", c->serial);
    }
}

static void qtree_nets(struct vm_nets *nets, GString *out)
{
    for (unsigned n = 0; n < vm_nets_count(nets); n++) {
        struct vm_nic_info i = vm_nets_info(nets, n);
        const uint8_t *m = i.config->mac;
        g_autofree char *mac = g_strdup_printf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3],
                                               m[4], m[5]);
        dev(out, "xen-net-device", i.config->id);
        property(out, "mac", mac);
        property(out, "netdev", i.netdev ? i.netdev->id : NULL);
    }
}

void hmp_info_qtree(struct qmp_call *call, const char *args, GString *out)
{
    const struct vm_config *cfg = vm_configuration(call->vm);

    g_string_append(out, "bus: main-system-bus\n  type System\n");
    if (cfg->none)
        return;
    g_string_append(out, "bus: xen-sysbus\n  type xen-bus\n");
    for (guint i = 0; i < cfg->consoles->len; i++) {
        const struct console_config *c = g_ptr_array_index(cfg->consoles, i);
        dev(out, "xen-console", NULL);
        property(out, "chardev", c->chardev);
    }
    qtree_disks(vm_disks(call->vm), out);
    qtree_nets(vm_nets(call->vm), out);
    if (cfg->screen.framebuffer)
        dev(out, cfg->screen.driver ? cfg->screen.driver : "xenfb", cfg->screen.id);
    if (cfg->screen.keyboard)
        dev(out, "xenkbd", NULL);
    if (cfg->balloon)
        dev(out, "virtio-balloon-pci", cfg->balloon);
}

void hmp_info_iothreads(struct qmp_call *call, const char *args, GString *out)
{
    g_autoptr(JsonNode) list = qmp_query_iothreads(call, NULL, NULL);
    JsonArray *a = json_node_get_array(list);

    for (guint i = 0; i < json_array_get_length(a); i++) {
        JsonObject *o = json_array_get_object_element(a, i);
        g_string_append_printf(out, "%s:\n  thread_id=%" G_GINT64_FORMAT "\n",
                               json_object_get_string_member(o, "id"),
                               json_object_get_int_member(o, "thread-id"));
    }
}

void hmp_info_memory_size(struct qmp_call *call, const char *args, GString *out)
{
    const struct vm_config *cfg = vm_configuration(call->vm);

    g_string_append_printf(out, "base memory: %" G_GUINT64_FORMAT "\nplugged memory: 0\n",
                           cfg->memory.bytes);
}

void hmp_info_hotpluggable_cpus(struct qmp_call *call, const char *args, GString *out)
{
    const struct vm_config *cfg = vm_configuration(call->vm);

    g_string_append(out, "Hotpluggable CPUs:\n");
    for (unsigned i = cfg->none ? 0 : cfg->vcpus.max; i > 0; i--)
        g_string_append_printf(out, "  type: \"qemu64-x86_64-cpu\"\n  vcpus_count: \"1\"\n%s"
                               "  CPUInstance Properties:\n    socket-id: \"%u\"\n",
                               i <= cfg->vcpus.count ? "  plugged in\n" : "", i - 1);
}

void hmp_info_jobs(struct qmp_call *call, const char *args, GString *out)
{
    g_string_append(out, "No active jobs\n");
}

/* Whether the state could go elsewhere: it can't yet. */
void hmp_info_migrate(struct qmp_call *call, const char *args, GString *out)
{
    g_string_append(out, "Migration is not supported yet\n");
}
