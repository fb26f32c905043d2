#include "xenner/vm/vm.h"
#include "xenner/backend/console.h"
#include "xenner/vm/vm_disks.h"
#include "xenner/chardev/chardev.h"
#include "xenner/domain/domain.h"
#include "xenner/vm/vm_screen.h"
#include "xenner/vm/doors.h"
#include "xenner/vm/vm_nets.h"

#include <gio/gio.h>
#include <stdio.h>
#include <string.h>

enum { BALLOON_QUIET_S = 10 };

struct vm {
    const struct vm_config *cfg;
    const struct boot_source *source; /* or NULL */
    GPtrArray *chardevs;              /* struct chardev *, owned */
    struct domain *domain;
    struct vm_doors *doors;           /* NULL: there is no runtime directory */
    GPtrArray *consoles;              /* struct console_backend *, owned; the first is console 0 */
    struct vm_screen *screen;
    struct vm_disks *disks;
    struct vm_nets *nets;
    enum run_state state;
    GArray *listeners;                /* struct listener */
    const char *accel;                /* of a machine without a guest */
    bool quitting;
    bool asked_to_end;                /* vm_terminate() asked the guest, which has until: */
    guint patience;
    guint ballooning;                 /* source, while the balloon moves */
    uint64_t balloon_was;
    unsigned balloon_quiet;
    void (*quit)(void *opaque, int status);
    void *quit_opaque;
};

struct listener {
    vm_listener_fn fn;
    void *opaque;
};

static void tell(struct vm *vm, struct vm_event event)
{
    for (guint i = 0; i < vm->listeners->len; i++) {
        struct listener l = g_array_index(vm->listeners, struct listener, i);
        l.fn(l.opaque, &event);
    }
}

struct chardev *vm_chardev(struct vm *vm, const char *id)
{
    for (guint i = 0; i < vm->chardevs->len; i++) {
        struct chardev *chr = g_ptr_array_index(vm->chardevs, i);
        if (strcmp(chardev_id(chr), id) == 0)
            return chr;
    }
    return NULL;
}

/* What QEMU prints for a pty, so that people and scripts find it. */
static void announce(const struct chardev *chr)
{
    const char *label = chardev_label(chr);

    if (g_str_has_prefix(label, "pty:"))
        fprintf(stderr, "char device redirected to %s (label %s)\n", label + 4, chardev_id(chr));
}

static bool open_chardevs(struct vm *vm, GError **error)
{
    for (guint i = 0; i < vm->cfg->chardevs->len; i++) {
        const struct chardev_config *c = g_ptr_array_index(vm->cfg->chardevs, i);
        struct chardev *chr = chardev_new(c, error);
        if (!chr) {
            g_prefix_error(error, "%s: ", c->origin.text);
            return false;
        }
        g_ptr_array_add(vm->chardevs, chr);
        announce(chr);
    }
    return true;
}

static void close_domain(struct vm *vm)
{
    vm_doors_serve(vm->doors, NULL);
    g_ptr_array_set_size(vm->consoles, 0);
    vm_screen_close(vm->screen);
    vm_disks_detach(vm->disks);
    vm_nets_detach(vm->nets);
    domain_destroy(g_steal_pointer(&vm->domain));
}

static const struct domain_events events;

static gboolean quit_soon(gpointer data)
{
    vm_quit(data, EXIT_OK);
    return G_SOURCE_REMOVE;
}

static void print_escapes(struct vm *vm, struct console_backend *console)
{
    unsigned code = vm->cfg->escape_key ? vm->cfg->escape_key : 1;
    g_autofree char *key = code < ' ' ? g_strdup_printf("C-%c", g_ascii_tolower((char)(code + '@')))
                                      : g_strdup_printf("%c", code);
    g_autofree char *help = g_strdup_printf("\r\n%s h    print this help\r\n%s x    exit\r\n"
                                            "%s %s  send %s\r\n", key, key, key, key, key);

    console_backend_debug_out(console, help, strlen(help));
}

/* The keys that mean something without a monitor: QEMU's x and h. */
static void on_escape(void *opaque, struct console_backend *console, char key)
{
    struct vm *vm = opaque;

    if (key == 'x')
        g_idle_add(quit_soon, vm);
    else if (key == 'h')
        print_escapes(vm, console);
}

static struct console_backend *open_console(struct vm *vm, unsigned n, GError **error)
{
    const struct console_config *c = g_ptr_array_index(vm->cfg->consoles, n);
    struct chardev *chr = vm_chardev(vm, c->chardev);
    xen_pfn_t gfn;
    evtchn_port_t port;

    g_assert(chr); /* vm_config_validate() looked */
    if (domain_console(vm->domain, n, &gfn, &port))
        return console_backend_new(domain_host(vm->domain), gfn, port, chr, error);
    if (n == 0)
        return console_backend_new_tty(domain_host(vm->domain), chr);
    return console_backend_new_device(domain_host(vm->domain), n, chr, error);
}

static const char *console_label(struct vm *vm, unsigned n)
{
    const struct console_config *c = g_ptr_array_index(vm->cfg->consoles, n);

    return chardev_label(vm_chardev(vm, c->chardev));
}

static bool open_consoles(struct vm *vm, GError **error)
{
    for (guint i = 0; i < vm->cfg->consoles->len; i++) {
        struct console_backend *console = open_console(vm, i, error);
        if (!console)
            return false;
        console_backend_set_escape(console, on_escape, vm);
        if (i == 0)
            console_backend_set_tap(console, vm_screen_text, vm->screen);
        g_ptr_array_add(vm->consoles, console);
        vm_doors_console(vm->doors, vm->domain, i, console_label(vm, i));
    }
    return true;
}

/* NULL: there is no source, or, after a warning, it has nothing that can be built. */
static struct domain *create_from_source(struct vm *vm)
{
    struct boot_images images = {0};
    g_autoptr(GError) error = NULL;
    struct domain *d = NULL;

    if (!vm->source)
        return NULL;
    if (vm->source->get(vm->source->opaque, &images, &error))
        d = domain_create(vm->cfg, &images, &events, vm, &error);
    if (!d)
        g_warning("bootloader=direct: %s; the boot loader is started instead", error->message);
    boot_images_clear(&images);
    return d;
}

static struct domain *create_domain(struct vm *vm, GError **error)
{
    struct domain *d = create_from_source(vm);

    return d ? d : domain_create(vm->cfg, NULL, &events, vm, error);
}

static bool open_domain(struct vm *vm, GError **error)
{
    if (vm->cfg->none) /* libvirt asks a machine without a guest what it would run on */
        return (vm->accel = domain_choose_accel(vm->cfg, error));
    vm->domain = create_domain(vm, error);
    if (!vm->domain || !open_consoles(vm, error) ||
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
static bool start_again(struct vm *vm, bool run, GError **error)
{
    close_domain(vm);
    if (open_domain(vm, error) && (!run || vm->cfg->none || domain_set_running(vm->domain, true, error)))
        return true;
    vm->state = RUN_INTERNAL_ERROR;
    return false;
}

static void reset(struct vm *vm)
{
    g_autoptr(GError) error = NULL;

    if (start_again(vm, true, &error)) {
        vm->state = RUN_RUNNING;
        tell(vm, (struct vm_event){VM_EVENT_RESET, .by_guest = true, .reason = "guest-reset"});
    } else {
        g_message("%s", error->message);
        vm_quit(vm, EXIT_ERROR);
    }
}

bool vm_reset(struct vm *vm, GError **error)
{
    bool run = vm->state == RUN_RUNNING;

    if (!start_again(vm, run, error)) {
        vm_quit(vm, EXIT_ERROR);
        return false;
    }
    if (!run && vm->state != RUN_PRELAUNCH)
        vm->state = RUN_PAUSED;
    tell(vm, (struct vm_event){VM_EVENT_RESET, .reason = "host-qmp-system-reset"});
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
        tell(vm, (struct vm_event){VM_EVENT_PANICKED, .by_guest = true});
    }
    /* Who sent the signal wants the end of this process, also of a guest with -no-shutdown. */
    if (vm->asked_to_end && end != END_CRASH)
        d = (struct lifecycle_decision){STEP_QUIT, RUN_SHUTDOWN, EXIT_OK};
    if (d.step != STEP_RESET && d.state != RUN_GUEST_PANICKED)
        tell(vm, (struct vm_event){VM_EVENT_SHUTDOWN, .by_guest = true, .reason = shutdown_cause(end)});
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
        tell(vm, (struct vm_event){VM_EVENT_STOP});
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
    tell(opaque, (struct vm_event){VM_EVENT_DEVICE_DELETED, .id = device});
}

static void on_tray(void *opaque, const char *device, bool open)
{
    tell(opaque, (struct vm_event){VM_EVENT_TRAY, .id = device, .open = open});
}

static bool stop_in(struct vm *vm, enum run_state state, GError **error)
{
    if (vm->state != RUN_RUNNING)
        return true;
    if (!vm->cfg->none && !domain_set_running(vm->domain, false, error))
        return false;
    vm->state = state;
    tell(vm, (struct vm_event){VM_EVENT_STOP});
    return true;
}

static void on_disk_failed(void *opaque, const struct vm_disk_error *e)
{
    g_autoptr(GError) error = NULL;
    struct vm *vm = opaque;

    tell(vm, (struct vm_event){VM_EVENT_IO_ERROR, .disk_error = e});
    if (e->action == IMAGE_STOPPED && !stop_in(vm, RUN_IO_ERROR, &error))
        g_message("%s", error->message);
}

static const struct vm_disks_events disk_events = {on_deleted, on_tray, on_disk_failed};

static void on_vnc(void *opaque, unsigned i, enum vnc_event what, const struct vnc_address *client)
{
    tell(opaque, (struct vm_event){VM_EVENT_VNC, .vnc = {i, what, client}});
}

struct vm *vm_new(const struct vm_config *cfg, const struct boot_source *source, GError **error)
{
    struct vm *vm = g_new0(struct vm, 1);

    vm->cfg = cfg;
    vm->source = source;
    vm->listeners = g_array_new(FALSE, FALSE, sizeof(struct listener));
    vm->state = RUN_PRELAUNCH;
    vm->chardevs = g_ptr_array_new_with_free_func((GDestroyNotify)chardev_free);
    vm->consoles = g_ptr_array_new_with_free_func((GDestroyNotify)console_backend_free);
    vm->doors = vm_doors_new(cfg);
    vm->disks = vm_disks_new(cfg, error);
    vm->nets = vm->disks ? vm_nets_new(cfg, error) : NULL;
    vm->screen = vm->nets ? vm_screen_new(cfg, error) : NULL;
    if (vm->screen) {
        vm_disks_set_events(vm->disks, &disk_events, vm);
        vm_nets_set_deleted(vm->nets, on_deleted, vm);
        vm_screen_set_vnc_events(vm->screen, on_vnc, vm);
    }
    if (!vm->screen || !open_chardevs(vm, error) || !open_domain(vm, error)) {
        vm_free(vm);
        return NULL;
    }
    return vm;
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
    tell(vm, (struct vm_event){VM_EVENT_RESUME});
    vm_disks_retry(vm->disks);
    return true;
}

bool vm_stop(struct vm *vm, GError **error)
{
    return stop_in(vm, RUN_PAUSED, error);
}

static bool check_running(const struct vm *vm, GError **error)
{
    if (vm->state != RUN_RUNNING)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "the guest is not running (%s)",
                    run_state_name(vm->state));
    else if (vm->cfg->none)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "this machine has no guest");
    return vm->state == RUN_RUNNING && !vm->cfg->none;
}

bool vm_ask_power(struct vm *vm, enum control_power what, GError **error)
{
    return check_running(vm, error) && control_power(domain_host(vm->domain), what, error);
}

bool vm_system_powerdown(struct vm *vm, GError **error)
{
    if (!vm_ask_power(vm, CONTROL_POWEROFF, error))
        return false;
    tell(vm, (struct vm_event){VM_EVENT_POWERDOWN});
    return true;
}

bool vm_sysrq(struct vm *vm, char key, GError **error)
{
    return check_running(vm, error) && control_sysrq(domain_host(vm->domain), key, error);
}

uint64_t vm_memory(const struct vm *vm)
{
    uint64_t bytes = vm->domain ? domain_memory(vm->domain) : 0;

    return bytes ? bytes : vm->cfg->memory.bytes;
}

bool vm_memory_stats(struct vm *vm, uint64_t *ret_free, uint64_t *ret_total)
{
    return vm->domain && control_memory_stats(domain_host(vm->domain), ret_free, ret_total);
}

/* Nobody tells us when the guest takes a page: we look once a second until it has come to rest. */
static gboolean look_at_balloon(gpointer data)
{
    struct vm *vm = data;
    uint64_t now = vm_memory(vm);

    if (now != vm->balloon_was) {
        vm->balloon_was = now;
        vm->balloon_quiet = 0;
        tell(vm, (struct vm_event){VM_EVENT_BALLOON});
    } else if (++vm->balloon_quiet == BALLOON_QUIET_S) {
        vm->ballooning = 0;
        return G_SOURCE_REMOVE;
    }
    return G_SOURCE_CONTINUE;
}

bool vm_set_memory(struct vm *vm, uint64_t bytes, GError **error)
{
    if (vm->cfg->none) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "this machine has no guest");
        return false;
    }
    if (!control_memory(domain_host(vm->domain), bytes, error))
        return false;
    vm->balloon_quiet = 0;
    if (!vm->ballooning) {
        vm->balloon_was = vm_memory(vm);
        vm->ballooning = g_timeout_add_seconds(1, look_at_balloon, vm);
    }
    return true;
}

/* libvirt takes the end of a monitor that was not told of for a crash, and looks for who is to be killed. */
static void end_by_signal(struct vm *vm)
{
    tell(vm, (struct vm_event){VM_EVENT_SHUTDOWN, .reason = "host-signal"});
    vm_quit(vm, EXIT_OK);
}

static gboolean out_of_patience(gpointer data)
{
    struct vm *vm = data;

    vm->patience = 0;
    g_warning("the guest did not power off in %u s%s", vm->cfg->soft_quit.seconds,
              control_power_taken(domain_host(vm->domain)) ? "" : " and did not take the request");
    end_by_signal(vm);
    return G_SOURCE_REMOVE;
}

void vm_terminate(struct vm *vm)
{
    g_autoptr(GError) error = NULL;

    if (!vm->cfg->soft_quit.on || vm->asked_to_end || vm->state != RUN_RUNNING) {
        end_by_signal(vm);
        return;
    }
    if (!vm_system_powerdown(vm, &error)) {
        g_warning("%s", error->message);
        end_by_signal(vm);
        return;
    }
    vm->asked_to_end = true;
    g_message("the guest was asked to power off; the next signal ends it");
    if (vm->cfg->soft_quit.seconds)
        vm->patience = g_timeout_add_seconds(vm->cfg->soft_quit.seconds, out_of_patience, vm);
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
    vm_doors_free(vm->doors);
    g_free(vm);
}
