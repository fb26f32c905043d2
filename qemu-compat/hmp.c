/* The monitor for people: a client of QMP's own handlers, with answers as text. */
#include "qemu-compat/hmp.h"

#include <stdlib.h>
#include <string.h>

bool hmp_simple(struct qmp_call *call, const char *name, JsonObject *args, GString *out)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonNode) result = NULL;

    if (qmp_schema_check(qmp_schema_command(name), args, &error))
        result = qmp_find_command(name)->run(call, args, &error);

    if (!result)
        g_string_append_printf(out, "Error: %s\n", error->message);
    json_object_unref(args);
    return result != NULL;
}

static void do_stop(struct qmp_call *call, const char *args, GString *out)
{
    hmp_simple(call, "stop", json_object_new(), out);
}

static void do_cont(struct qmp_call *call, const char *args, GString *out)
{
    hmp_simple(call, "cont", json_object_new(), out);
}

static void do_quit(struct qmp_call *call, const char *args, GString *out)
{
    hmp_simple(call, "quit", json_object_new(), out);
}

static void do_reset(struct qmp_call *call, const char *args, GString *out)
{
    hmp_simple(call, "system_reset", json_object_new(), out);
}

static void do_nmi(struct qmp_call *call, const char *args, GString *out)
{
    hmp_simple(call, "inject-nmi", json_object_new(), out);
}

static void do_powerdown(struct qmp_call *call, const char *args, GString *out)
{
    g_autoptr(GError) error = NULL;

    if (!vm_system_powerdown(call->vm, &error))
        g_string_append_printf(out, "Error: %s\n", error->message);
}

static void do_balloon(struct qmp_call *call, const char *args, GString *out)
{
    char *end;
    guint64 mib = g_ascii_strtoull(args, &end, 10);

    if (!*args || *end || mib == 0 || mib > (G_MAXINT64 >> 20)) {
        g_string_append(out, "balloon: a number of MiB is missing\n");
        return;
    }
    JsonObject *o = json_object_new();
    json_object_set_int_member(o, "value", (gint64)(mib << 20));
    hmp_simple(call, "balloon", o, out);
}

static void info_status(struct qmp_call *call, const char *args, GString *out)
{
    enum run_state state = vm_run_state(call->vm);

    if (state == RUN_RUNNING)
        g_string_append(out, "VM status: running\n");
    else if (state == RUN_PAUSED)
        g_string_append(out, "VM status: paused\n");
    else
        g_string_append_printf(out, "VM status: paused (%s)\n", run_state_name(state));
}

static void info_cpus(struct qmp_call *call, const char *args, GString *out)
{
    const struct vm_config *cfg = vm_configuration(call->vm);

    for (unsigned i = 0; !cfg->none && i < cfg->vcpus.count; i++)
        g_string_append_printf(out, "%c CPU #%u: thread_id=%d\n", i ? ' ' : '*', i,
                               vm_vcpu_tid(call->vm, i));
}

/* Of vCPU 0, or of all with -a. */
static void info_registers(struct qmp_call *call, const char *args, GString *out)
{
    const struct vm_config *cfg = vm_configuration(call->vm);
    unsigned n = strcmp(args, "-a") == 0 ? cfg->vcpus.count : 1;
    g_autoptr(GError) error = NULL;

    for (unsigned i = 0; i < n; i++) {
        if (n > 1)
            g_string_append_printf(out, "%sCPU#%u\n", i ? "\n" : "", i);
        if (!vm_registers(call->vm, i, out, &error)) {
            g_string_append_printf(out, "Error: %s\n", error->message);
            return;
        }
    }
}

static void info_version(struct qmp_call *call, const char *args, GString *out)
{
    g_string_append(out, "xenner " XENNER_VERSION " (QEMU 7.2's interface)\n");
}

static void info_name(struct qmp_call *call, const char *args, GString *out)
{
    const struct vm_config *cfg = vm_configuration(call->vm);

    if (cfg->name)
        g_string_append_printf(out, "%s\n", cfg->name);
}

static void info_uuid(struct qmp_call *call, const char *args, GString *out)
{
    const struct vm_config *cfg = vm_configuration(call->vm);

    g_string_append_printf(out, "%s\n", cfg->uuid ? cfg->uuid
                                                  : "00000000-0000-0000-0000-000000000000");
}

static void info_kvm(struct qmp_call *call, const char *args, GString *out)
{
    g_string_append_printf(out, "kvm support: %s\n",
                           strcmp(vm_accel(call->vm), "kvm") == 0 ? "enabled" : "disabled");
}

static void info_chardev(struct qmp_call *call, const char *args, GString *out)
{
    g_autoptr(JsonNode) list = qmp_query_chardev(call, NULL, NULL);
    JsonArray *a = json_node_get_array(list);

    for (guint i = 0; i < json_array_get_length(a); i++) {
        JsonObject *o = json_array_get_object_element(a, i);
        g_string_append_printf(out, "%s: filename=%s\n", json_object_get_string_member(o, "label"),
                               json_object_get_string_member(o, "filename"));
    }
}

static void info_balloon(struct qmp_call *call, const char *args, GString *out)
{
    g_autoptr(JsonNode) answer = qmp_query_balloon(call, NULL, NULL);

    g_string_append_printf(out, "balloon: actual=%" G_GINT64_FORMAT "\n",
                           json_object_get_int_member(json_node_get_object(answer), "actual") >> 20);
}

static hmp_fn do_help, do_info;

static const struct hmp_command commands[] = {
    {"balloon", "target -- ask the guest to aim at that many MiB of memory", do_balloon},
    {"block_resize", "device size -- give a disk another size", hmp_block_resize},
    {"c", "-- the same as cont", do_cont},
    {"change", "device file [format] -- another medium for a CD drive; vnc password [secret]", hmp_change},
    {"cont", "-- let the guest run", do_cont},
    {"device_add", "driver,prop=value,... -- plug a disk or a network card", hmp_device_add},
    {"device_del", "id -- ask the guest to let go of a device", hmp_device_del},
    {"drive_add", "dummy if=none,id=id,file=file,... -- open an image for device_add", hmp_drive_add},
    {"drive_del", "id -- close an image that no device has", hmp_drive_del},
    {"eject", "[-f] device -- take the medium out of a CD drive", hmp_eject},
    {"expire_password", "protocol time [-d display] -- when a password stops being good",
     hmp_expire_password},
    {"help", "[cmd] -- show the help", do_help},
    {"info", "[subcommand] -- show various information about the system state", do_info},
    {"mouse_button", "state -- buttons: 1 left, 2 middle, 4 right", hmp_mouse_button},
    {"mouse_move", "dx dy [dz] -- move the pointer", hmp_mouse_move},
    {"mouse_set", "index -- accepted: there is one pointer", hmp_mouse_set},
    {"netdev_add", "type,id=id,... -- add a network for device_add", hmp_netdev_add},
    {"netdev_del", "id -- remove a network", hmp_netdev_del},
    {"nmi", "-- send the guest a non-maskable interrupt", do_nmi},
    {"q", "-- the same as quit", do_quit},
    {"quit", "-- end the guest and the process", do_quit},
    {"s", "-- the same as stop", do_stop},
    {"screendump", "filename [-f format] [device [head]] -- what the guest shows, to a file",
     hmp_screendump},
    {"sendkey", "keys [hold_ms] -- press keys: sendkey ctrl-alt-f1", hmp_sendkey},
    {"set_link", "name on|off -- let frames through, or none", hmp_set_link},
    {"set_password", "protocol password [-d display] [connected] -- set a password", hmp_set_password},
    {"stop", "-- stop the guest", do_stop},
    {"system_powerdown", "-- ask the guest to power off", do_powerdown},
    {"system_reset", "-- start the guest again", do_reset},
};

static const struct hmp_command infos[] = {
    {"balloon", "-- the guest's memory", info_balloon},
    {"block", "-- the disks", hmp_info_block},
    {"block-jobs", "-- what is done to disks meanwhile", hmp_info_jobs},
    {"blockstats", "-- what the guest did on them", hmp_info_blockstats},
    {"chardev", "-- the character devices", info_chardev},
    {"cpus", "-- the vCPUs and their threads", info_cpus},
    {"hotpluggable-cpus", "-- the vCPUs that there can be", hmp_info_hotpluggable_cpus},
    {"iothreads", "-- the threads that serve disks", hmp_info_iothreads},
    {"kvm", "-- whether KVM runs the guest", info_kvm},
    {"memory_size_summary", "-- the memory that the guest was given", hmp_info_memory_size},
    {"mice", "-- the pointer", hmp_info_mice},
    {"migrate", "-- the migration", hmp_info_migrate},
    {"name", "-- the guest's name", info_name},
    {"network", "-- the network cards and what they are on", hmp_info_network},
    {"qtree", "-- the devices", hmp_info_qtree},
    {"registers", "[-a] -- the registers of vCPU 0, or of all", info_registers},
    {"status", "-- whether the guest runs", info_status},
    {"uuid", "-- the guest's UUID", info_uuid},
    {"version", "-- the version", info_version},
    {"vnc", "-- the VNC servers and their clients", hmp_info_vnc},
};

static const struct hmp_command *find(const struct hmp_command *table, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    }
    return NULL;
}

static void list(const struct hmp_command *table, size_t n, const char *prefix, const char *only,
                 GString *out)
{
    for (size_t i = 0; i < n; i++) {
        if (!*only || strcmp(only, table[i].name) == 0)
            g_string_append_printf(out, "%s%s %s\n", prefix, table[i].name, table[i].help);
    }
}

static void do_help(struct qmp_call *call, const char *args, GString *out)
{
    if (strcmp(args, "info") == 0)
        list(infos, G_N_ELEMENTS(infos), "info ", "", out);
    else
        list(commands, G_N_ELEMENTS(commands), "", args, out);
}

char *hmp_first_word(const char *text, const char **rest)
{
    size_t len = strcspn(text, " \t");

    *rest = text + len + strspn(text + len, " \t");
    return g_strndup(text, len);
}

static void do_info(struct qmp_call *call, const char *args, GString *out)
{
    const char *rest;
    g_autofree char *name = hmp_first_word(args, &rest);

    if (!*name) {
        list(infos, G_N_ELEMENTS(infos), "info ", "", out);
        return;
    }
    const struct hmp_command *c = find(infos, G_N_ELEMENTS(infos), name);
    if (c)
        c->run(call, rest, out);
    else
        g_string_append_printf(out, "unknown command: 'info %.100s'\n", args);
}

char *hmp_run(struct qmp_call *call, const char *line)
{
    g_autofree char *text = g_strstrip(g_utf8_make_valid(line, -1));
    g_autoptr(GString) out = g_string_new(NULL);
    const char *rest;

    if (!*text)
        return NULL;
    g_autofree char *name = hmp_first_word(text, &rest);
    const struct hmp_command *c = find(commands, G_N_ELEMENTS(commands), name);
    if (c)
        c->run(call, rest, out);
    else
        g_string_append_printf(out, "unknown command: '%.100s'\n", name);
    g_string_replace(out, "\n", "\r\n", 0);
    return g_string_free(g_steal_pointer(&out), FALSE);
}
