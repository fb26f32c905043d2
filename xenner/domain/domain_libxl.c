/*
 * The domain of a Xen host: libxl makes and ends it, Xen runs it; we serve its devices over
 * host/libxen.c. A module of its own (driver.h).
 */
#include "xenner/domain/driver.h"
#include "xenner/domain/libxl_config.h"
#include "xenner/domain/libxl_crash.h"
#include "xenner/domain/libxl_devices.h"
#include "xenner/domain/libxl_loop.h"
#include "xenner/domain/libxl_owner.h"
#include "xenner/host/libxen.h"

#include <errno.h>
#include <gio/gio.h>
#include <libxl_event.h>
#include <libxl_utils.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <xenstore.h>
#include <xenstore_lib.h>

struct libxl_domain {
    struct domain base;
    const struct domain_events *events;
    void *opaque;
    struct libxl_loop *loop;
    uint32_t domid;
    unsigned nr_vcpus;
    bool exists;
    libxl_evgen_domain_death *death;
    struct xen_host *host;
    struct xen_kernel *kernel;
    unsigned shutdown_reason;
    bool told; /* shutdown() or failed() was called */
    bool dead; /* somebody else destroyed it */
    guint idle;
};

static struct libxl_domain *libxl_of(struct domain *base)
{
    return (struct libxl_domain *)base;
}

/* The owner may destroy the domain in there, which libxl's callbacks do not stand. */
static gboolean tell(gpointer data)
{
    struct libxl_domain *d = data;

    d->idle = 0;
    if (d->told)
        return G_SOURCE_REMOVE;
    d->told = true;
    if (d->dead)
        d->events->failed(d->opaque, "the domain was destroyed by somebody else");
    else
        d->events->shutdown(d->opaque, d->shutdown_reason);
    return G_SOURCE_REMOVE;
}

static void on_event(void *user, libxl_event *event)
{
    struct libxl_domain *d = user;
    bool ours = event->domid == d->domid;

    if (ours && event->type == LIBXL_EVENT_TYPE_DOMAIN_SHUTDOWN)
        d->shutdown_reason = event->u.domain_shutdown.shutdown_reason; /* as sched.h's */
    else if (ours && event->type == LIBXL_EVENT_TYPE_DOMAIN_DEATH)
        d->dead = true;
    else
        ours = false;
    if (ours && !d->idle)
        d->idle = g_idle_add_full(G_PRIORITY_DEFAULT, tell, d, NULL);
    libxl_event_free(libxl_loop_ctx(d->loop), event);
}

static void on_disaster(void *user, libxl_event_type type, const char *msg, int errnoval)
{
    g_warning("libxl lost sight of its domains: %s: %s", msg, g_strerror(errnoval));
}

static const libxl_event_hooks event_hooks = {
    .event_occurs_mask = LIBXL_EVENTMASK_ALL,
    .event_occurs = on_event,
    .disaster = on_disaster,
};

/* libxl is of one version of Xen, whose hypervisor answers no other. */
static bool versions_agree(GString *why_not)
{
    g_autofree char *major = NULL, *minor = NULL;

    if (!g_file_get_contents("/sys/hypervisor/version/major", &major, NULL, NULL) ||
        !g_file_get_contents("/sys/hypervisor/version/minor", &minor, NULL, NULL)) {
        g_string_append(why_not, "the version of Xen can't be read in /sys/hypervisor");
        return false;
    }
    g_autofree char *running = g_strdup_printf("%s.%s", g_strchomp(major), g_strchomp(minor));
    if (strcmp(running, XEN_TOOLS_VERSION) == 0)
        return true;
    g_string_append_printf(why_not, "Xen %s runs here, and xenner was built with the tools of Xen %s",
                           running, XEN_TOOLS_VERSION);
    return false;
}

/*
 * libxenstore would take the kernel's way when nobody answers at the daemon's socket, and that waits for
 * ever. It is right only where xenstored is a domain of its own, and there is no socket.
 */
static bool xenstored_answers(void)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_strlcpy(addr.sun_path, xs_daemon_socket(), sizeof(addr.sun_path));
    bool ok = fd >= 0 && (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 || errno == ENOENT);
    if (fd >= 0)
        close(fd);
    struct xs_handle *xs = ok ? xs_open(0) : NULL;
    if (xs)
        xs_close(xs);
    return xs != NULL;
}

static bool probe(const char *accel, GString *why_not)
{
    if (geteuid() != 0) {
        g_string_append(why_not, "only root may make domains");
        return false;
    }
    if (!versions_agree(why_not))
        return false;
    if (xenstored_answers())
        return true;
    g_string_append(why_not, "xenstored does not answer (is it running?)");
    return false;
}

static bool name_is_free(struct libxl_domain *d, const char *name, GError **error)
{
    uint32_t other;
    bool taken = libxl_name_to_domid(libxl_loop_ctx(d->loop), name, &other) == 0;

    g_free(libxen_log_take_error(libxl_loop_log(d->loop))); /* that there is none is good news */
    if (taken)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_EXISTS, "there is a domain '%s' already (%u)",
                    name, other);
    return !taken;
}

static bool enough_memory(struct libxl_domain *d, libxl_domain_config *config, GError **error)
{
    uint64_t needed, available;

    if (libxl_domain_need_memory(libxl_loop_ctx(d->loop), config, INVALID_DOMID, &needed) ||
        libxl_get_free_memory(libxl_loop_ctx(d->loop), &available))
        return libxl_loop_error(d->loop, error, "the free memory can't be found out");
    if (available >= needed)
        return true;
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
                "the guest needs %" G_GUINT64_FORMAT " MiB, and Xen has %" G_GUINT64_FORMAT
                " MiB left (smaller guests, or a smaller dom0_mem=, would help)",
                (needed + 1023) >> 10, available >> 10);
    return false;
}

static bool make_domain(struct libxl_domain *d, const struct vm_config *cfg,
                        const struct boot_images *images, GError **error)
{
    g_autofree char *name = cfg->name ? g_strdup(cfg->name)
                                      : g_strdup_printf("xenner-%u", (unsigned)getpid());
    g_autofree char *owner = libxl_owner_self();
    libxl_ctx *ctx = libxl_loop_ctx(d->loop);
    libxl_domain_config config;

    if (!name_is_free(d, name, error))
        return false;
    libxl_domain_config_init(&config);
    bool ok = libxl_config_fill(ctx, cfg, images, name, owner, &config, error) &&
              enough_memory(d, &config, error);
    struct libxl_making *making = ok ? libxl_owner_begin(&config.c_info.uuid, owner, error) : NULL;
    ok = making != NULL;
    if (ok && libxl_domain_create_new(ctx, &config, &d->domid, NULL, NULL))
        ok = libxl_loop_error(d->loop, error, "the domain can't be made");
    libxl_owner_end(making);
    d->exists = ok;
    libxl_domain_config_dispose(&config);
    return ok;
}

static bool watch_it(struct libxl_domain *d, GError **error)
{
    libxl_event_register_callbacks(libxl_loop_ctx(d->loop), &event_hooks, d);
    return libxl_evenable_domain_death(libxl_loop_ctx(d->loop), d->domid, 0, &d->death) == 0 ||
           libxl_loop_error(d->loop, error, "the domain can't be watched");
}

static void destroy(struct domain *base)
{
    struct libxl_domain *d = libxl_of(base);
    g_autoptr(GError) error = NULL;

    libxen_host_free(d->host);
    if (d->death)
        libxl_evdisable_domain_death(libxl_loop_ctx(d->loop), d->death);
    if (d->exists && !libxl_owner_destroy(d->loop, d->domid, &error) && !d->dead)
        g_warning("%s", error->message);
    libxl_devices_free(d->kernel);
    libxl_loop_free(d->loop);
    if (d->idle)
        g_source_remove(d->idle);
    g_free(d);
}

static struct domain *create(const struct vm_config *cfg, const struct boot_images *images,
                             const char *accel, const struct domain_events *events, void *opaque, GError **error)
{
    struct libxl_domain *d = g_new0(struct libxl_domain, 1);

    d->base.driver = &domain_libxl_driver;
    d->events = events;
    d->opaque = opaque;
    d->nr_vcpus = cfg->vcpus.count;
    d->domid = INVALID_DOMID;
    d->loop = libxl_loop_new(error);
    if (d->loop)
        libxl_owner_sweep(d->loop);
    if (d->loop && make_domain(d, cfg, images, error) && watch_it(d, error))
        d->host = libxen_host_new((domid_t)d->domid, error);
    if (d->host) {
        d->kernel = d->host->kernel = libxl_devices_new(d->loop, d->domid);
        return &d->base;
    }
    destroy(&d->base);
    return NULL;
}

static bool set_running(struct domain *base, bool run, GError **error)
{
    struct libxl_domain *d = libxl_of(base);
    libxl_ctx *ctx = libxl_loop_ctx(d->loop);
    int rc = run ? libxl_domain_unpause(ctx, d->domid, NULL)
                 : libxl_domain_pause(ctx, d->domid, NULL);

    return rc == 0 || libxl_loop_error(d->loop, error, run ? "the domain can't be started"
                                                           : "the domain can't be paused");
}

static struct xen_host *host(struct domain *base)
{
    return libxl_of(base)->host;
}

/* The rings of console 0 and of xenstore are those of xenconsoled and xenstored. */
static bool console(struct domain *base, unsigned n, xen_pfn_t *ret_gfn, evtchn_port_t *ret_port)
{
    return false;
}

static uint64_t memory(struct domain *base)
{
    struct libxl_domain *d = libxl_of(base);
    uint64_t kib = 0;
    libxl_dominfo info;

    libxl_dominfo_init(&info);
    if (libxl_domain_info(libxl_loop_ctx(d->loop), &info, d->domid) == 0)
        kib = info.current_memkb;
    libxl_dominfo_dispose(&info);
    g_free(libxen_log_take_error(libxl_loop_log(d->loop))); /* nobody asks why */
    return kib << 10;
}

static void registers(struct domain *base, unsigned vcpu, GString *out)
{
    struct libxl_domain *d = libxl_of(base);

    libxl_crash_report(d->domid, vcpu, vcpu + 1, libxen_log_logger(libxl_loop_log(d->loop)), out);
}

static bool nmi(struct domain *base, GError **error)
{
    struct libxl_domain *d = libxl_of(base);

    return libxl_send_trigger(libxl_loop_ctx(d->loop), d->domid, LIBXL_TRIGGER_NMI, 0, NULL) == 0 ||
           libxl_loop_error(d->loop, error, "the domain can't be sent an NMI");
}

static bool power_button(struct domain *base, GError **error)
{
    struct libxl_domain *d = libxl_of(base);

    return libxl_send_trigger(libxl_loop_ctx(d->loop), d->domid, LIBXL_TRIGGER_POWER, 0, NULL) == 0 ||
           libxl_loop_error(d->loop, error, "the guest's power button can't be pressed");
}

static void crash_report(struct domain *base, GString *out)
{
    struct libxl_domain *d = libxl_of(base);

    libxl_crash_report(d->domid, 0, d->nr_vcpus, libxen_log_logger(libxl_loop_log(d->loop)), out);
}

const struct domain_driver domain_libxl_driver = {
    .probe = probe,
    .create = create,
    .set_running = set_running,
    .host = host,
    .console = console,
    .memory = memory,
    .nmi = nmi,
    .power_button = power_button,
    .registers = registers,
    .crash_report = crash_report,
    .destroy = destroy,
};

extern const struct xen_module xenner_xen_module;
const struct xen_module xenner_xen_module = {XENNER_VERSION, &domain_libxl_driver};
