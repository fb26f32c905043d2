#include "xenner/vm/vm_priv.h"
#include "xenner/backend/console.h"
#include "xenner/vm/vm_disks.h"
#include "xenner/chardev/chardev.h"
#include "xenner/domain/domain.h"
#include "xenner/vm/vm_screen.h"
#include "xenner/vm/doors.h"
#include "xenner/vm/vm_handover.h"
#include "xenner/vm/vm_nets.h"
#include "xenner/vm/vm_source.h"

#include <gio/gio.h>

struct listener {
    vm_listener_fn fn;
    void *opaque;
};

void vm_tell(struct vm *vm, struct vm_event event)
{
    for (guint i = 0; i < vm->listeners->len; i++) {
        struct listener l = g_array_index(vm->listeners, struct listener, i);
        l.fn(l.opaque, &event);
    }
}

static void close_domain(struct vm *vm)
{
    vm_handover_end(vm->handover);
    vm_doors_serve(vm->doors, NULL);
    g_ptr_array_set_size(vm->consoles, 0);
    vm_screen_close(vm->screen);
    vm_disks_detach(vm->disks);
    vm_nets_detach(vm->nets);
    domain_destroy(g_steal_pointer(&vm->domain));
}

static const struct domain_events events;

/* NULL, after a warning: it has nothing that can be built. */
static struct domain *create_direct(struct vm *vm)
{
    struct boot_images images = {0};
    g_autoptr(GError) error = NULL;
    struct domain *d = NULL;

    if (vm_source_get(vm, NULL, &images, &error))
        d = domain_create(vm->cfg, &images, &events, vm, &error);
    if (!d)
        g_warning("bootloader=direct: %s; the boot loader is started instead", error->message);
    boot_images_clear(&images);
    return d;
}

static struct domain *create_handed_over(struct vm *vm, const struct vm_handed_over *what)
{
    struct domain *d = what->prepared;
    g_autoptr(GError) error = NULL;

    if (d && !domain_complete(d, &events, vm, &error))
        domain_destroy(g_steal_pointer(&d));
    else if (!d)
        d = domain_create(vm->cfg, what->images, &events, vm, &error);
    if (!d)
        g_warning("%s; the boot loader is left to start it", error->message);
    return d;
}

/* handed: by a boot loader, or NULL. */
static struct domain *create_domain(struct vm *vm, const struct vm_handed_over *handed, GError **error)
{
    struct domain *d = NULL;

    if (handed)
        d = create_handed_over(vm, handed);
    else if (vm->cfg->boot.direct && vm_source_check(vm))
        d = create_direct(vm);
    if (!d && (d = domain_create(vm->cfg, NULL, &events, vm, error)) && !handed)
        vm_handover_begin(vm->handover, d);
    return d;
}

static bool open_domain(struct vm *vm, const struct vm_handed_over *handed, GError **error)
{
    if (vm->cfg->none) /* libvirt asks a machine without a guest what it would run on */
        return (vm->accel = domain_choose_accel(vm->cfg, error));
    vm->domain = create_domain(vm, handed, error);
    if (!vm->domain || !vm_open_consoles(vm, error) ||
        !vm_screen_open(vm->screen, domain_host(vm->domain), error) ||
        !vm_disks_attach(vm->disks, domain_host(vm->domain), error) ||
        !vm_nets_attach(vm->nets, domain_host(vm->domain), error)) {
        close_domain(vm);
        return false;
    }
    vm_doors_serve(vm->doors, vm->domain);
    return true;
}

void vm_quit(struct vm *vm, int status)
{
    if (vm->quitting)
        return;
    vm->quitting = true;
    if (vm->quit)
        vm->quit(vm->quit_opaque, status);
}

/* Everything of the guest goes and comes again, as Xen makes a new domain; chardevs stay open. */
static bool start_again(struct vm *vm, const struct vm_handed_over *handed, bool run, GError **error)
{
    close_domain(vm);
    if (open_domain(vm, handed, error) && (!run || vm->cfg->none || domain_set_running(vm->domain, true, error)))
        return true;
    vm->state = RUN_INTERNAL_ERROR;
    return false;
}

static void reset(struct vm *vm)
{
    g_autoptr(GError) error = NULL;

    if (start_again(vm, NULL, true, &error)) {
        vm->state = RUN_RUNNING;
        vm_tell(vm, (struct vm_event){VM_EVENT_RESET, .by_guest = true, .reason = "guest-reset"});
    } else {
        g_message("%s", error->message);
        vm_quit(vm, EXIT_ERROR);
    }
}

void vm_start_handed_over(struct vm *vm, const struct vm_handed_over *what)
{
    g_autoptr(GError) error = NULL;

    if (!start_again(vm, what, vm->state == RUN_RUNNING, &error)) {
        g_message("%s", error->message);
        vm_quit(vm, EXIT_ERROR);
    }
}

bool vm_reset(struct vm *vm, GError **error)
{
    bool run = vm->state == RUN_RUNNING;

    if (!start_again(vm, NULL, run, error)) {
        vm_quit(vm, EXIT_ERROR);
        return false;
    }
    if (!run && vm->state != RUN_PRELAUNCH)
        vm->state = RUN_PAUSED;
    vm_tell(vm, (struct vm_event){VM_EVENT_RESET, .reason = "host-qmp-system-reset"});
    return true;
}

static void report_crash(struct vm *vm)
{
    g_autoptr(GString) report = g_string_new(NULL);

    domain_crash_report(vm->domain, report);
    g_message("the guest crashed\n%s", report->str);
}

/* QEMU's ShutdownCause */
static const char *shutdown_cause(enum guest_end end)
{
    return end == END_POWEROFF ? "guest-shutdown" : end == END_REBOOT ? "guest-reset" : "guest-panic";
}

static void on_shutdown(void *opaque, unsigned reason)
{
    struct vm *vm = opaque;
    enum guest_end end = lifecycle_classify(reason);
    struct lifecycle_decision d = lifecycle_decide(vm->cfg, end);

    for (guint i = 0; i < vm->consoles->len; i++)
        console_backend_drain(g_ptr_array_index(vm->consoles, i));
    if (end == END_CRASH) {
        report_crash(vm);
        vm_tell(vm, (struct vm_event){VM_EVENT_PANICKED, .by_guest = true});
    }
    /* Who sent the signal wants the end of this process, also of a guest with -no-shutdown. */
    if (vm->asked_to_end && end != END_CRASH)
        d = (struct lifecycle_decision){STEP_QUIT, RUN_SHUTDOWN, EXIT_OK};
    if (d.step != STEP_RESET && d.state != RUN_GUEST_PANICKED)
        vm_tell(vm, (struct vm_event){VM_EVENT_SHUTDOWN, .by_guest = true, .reason = shutdown_cause(end)});
    switch (d.step) {
    case STEP_QUIT:
        vm->state = RUN_SHUTDOWN;
        vm_quit(vm, d.status);
        break;
    case STEP_RESET:
        reset(vm);
        break;
    case STEP_STAY:
        vm->state = d.state;
        vm_tell(vm, (struct vm_event){VM_EVENT_STOP});
        break;
    }
}

static void on_failed(void *opaque, const char *why)
{
    struct vm *vm = opaque;

    g_message("%s", why);
    vm->state = RUN_INTERNAL_ERROR;
    vm_quit(vm, EXIT_ERROR);
}

static void on_debug_output(void *opaque, const char *text, size_t len)
{
    struct vm *vm = opaque;

    if (vm->consoles->len)
        console_backend_debug_out(g_ptr_array_index(vm->consoles, 0), text, len);
}

static const struct domain_events events = {on_shutdown, on_failed, on_debug_output};

static void on_deleted(void *opaque, const char *device)
{
    vm_source_check(opaque);
    vm_tell(opaque, (struct vm_event){VM_EVENT_DEVICE_DELETED, .id = device});
}

static void on_tray(void *opaque, const char *device, bool open)
{
    vm_source_check(opaque);
    vm_tell(opaque, (struct vm_event){VM_EVENT_TRAY, .id = device, .open = open});
}

static bool stop_in(struct vm *vm, enum run_state state, GError **error)
{
    if (vm->state != RUN_RUNNING)
        return true;
    if (!vm->cfg->none && !domain_set_running(vm->domain, false, error))
        return false;
    vm->state = state;
    vm_tell(vm, (struct vm_event){VM_EVENT_STOP});
    return true;
}

static void on_disk_failed(void *opaque, const struct vm_disk_error *e)
{
    g_autoptr(GError) error = NULL;
    struct vm *vm = opaque;

    vm_tell(vm, (struct vm_event){VM_EVENT_IO_ERROR, .disk_error = e});
    if (e->action == IMAGE_STOPPED && !stop_in(vm, RUN_IO_ERROR, &error))
        g_message("%s", error->message);
}

static const struct vm_disks_events disk_events = {on_deleted, on_tray, on_disk_failed};

static void on_vnc(void *opaque, unsigned i, enum vnc_event what, const struct vnc_address *client)
{
    vm_tell(opaque, (struct vm_event){VM_EVENT_VNC, .vnc = {i, what, client}});
}

struct vm *vm_new(const struct vm_config *cfg, const struct boot_source *source, GError **error)
{
    struct vm *vm = g_new0(struct vm, 1);

    vm->cfg = cfg;
    vm->source = source;
    vm->handover = source && !cfg->boot.direct ? vm_handover_new(vm) : NULL;
    vm->listeners = g_array_new(FALSE, FALSE, sizeof(struct listener));
    vm->state = RUN_PRELAUNCH;
    vm->chardevs = g_ptr_array_new_with_free_func((GDestroyNotify)chardev_free);
    vm->consoles = g_ptr_array_new_with_free_func((GDestroyNotify)console_backend_free);
    vm->disks = vm_disks_new(cfg, error);
    vm->nets = vm->disks ? vm_nets_new(cfg, error) : NULL;
    vm->screen = vm->nets ? vm_screen_new(cfg, error) : NULL;
    if (vm->screen) {
        vm_source_begin(vm);
        vm_disks_set_events(vm->disks, &disk_events, vm);
        vm_nets_set_deleted(vm->nets, on_deleted, vm);
        vm_screen_set_vnc_events(vm->screen, on_vnc, vm);
    }
    if (!vm->screen || !vm_open_chardevs(vm, error)) {
        vm_free(vm);
        return NULL;
    }
    return vm;
}

bool vm_build(struct vm *vm, GError **error)
{
    vm->doors = vm_doors_new(vm->cfg);
    return open_domain(vm, NULL, error);
}

bool vm_start(struct vm *vm, GError **error)
{
    if (vm->state == RUN_RUNNING)
        return true;
    if (vm->state != RUN_PRELAUNCH && vm->state != RUN_PAUSED && vm->state != RUN_IO_ERROR) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "the guest has ended (%s)",
                    run_state_name(vm->state));
        return false;
    }
    if (!vm->cfg->none && !domain_set_running(vm->domain, true, error))
        return false;
    vm->state = RUN_RUNNING;
    vm_tell(vm, (struct vm_event){VM_EVENT_RESUME});
    vm_disks_retry(vm->disks);
    return true;
}

bool vm_stop(struct vm *vm, GError **error)
{
    return stop_in(vm, RUN_PAUSED, error);
}

enum run_state vm_run_state(const struct vm *vm)
{
    return vm->state;
}

void vm_set_quit_handler(struct vm *vm, void (*fn)(void *opaque, int status), void *opaque)
{
    vm->quit = fn;
    vm->quit_opaque = opaque;
}

void vm_add_listener(struct vm *vm, vm_listener_fn fn, void *opaque)
{
    struct listener l = {fn, opaque};

    g_array_append_val(vm->listeners, l);
}

void vm_remove_listener(struct vm *vm, vm_listener_fn fn, void *opaque)
{
    for (guint i = 0; i < vm->listeners->len; i++) {
        struct listener *l = &g_array_index(vm->listeners, struct listener, i);
        if (l->fn == fn && l->opaque == opaque) {
            g_array_remove_index(vm->listeners, i);
            return;
        }
    }
}

const struct vm_config *vm_configuration(const struct vm *vm)
{
    return vm->cfg;
}

int vm_vcpu_tid(struct vm *vm, unsigned vcpu)
{
    return vm->domain ? domain_vcpu_tid(vm->domain, vcpu) : 0;
}

bool vm_registers(struct vm *vm, unsigned vcpu, GString *out, GError **error)
{
    bool running = vm->state == RUN_RUNNING;

    if (!vm->domain) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "this machine has no guest");
        return false;
    }
    if (running && !domain_set_running(vm->domain, false, error))
        return false;
    domain_registers(vm->domain, vcpu, out);
    return !running || domain_set_running(vm->domain, true, error);
}

const char *vm_accel(const struct vm *vm)
{
    return vm->domain ? domain_accel(vm->domain) : vm->accel ? vm->accel : "none";
}

struct vm_screen *vm_screen(struct vm *vm)
{
    return vm->screen;
}

struct vm_disks *vm_disks(struct vm *vm)
{
    return vm->disks;
}

struct vm_nets *vm_nets(struct vm *vm)
{
    return vm->nets;
}

bool vm_give(struct vm *vm, uid_t uid, gid_t gid, GError **error)
{
    return vm_doors_give(vm->doors, uid, gid, error);
}

void vm_free(struct vm *vm)
{
    if (!vm)
        return;
    if (vm->patience)
        g_source_remove(vm->patience);
    if (vm->ballooning)
        g_source_remove(vm->ballooning);
    close_domain(vm);
    vm_screen_free(vm->screen);
    vm_disks_free(vm->disks);
    vm_nets_free(vm->nets);
    g_ptr_array_unref(vm->consoles);
    g_ptr_array_unref(vm->chardevs);
    g_array_unref(vm->listeners);
    vm_handover_free(vm->handover);
    g_free(vm->source_disks);
    vm_doors_free(vm->doors);
    g_free(vm);
}
