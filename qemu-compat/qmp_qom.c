/*
 * Types and objects by QEMU's names. Programs take a type's presence for the leave to use it with
 * -device or -object, so this lists what those options take, and no more.
 */
#include "qemu-compat/device_props.h"
#include "qemu-compat/qmp_handlers.h"
#include "xenner/vm/vm_disks.h"
#include "xenner/vm/vm_nets.h"

#include <stdio.h>
#include <string.h>

struct qom_type {
    const char *name, *parent;
    const char *properties; /* NAME:TYPE ...; NULL: device_properties() knows */
};

#define MEMORY "size:int merge:bool dump:bool share:bool prealloc:bool reserve:bool " \
    "x-use-canonical-path-for-ramblock-id:bool"

/* Sorted by name. */
static const struct qom_type types[] = {
    {"VGA", "pci-vga", NULL},
    {"cirrus-vga", "pci-device", NULL},
    {"host-x86_64-cpu", "max-x86_64-cpu", ""},
    {"ich9-usb-ehci1", "pci-device", NULL},
    {"ich9-usb-uhci1", "pci-device", NULL},
    {"iothread", "object", ""},
    {"isa-serial", "isa-device", NULL},
    {"kvm-accel", "accel", ""},
    {"max-x86_64-cpu", "x86_64-cpu", "pmu:bool"},
    /* -object refuses it, but libvirt 9.0 crashes when it is unknown */
    {"memory-backend-file", "memory-backend", MEMORY " mem-path:str pmem:bool align:int"},
    {"memory-backend-memfd", "memory-backend", MEMORY " seal:bool"},
    {"memory-backend-ram", "memory-backend", MEMORY},
    {"none-machine", "machine", "graphics:bool"},
    {"pc-i440fx-7.2-machine", "generic-pc-machine", "memory-backend:str dump-guest-core:bool usb:bool"},
    {"pci-bridge", "pci-device", NULL},
    {"piix3-usb-uhci", "pci-device", NULL},
    {"qemu-xhci", "pci-device", NULL},
    {"qemu64-x86_64-cpu", "x86_64-cpu", ""},
    {"qxl-vga", "pci-qxl", NULL},
    {"rng-builtin", "rng-backend", ""},
    {"rng-random", "rng-backend", "filename:str"},
    {"secret", "secret_common", "data:str file:str"},
    {"tcg-accel", "accel", ""},
    {"throttle-group", "object", "limits:ThrottleLimits"},
    {"usb-kbd", "usb-hid", NULL},
    {"usb-mouse", "usb-hid", NULL},
    {"usb-tablet", "usb-hid", NULL},
    {"virtconsole", "virtserialport", NULL},
    {"virtio-balloon-pci", "virtio-balloon-pci-base", NULL},
    {"virtio-blk-pci", "virtio-blk-pci-base", NULL},
    {"virtio-gpu-pci", "virtio-gpu-pci-base", NULL},
    {"virtio-keyboard-pci", "virtio-input-hid-pci", NULL},
    {"virtio-mouse-pci", "virtio-input-hid-pci", NULL},
    {"virtio-net-pci", "virtio-net-pci-base", NULL},
    {"virtio-rng-pci", "virtio-rng-pci-base", NULL},
    {"virtio-serial-pci", "virtio-serial-pci-base", NULL},
    {"virtio-tablet-pci", "virtio-input-hid-pci", NULL},
    {"virtio-vga", "virtio-vga-base", NULL},
    {"vmware-svga", "pci-device", NULL},
    {"xen-console", "xen-device", NULL},
    {"xen-disk", "xen-block", NULL},
    {"xen-net-device", "xen-device", NULL},
    {"xenfb", "xen-device", NULL},
    {"xenfv-machine", "machine", "graphics:bool"},
    {"xenkbd", "xen-device", NULL},
    {"xenpv-machine", "machine", "graphics:bool"},
    {"xenpvh-machine", "machine", "graphics:bool"},
};

/* The screen is an object when its device has an id. */
static bool is_screen(const struct vm_config *cfg, const char *path)
{
    const char *id = g_str_has_prefix(path, "/machine/peripheral/") ? path + 20 : NULL;

    return id && cfg->screen.id && strcmp(id, cfg->screen.id) == 0;
}

/* Sizes that libvirt reads back to know what the card really got. */
static bool screen_size(const struct vm_config *cfg, const char *property, gint64 *ret)
{
    static const struct {
        const char *name;
        gint64 value;
    } fixed[] = {{"ram_size", 64 << 20}, {"vram_size", 64 << 20}, {"vram64_size_mb", 0}};

    *ret = cfg->screen.memory_mb;
    if (strcmp(property, "vgamem_mb") == 0)
        return true;
    for (size_t i = 0; i < G_N_ELEMENTS(fixed); i++) {
        *ret = fixed[i].value;
        if (strcmp(property, fixed[i].name) == 0)
            return true;
    }
    return false;
}

#define PERIPHERAL "/machine/peripheral/"
#define OBJECTS "/objects/"

/* The types of plugged devices. NULL: no device has that id. */
static const char *device_type(struct vm *vm, const char *id)
{
    struct vm_disks *disks = vm_disks(vm);
    struct vm_nets *nets = vm_nets(vm);

    if (g_strcmp0(vm_configuration(vm)->balloon, id) == 0)
        return "virtio-balloon-pci";
    if (g_strcmp0(vm_configuration(vm)->screen.id, id) == 0)
        return vm_configuration(vm)->screen.driver;
    for (unsigned i = 0; i < vm_disks_count(disks); i++) {
        const struct disk_config *c = vm_disks_info(disks, i).config;
        if (g_strcmp0(c->device, id) == 0)
            return c->model ? c->model : "xen-disk";
    }
    for (unsigned i = 0; i < vm_nets_count(nets); i++) {
        if (g_strcmp0(vm_nets_info(nets, i).config->id, id) == 0)
            return "virtio-net-pci";
    }
    return NULL;
}

/* The objects that exist: each vCPU, plugged devices. NULL: there is no such path. */
static const char *object_type(struct qmp_call *call, const char *path)
{
    struct vm *vm = call->vm;
    const struct vm_config *cfg = vm_configuration(vm);
    unsigned n;
    char end;

    if (strcmp(path, "/machine") == 0)
        return cfg->machine;
    if (strcmp(path, "/machine/peripheral") == 0 || strcmp(path, "/machine/unattached") == 0)
        return "container";
    if (strcmp(path, "/objects") == 0)
        return "container";
    if (g_str_has_prefix(path, OBJECTS))
        return qmp_object_type(call, path + strlen(OBJECTS));
    if (g_str_has_prefix(path, PERIPHERAL))
        return device_type(vm, path + strlen(PERIPHERAL));
    if (sscanf(path, "/machine/unattached/device[%u%c", &n, &end) == 2 && end == ']' &&
        n < cfg->vcpus.count && !cfg->none)
        return "qemu64-x86_64-cpu";
    return is_screen(cfg, path) ? cfg->screen.driver : NULL;
}

static const struct qom_type *find_type(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
        if (strcmp(types[i].name, name) == 0)
            return &types[i];
    }
    return NULL;
}

static void add_property(JsonArray *list, const char *name, const char *type)
{
    JsonObject *o = json_object_new();

    json_object_set_string_member(o, "name", name);
    json_object_set_string_member(o, "type", type);
    json_array_add_object_element(list, o);
}

JsonNode *qmp_qom_list_types(struct qmp_call *call, JsonObject *args, GError **error)
{
    const char *implements = json_object_get_string_member_with_default(args, "implements", NULL);
    JsonArray *list = json_array_new();

    for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
        if (implements && strcmp(implements, types[i].name) != 0 &&
            strcmp(implements, types[i].parent) != 0)
            continue;
        JsonObject *o = json_object_new();
        json_object_set_string_member(o, "name", types[i].name);
        json_object_set_string_member(o, "parent", types[i].parent);
        json_array_add_object_element(list, o);
    }
    return qmp_array(list);
}

static JsonNode *list_properties(const char *name, const char *what, GError **error)
{
    const struct qom_type *t = find_type(name);

    if (!t) {
        g_set_error(error, QMP_ERROR, QMP_DEVICE_NOT_FOUND, "%s '%.100s' not found", what, name);
        return NULL;
    }
    JsonArray *list = json_array_new();
    g_auto(GStrv) all = g_strsplit(t->properties ? t->properties : device_properties(t->name), " ", -1);
    for (unsigned i = 0; all[i]; i++) {
        g_auto(GStrv) pair = g_strsplit(all[i], ":", 2);
        if (pair[0] && pair[1])
            add_property(list, pair[0], pair[1]);
    }
    return qmp_array(list);
}

JsonNode *qmp_device_list_properties(struct qmp_call *call, JsonObject *args, GError **error)
{
    return list_properties(json_object_get_string_member(args, "typename"), "Device", error);
}

JsonNode *qmp_qom_list_properties(struct qmp_call *call, JsonObject *args, GError **error)
{
    return list_properties(json_object_get_string_member(args, "typename"), "Class", error);
}

static const char *need_object(struct qmp_call *call, JsonObject *args, GError **error)
{
    const char *path = json_object_get_string_member(args, "path");
    const char *type = object_type(call, path);

    if (!type)
        g_set_error(error, QMP_ERROR, QMP_DEVICE_NOT_FOUND, "Device '%.100s' not found", path);
    return type;
}

static void add_typed(JsonArray *list, const char *id, const char *type)
{
    g_autofree char *child = g_strdup_printf("child<%s>", type);

    add_property(list, id, child);
}

static void add_child(JsonArray *list, struct vm *vm, const char *id)
{
    const char *type = id ? device_type(vm, id) : NULL;

    if (type)
        add_typed(list, id, type);
}

static void add_children(JsonArray *list, struct vm *vm)
{
    add_child(list, vm, vm_configuration(vm)->balloon);
    add_child(list, vm, vm_configuration(vm)->screen.id);
    for (unsigned i = 0; i < vm_disks_count(vm_disks(vm)); i++)
        add_child(list, vm, vm_disks_info(vm_disks(vm), i).config->device);
    for (unsigned i = 0; i < vm_nets_count(vm_nets(vm)); i++)
        add_child(list, vm, vm_nets_info(vm_nets(vm), i).config->id);
}

/* The balloon's statistics, in QEMU's names; -1 is what nobody knows. */
static JsonNode *guest_stats(struct vm *vm)
{
    static const char *const unknown[] = {
        "stat-swap-in", "stat-swap-out", "stat-major-faults", "stat-minor-faults",
        "stat-available-memory", "stat-disk-caches", "stat-htlb-pgalloc", "stat-htlb-pgfail"};
    JsonObject *o = json_object_new(), *stats = json_object_new();
    uint64_t free_bytes = 0, total = vm_memory(vm);
    bool known = vm_memory_stats(vm, &free_bytes, &total);

    for (unsigned i = 0; i < G_N_ELEMENTS(unknown); i++)
        json_object_set_int_member(stats, unknown[i], -1);
    json_object_set_int_member(stats, "stat-total-memory", (gint64)total);
    json_object_set_int_member(stats, "stat-free-memory", known ? (gint64)free_bytes : -1);
    json_object_set_object_member(o, "stats", stats);
    json_object_set_int_member(o, "last-update", g_get_real_time() / G_USEC_PER_SEC);
    return qmp_object(o);
}

/* Few: libvirt reads each one that is listed. */
JsonNode *qmp_qom_list(struct qmp_call *call, JsonObject *args, GError **error)
{
    const char *type = need_object(call, args, error);

    if (!type)
        return NULL;
    JsonArray *list = json_array_new();
    add_property(list, "type", "string");
    if (strcmp(type, "qemu64-x86_64-cpu") == 0)
        add_property(list, "realized", "bool");
    const char *path = json_object_get_string_member(args, "path");
    if (strcmp(path, "/machine/peripheral") == 0)
        add_children(list, call->vm);
    if (strcmp(path, "/objects") == 0)
        qmp_object_list(call, add_typed, list);
    if (strcmp(type, "throttle-group") == 0)
        add_property(list, "limits", "ThrottleLimits");
    if (strcmp(type, "virtio-balloon-pci") == 0) {
        add_property(list, "guest-stats", "guest statistics");
        add_property(list, "guest-stats-polling-interval", "int");
    }
    return qmp_array(list);
}

JsonNode *qmp_qom_get(struct qmp_call *call, JsonObject *args, GError **error)
{
    const char *type = need_object(call, args, error);
    const char *property = json_object_get_string_member(args, "property");
    const struct vm_config *cfg = vm_configuration(call->vm);
    gint64 size;

    if (!type)
        return NULL;
    bool balloon = strcmp(type, "virtio-balloon-pci") == 0;
    if (balloon && strcmp(property, "guest-stats") == 0)
        return guest_stats(call->vm);
    if (strcmp(type, "throttle-group") == 0 && strcmp(property, "limits") == 0)
        return qmp_group_limits(call, json_object_get_string_member(args, "path") + strlen(OBJECTS));
    JsonNode *node = json_node_new(JSON_NODE_VALUE);
    if (balloon && strcmp(property, "guest-stats-polling-interval") == 0)
        json_node_set_int(node, 0); /* they are always new */
    else if (strcmp(property, "type") == 0)
        json_node_set_string(node, type);
    else if (strcmp(property, "realized") == 0)
        json_node_set_boolean(node, TRUE);
    else if (is_screen(cfg, json_object_get_string_member(args, "path")) &&
             screen_size(cfg, property, &size))
        json_node_set_int(node, size);
    else {
        json_node_unref(node);
        g_set_error(error, QMP_ERROR, QMP_GENERIC_ERROR, "Property '%s.%.100s' not found", type,
                    property);
        return NULL;
    }
    return node;
}

JsonNode *qmp_qom_set(struct qmp_call *call, JsonObject *args, GError **error)
{
    const char *type = need_object(call, args, error);
    const char *property = json_object_get_string_member(args, "property");

    if (type && strcmp(type, "virtio-balloon-pci") == 0 &&
        strcmp(property, "guest-stats-polling-interval") == 0)
        return qmp_empty(); /* nothing has to be asked for ahead of time */
    if (type && strcmp(type, "throttle-group") == 0 && strcmp(property, "limits") == 0)
        return qmp_group_set_limits(call, json_object_get_string_member(args, "path") + strlen(OBJECTS),
                                    json_object_get_member(args, "value"), error);
    if (type)
        g_set_error(error, QMP_ERROR, QMP_GENERIC_ERROR, "Property '%s.%.100s' not found", type,
                    json_object_get_string_member(args, "property"));
    return NULL;
}
