/*
 * Types and objects by QEMU's names. Programs take a type's presence for the leave to use it with
 * -device or -object, so this lists what those options take, and no more.
 */
#include "qemu-compat/qmp_handlers.h"
#include "xenner/vm/vm_disks.h"
#include "xenner/vm/vm_nets.h"

#include <stdio.h>
#include <string.h>

struct qom_type {
    const char *name, *parent;
    const char *properties; /* NAME:TYPE ... */
};

#define DISK "drive:str bootindex:int32 serial:str logical_block_size:size physical_block_size:size " \
    "share-rw:bool write-cache:OnOffAuto werror:BlockdevOnError rerror:BlockdevOnError"
#define PCI " addr:int32 multifunction:bool"
#define MEMORY "size:int merge:bool dump:bool share:bool prealloc:bool reserve:bool " \
    "x-use-canonical-path-for-ramblock-id:bool"

/* Sorted by name. */
static const struct qom_type types[] = {
    {"host-x86_64-cpu", "max-x86_64-cpu", ""},
    {"ich9-usb-ehci1", "pci-device", "addr:int32 multifunction:bool"},
    {"ich9-usb-uhci1", "pci-device", "addr:int32 multifunction:bool masterbus:str firstport:uint32"},
    {"iothread", "object", ""},
    {"isa-serial", "isa-device", "chardev:str index:uint32 iobase:uint32 irq:uint32"},
    {"kvm-accel", "accel", ""},
    {"max-x86_64-cpu", "x86_64-cpu", "pmu:bool"},
    /* -object refuses it, but libvirt 9.0 crashes when it is unknown */
    {"memory-backend-file", "memory-backend", MEMORY " mem-path:str pmem:bool align:int"},
    {"memory-backend-memfd", "memory-backend", MEMORY " seal:bool"},
    {"memory-backend-ram", "memory-backend", MEMORY},
    {"none-machine", "machine", "graphics:bool"},
    {"pc-i440fx-7.2-machine", "generic-pc-machine", "memory-backend:str dump-guest-core:bool usb:bool"},
    {"pci-bridge", "pci-device", "chassis_nr:uint8" PCI},
    {"piix3-usb-uhci", "pci-device", "addr:int32 multifunction:bool"},
    {"qemu-xhci", "pci-device", "p2:uint32 p3:uint32" PCI},
    {"qemu64-x86_64-cpu", "x86_64-cpu", ""},
    {"rng-builtin", "rng-backend", ""},
    {"rng-random", "rng-backend", "filename:str"},
    {"secret", "secret_common", "data:str file:str"},
    {"tcg-accel", "accel", ""},
    {"virtconsole", "virtserialport", "chardev:str nr:uint32 name:str"},
    {"virtio-balloon-pci", "virtio-balloon-pci-base", "deflate-on-oom:bool free-page-reporting:bool" PCI},
    {"virtio-blk-pci", "virtio-blk-pci-base", DISK PCI},
    {"virtio-net-pci", "virtio-net-pci-base", "netdev:str mac:str bootindex:int32" PCI},
    {"virtio-rng-pci", "virtio-rng-pci-base", "rng:str max-bytes:uint64 period:uint32" PCI},
    {"virtio-serial-pci", "virtio-serial-pci-base", "max_ports:uint32" PCI},
    {"xen-console", "xen-device", "chardev:str idx:int32"},
    {"xen-disk", "xen-block", "drive:str vdev:str"},
    {"xen-net-device", "xen-device", "netdev:str mac:str"},
    {"xenpv-machine", "machine", "graphics:bool"},
};

#define PERIPHERAL "/machine/peripheral/"

/* The types of plugged devices. NULL: no device has that id. */
static const char *device_type(struct vm *vm, const char *id)
{
    struct vm_disks *disks = vm_disks(vm);
    struct vm_nets *nets = vm_nets(vm);

    if (g_strcmp0(vm_configuration(vm)->balloon, id) == 0)
        return "virtio-balloon-pci";
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
static const char *object_type(struct vm *vm, const char *path)
{
    const struct vm_config *cfg = vm_configuration(vm);
    unsigned n;
    char end;

    if (strcmp(path, "/machine") == 0)
        return cfg->machine;
    if (strcmp(path, "/machine/peripheral") == 0 || strcmp(path, "/machine/unattached") == 0)
        return "container";
    if (g_str_has_prefix(path, PERIPHERAL))
        return device_type(vm, path + strlen(PERIPHERAL));
    if (sscanf(path, "/machine/unattached/device[%u%c", &n, &end) == 2 && end == ']' &&
        n < cfg->vcpus.count && !cfg->none)
        return "qemu64-x86_64-cpu";
    return NULL;
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
    g_auto(GStrv) all = g_strsplit(t->properties, " ", -1);
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
    const char *type = object_type(call->vm, path);

    if (!type)
        g_set_error(error, QMP_ERROR, QMP_DEVICE_NOT_FOUND, "Device '%.100s' not found", path);
    return type;
}

static void add_child(JsonArray *list, struct vm *vm, const char *id)
{
    const char *type = id ? device_type(vm, id) : NULL;
    g_autofree char *child = g_strdup_printf("child<%s>", type ? type : "");

    if (type)
        add_property(list, id, child);
}

static void add_children(JsonArray *list, struct vm *vm)
{
    add_child(list, vm, vm_configuration(vm)->balloon);
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
    if (strcmp(type, "container") == 0 && strcmp(json_object_get_string_member(args, "path"),
                                                 "/machine/peripheral") == 0)
        add_children(list, call->vm);
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

    if (!type)
        return NULL;
    bool balloon = strcmp(type, "virtio-balloon-pci") == 0;
    if (balloon && strcmp(property, "guest-stats") == 0)
        return guest_stats(call->vm);
    JsonNode *node = json_node_new(JSON_NODE_VALUE);
    if (balloon && strcmp(property, "guest-stats-polling-interval") == 0)
        json_node_set_int(node, 0); /* they are always new */
    else if (strcmp(property, "type") == 0)
        json_node_set_string(node, type);
    else if (strcmp(property, "realized") == 0)
        json_node_set_boolean(node, TRUE);
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
    if (type)
        g_set_error(error, QMP_ERROR, QMP_GENERIC_ERROR, "Property '%s.%.100s' not found", type,
                    json_object_get_string_member(args, "property"));
    return NULL;
}
