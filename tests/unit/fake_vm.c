#include "fake_vm.h"
#include "xenner/vm/vm_disks.h"
#include "xenner/vm/vm_jobs.h"
#include "xenner/vm/vm_nets.h"
#include "xenner/vm/vm_snapshot.h"

#include "xenner/vm/vm_display.h"

#include <gio/gio.h>
#include <unistd.h>

struct vm {
    const struct vm_config *cfg;
    struct chardev *chr;
    enum run_state state;
    GString *calls;
    vm_listener_fn listener;
    void *opaque;
};

struct vm *fake_vm_new(const struct vm_config *cfg, struct chardev *chr)
{
    struct vm *vm = g_new0(struct vm, 1);

    vm->cfg = cfg;
    vm->chr = chr;
    vm->calls = g_string_new(NULL);
    return vm;
}

void fake_vm_free(struct vm *vm)
{
    g_string_free(vm->calls, TRUE);
    g_free(vm);
}

const char *fake_vm_calls(const struct vm *vm)
{
    return vm->calls->str;
}

void fake_vm_tell(struct vm *vm, struct vm_event event)
{
    vm->listener(vm->opaque, &event);
}

static bool note(struct vm *vm, const char *what)
{
    g_string_append_printf(vm->calls, "%s%s", vm->calls->len ? " " : "", what);
    return true;
}

bool vm_start(struct vm *vm, GError **error)
{
    if (vm->state == RUN_SHUTDOWN) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "it has ended");
        return false;
    }
    vm->state = RUN_RUNNING;
    fake_vm_tell(vm, (struct vm_event){VM_EVENT_RESUME});
    return note(vm, "start");
}

bool vm_stop(struct vm *vm, GError **error)
{
    vm->state = RUN_SHUTDOWN;
    return note(vm, "stop");
}

bool vm_reset(struct vm *vm, GError **error)
{
    return note(vm, "reset");
}

bool vm_nmi(struct vm *vm, GError **error)
{
    return note(vm, "nmi");
}

bool vm_system_powerdown(struct vm *vm, GError **error)
{
    return note(vm, "powerdown");
}

bool vm_set_memory(struct vm *vm, uint64_t bytes, GError **error)
{
    g_autofree char *text = g_strdup_printf("memory(%" G_GUINT64_FORMAT ")", bytes);

    return note(vm, text);
}

void vm_quit(struct vm *vm, int status)
{
    note(vm, "quit");
}

enum run_state vm_run_state(const struct vm *vm)
{
    return vm->state;
}

const struct vm_config *vm_configuration(const struct vm *vm)
{
    return vm->cfg;
}

struct chardev *vm_chardev(struct vm *vm, const char *id)
{
    return vm->chr;
}

void vm_add_listener(struct vm *vm, vm_listener_fn fn, void *opaque)
{
    vm->listener = fn;
    vm->opaque = opaque;
}

void vm_remove_listener(struct vm *vm, vm_listener_fn fn, void *opaque)
{
    vm->listener = NULL;
}

int vm_vcpu_tid(struct vm *vm, unsigned vcpu)
{
    return vcpu ? 0 : 4711;
}

const char *vm_accel(const struct vm *vm)
{
    return "kvm";
}

/* A machine without devices. */
struct vm_disks *vm_disks(struct vm *vm)
{
    return NULL;
}

struct vm_nets *vm_nets(struct vm *vm)
{
    return NULL;
}

int vm_disks_tid(struct vm_disks *d)
{
    return 4712;
}

unsigned vm_disks_count(const struct vm_disks *d)
{
    return 0;
}

struct vm_disk_info vm_disks_info(const struct vm_disks *d, unsigned i)
{
    return (struct vm_disk_info){0};
}

GPtrArray *vm_disks_nodes(struct vm_disks *d)
{
    static GPtrArray *none;

    return none ? none : (none = g_ptr_array_new());
}

unsigned vm_nets_count(const struct vm_nets *n)
{
    return 0;
}

struct vm_nic_info vm_nets_info(const struct vm_nets *n, unsigned i)
{
    return (struct vm_nic_info){0};
}

bool vm_disks_has(const struct vm_disks *d, const char *device)
{
    return false;
}

bool vm_nets_has(const struct vm_nets *n, const char *nic)
{
    return false;
}

static bool no_devices(GError **error)
{
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "no devices here");
    return false;
}

bool vm_disks_open_nodes(struct vm_disks *d, unsigned first, GError **error)
{
    return no_devices(error);
}

bool vm_disks_close_node(struct vm_disks *d, const char *name, GError **error)
{
    return no_devices(error);
}

bool vm_disks_plug(struct vm_disks *d, struct disk_config *device, GError **error)
{
    disk_config_free(device);
    return no_devices(error);
}

bool vm_disks_unplug(struct vm_disks *d, const char *device, GError **error)
{
    return no_devices(error);
}

bool vm_disks_open_tray(struct vm_disks *d, const char *name, bool force, GError **error)
{
    return no_devices(error);
}

bool vm_disks_close_tray(struct vm_disks *d, const char *name, GError **error)
{
    return no_devices(error);
}

bool vm_disks_remove_medium(struct vm_disks *d, const char *name, GError **error)
{
    return no_devices(error);
}

bool vm_disks_insert_medium(struct vm_disks *d, const char *name, const char *node, GError **error)
{
    return no_devices(error);
}

bool vm_disks_change(struct vm_disks *d, const char *name, struct disk_config *medium, bool force,
                     GError **error)
{
    disk_config_free(medium);
    return no_devices(error);
}

bool vm_disks_snapshot(struct vm_disks *d, const struct vm_snapshot_request *requests, unsigned n,
                       GError **error)
{
    return no_devices(error);
}

bool vm_disks_resize(struct vm_disks *d, const char *name, uint64_t bytes, GError **error)
{
    return no_devices(error);
}

bool vm_disks_set_limits(struct vm_disks *d, const char *name, const struct disk_limits *limits,
                         const char *group, GError **error)
{
    return no_devices(error);
}

static struct disk_limits group_limits; /* of the only group */

bool vm_disks_add_group(struct vm_disks *d, const char *name, const struct disk_limits *limits,
                        GError **error)
{
    group_limits = *limits;
    return true;
}

bool vm_disks_del_group(struct vm_disks *d, const char *name, GError **error)
{
    return true;
}

const struct disk_limits *vm_disks_group_limits(const struct vm_disks *d, const char *name)
{
    return &group_limits;
}

bool vm_disks_set_group_limits(struct vm_disks *d, const char *name, const struct disk_limits *limits,
                               GError **error)
{
    group_limits = *limits;
    return true;
}

bool vm_nets_add(struct vm_nets *n, struct netdev_config *netdev, GError **error)
{
    netdev_config_free(netdev);
    return no_devices(error);
}

bool vm_nets_remove(struct vm_nets *n, const char *id, GError **error)
{
    return no_devices(error);
}

bool vm_nets_plug(struct vm_nets *n, struct nic_config *nic, GError **error)
{
    nic_config_free(nic);
    return no_devices(error);
}

bool vm_nets_unplug(struct vm_nets *n, const char *nic, GError **error)
{
    return no_devices(error);
}

bool vm_nets_set_link(struct vm_nets *n, const char *name, bool up, GError **error)
{
    return no_devices(error);
}

uint64_t vm_memory(const struct vm *vm)
{
    return vm->cfg->memory.bytes;
}

bool vm_memory_stats(struct vm *vm, uint64_t *ret_free, uint64_t *ret_total)
{
    return false;
}

bool vm_disks_add_drive(struct vm_disks *d, struct disk_config *config, GError **error)
{
    disk_config_free(config);
    return no_devices(error);
}

bool vm_disks_del_drive(struct vm_disks *d, const char *id, GError **error)
{
    return no_devices(error);
}

bool vm_has_screen(struct vm *vm, GError **error)
{
    return true;
}

bool vm_screendump(struct vm *vm, const char *path, enum vm_shot_format format, GError **error)
{
    g_autofree char *text = g_strdup_printf("shot(%s %s)", path, format == VM_SHOT_PNG ? "png" : "ppm");

    return note(vm, text);
}

unsigned vm_key_by_name(const char *name)
{
    return g_str_has_prefix(name, "no") ? 0 : (uint8_t)name[0];
}

unsigned vm_key_by_number(uint32_t number)
{
    return number < 200 ? number : 0;
}

bool vm_send_keys(struct vm *vm, const unsigned *codes, unsigned n, unsigned hold_ms, GError **error)
{
    g_autofree char *text = g_strdup_printf("keys(%u %u %u)", codes[0], n, hold_ms);

    return note(vm, text);
}

void vm_key(struct vm *vm, unsigned code, bool down)
{
    g_autofree char *text = g_strdup_printf("key(%u %d)", code, down);

    note(vm, text);
}

void vm_pointer(struct vm *vm, int x, int y)
{
    g_autofree char *text = g_strdup_printf("at(%d %d)", x, y);

    note(vm, text);
}

void vm_pointer_move(struct vm *vm, int dx, int dy)
{
    g_autofree char *text = g_strdup_printf("move(%d %d)", dx, dy);

    note(vm, text);
}

void vm_wheel(struct vm *vm, int steps)
{
    g_autofree char *text = g_strdup_printf("wheel(%d)", steps);

    note(vm, text);
}

bool vm_pointer_is_absolute(struct vm *vm)
{
    return true;
}

const struct vnc_config *vm_vnc_config(struct vm *vm, unsigned i)
{
    return i < vm->cfg->vncs->len ? g_ptr_array_index(vm->cfg->vncs, i) : NULL;
}

static struct vnc_address client = {"ipv4", (char *)"127.0.0.1", (char *)"4711"};

unsigned vm_vnc_clients(struct vm *vm, unsigned i)
{
    return 1;
}

const struct vnc_address *vm_vnc_client(struct vm *vm, unsigned i, unsigned n)
{
    return &client;
}

bool vm_vnc_address(struct vm *vm, unsigned i, struct vnc_address *ret)
{
    *ret = (struct vnc_address){"ipv4", g_strdup("127.0.0.1"), g_strdup("5900")};
    return true;
}

bool vm_vnc_set_password(struct vm *vm, const char *id, const char *secret, GError **error)
{
    g_autofree char *text = g_strdup_printf("password(%s %s)", id ? id : "-", secret ? secret : "-");

    return note(vm, text);
}

bool vm_vnc_expire(struct vm *vm, const char *id, int64_t when, GError **error)
{
    g_autofree char *text = g_strdup_printf("expire(%s %" G_GINT64_FORMAT ")", id ? id : "-", when);

    return note(vm, text);
}

bool vm_vnc_add_client(struct vm *vm, int fd, bool skip_auth, GError **error)
{
    close(fd);
    return note(vm, skip_auth ? "client(skip)" : "client");
}

bool vm_registers(struct vm *vm, unsigned vcpu, GString *out, GError **error)
{
    g_string_append_printf(out, "RAX=%u\n", vcpu);
    return true;
}

/* There are no jobs. */
struct vm_jobs *vm_jobs_new(void)
{
    return NULL;
}

void vm_jobs_free(struct vm_jobs *jobs)
{
}

void vm_jobs_set_handler(struct vm_jobs *jobs, void (*fn)(void *opaque, const char *id,
                                                          const char *status), void *opaque)
{
}

bool vm_jobs_create(struct vm_jobs *jobs, const char *id, JsonObject *options, const GPtrArray *nodes,
                    GError **error)
{
    return no_devices(error);
}

unsigned vm_jobs_count(const struct vm_jobs *jobs)
{
    return 0;
}

struct vm_job_info vm_jobs_info(const struct vm_jobs *jobs, unsigned i)
{
    return (struct vm_job_info){0};
}

bool vm_jobs_dismiss(struct vm_jobs *jobs, const char *id, GError **error)
{
    return no_devices(error);
}
