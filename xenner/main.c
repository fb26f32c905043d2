/* xenner: options -> vm_config -> vm -> main loop -> exit status. */
#include "qemu-compat/options.h"
#include "qemu-compat/qmp_server.h"
#include "xenner/bootdisk/boot_direct.h"
#include "xenner/bootdisk/boot_probe.h"
#include "xenner/confine.h"
#include "xenner/daemon.h"
#include "xenner/domain/domain.h"
#include "xenner/util/log.h"
#include "xenner/vm/vm.h"

#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>

struct program {
    struct vm_config *cfg;
    struct front_request req;
    struct spawner *spawner;
    struct boot_direct *direct; /* unless the user chose a boot loader */
    struct vm *vm;
    struct qmp_server *qmp;
    GMainLoop *loop;
    int status;
    int ready_fd; /* -daemonize */
};

static void print_accels(void)
{
    const char *const *names = domain_accels();

    puts("Accelerators in their default order:");
    for (unsigned i = 0; names[i]; i++) {
        g_autoptr(GString) why_not = g_string_new(NULL);
        bool ok = domain_probe(names[i], why_not);
        printf("%-4s %s%s\n", names[i], ok ? "usable" : "not usable: ", why_not->str);
    }
}

static void print_log_domains(void)
{
    for (unsigned i = 0; log_domains[i].name; i++)
        printf("%-10s %s\n", log_domains[i].name, log_domains[i].help);
}

static void print_help(const struct front_request *req)
{
    switch (req->help) {
    case HELP_OPTIONS:
        qemu_options_help(stdout);
        break;
    case HELP_VERSION:
        puts("xenner version " XENNER_VERSION);
        break;
    case HELP_ACCEL:
        print_accels();
        break;
    case HELP_MACHINE:
        puts("Supported machines are:\n"
             "none                 no guest: for questions over a monitor\n"
             "pc                   alias of pc-i440fx-7.2\n"
             "pc-i440fx-7.2        Xen paravirtual guest, by the name of a PC: for libvirt\n"
             "xenfv                Xen HVM guest: a PC; needs a Xen host\n"
             "xenpv                Xen paravirtual guest (default)\n"
             "xenpvh               Xen PVH guest; needs a Xen host");
        break;
    case HELP_CPU:
        puts("A PV guest sees the accelerator's own CPU: host, max");
        break;
    case HELP_CHARDEV:
        puts("Available chardev backend types:\n  file\n  null\n  pty\n  socket\n  stdio");
        break;
    case HELP_DEVICE:
        qemu_devices_help(stdout);
        break;
    case HELP_NETDEV:
        qemu_netdevs_help(stdout);
        break;
    case HELP_TEXT:
        fputs(req->help_text, stdout);
        break;
    case HELP_DEBUG:
        print_log_domains();
        break;
    case HELP_NONE:
        break;
    }
}

static void on_quit(void *opaque, int status)
{
    struct program *p = opaque;

    p->status = status;
    g_main_loop_quit(p->loop);
}

static gboolean on_signal(gpointer data)
{
    struct program *p = data;

    vm_terminate(p->vm);
    return G_SOURCE_CONTINUE;
}

/*
 * GRUB is the boot loader, and starts kernels of its own width; unless the user chose one, it may leave starting them
 * to us.
 */
static void choose_loader(struct program *p)
{
    struct vm_config *cfg = p->cfg;

    if (cfg->none || cfg->boot.kernel || cfg->type == GUEST_HVM)
        return;
    bool ours = !cfg->boot.loader && cfg->type != GUEST_PVH;
    if (cfg->boot.direct || ours)
        p->direct = boot_direct_new(cfg->disks, cfg->confine.runas ? &cfg->confine.user : NULL);
    if (!ours)
        return;
    bool is32 = boot_probe(cfg->disks) == KERNEL_32;
    cfg->boot.loader = g_strdup(is32 ? VM_CONFIG_GRUB("i386") : VM_CONFIG_GRUB("x86_64"));
}

static bool start(struct program *p, GError **error)
{
    if (p->cfg->pidfile && !pidfile_write(p->cfg->pidfile, error)) {
        g_clear_pointer(&p->cfg->pidfile, g_free); /* somebody else's: not ours to remove */
        return false;
    }
    choose_loader(p);
    if (!confine_prepare(p->cfg, &p->spawner, error))
        return false;
    p->vm = vm_new(p->cfg, p->direct ? boot_direct_source(p->direct) : NULL, error);
    if (!p->vm)
        return false;
    /* Not before: what it waited for until now ends at once. */
    g_unix_signal_add(SIGINT, on_signal, p);
    g_unix_signal_add(SIGTERM, on_signal, p);
    g_unix_signal_add(SIGHUP, on_signal, p);
    if (!vm_build(p->vm, error))
        return false;
    p->qmp = qmp_server_new(p->vm);
    vm_set_quit_handler(p->vm, on_quit, p);
    if (!confine_enter(p->cfg, p->vm, p->spawner, error))
        return false;
    if (!p->cfg->start_paused && !vm_start(p->vm, error))
        return false;
    if (p->ready_fd >= 0)
        daemon_ready(p->ready_fd);
    if (p->ready_fd >= 0 && p->spawner)
        spawner_detach(p->spawner);
    return true;
}

static int run(struct program *p)
{
    g_autoptr(GError) error = NULL;

    p->ready_fd = -1;
    if (p->req.daemonize && (p->ready_fd = daemon_fork()) < 0) {
        g_message("-daemonize: could not fork");
        return EXIT_ERROR;
    }
    if (!log_setup(p->cfg->debug, p->cfg->debug_file, p->req.timestamps, &error)) {
        g_message("%s", error->message);
        return EXIT_ERROR;
    }
    for (guint i = 0; i < p->req.warnings->len; i++)
        g_warning("%s", (const char *)g_ptr_array_index(p->req.warnings, i));
    signal(SIGPIPE, SIG_IGN);
    p->loop = g_main_loop_new(NULL, FALSE);
    if (start(p, &error)) {
        g_main_loop_run(p->loop);
    } else {
        g_message("%s", error->message);
        p->status = EXIT_ERROR;
    }
    qmp_server_free(p->qmp);
    vm_free(p->vm);
    boot_direct_free(p->direct);
    confine_end(p->cfg, p->spawner);
    pidfile_remove(p->cfg->pidfile);
    g_main_loop_unref(p->loop);
    return p->status;
}

int main(int argc, char *argv[])
{
    struct program p = {.status = EXIT_OK};
    g_autoptr(GError) error = NULL;

    log_setup(NULL, NULL, false, NULL);
    if (!qemu_options_parse(argc, argv, &p.cfg, &p.req, &error)) {
        g_message("%s", error->message);
        return EXIT_ERROR;
    }
    int status = EXIT_OK;
    if (p.req.help)
        print_help(&p.req);
    else
        status = run(&p);
    vm_config_free(p.cfg);
    front_request_clear(&p.req);
    return status;
}
