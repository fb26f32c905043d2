/* Chooses the driver for an accelerator, and passes on what domain.h offers. */
#include "xenner/domain/driver.h"
#include "xenner/build/builder.h"

#include <gio/gio.h>
#include <string.h>

const char *const *domain_accels(void)
{
    static const char *const accels[] = {"xen", "kvm", "tcg", NULL};

    return accels;
}

/* NULL: there is none, and why. */
static const struct domain_driver *find_driver(const char *accel, GString *why_not)
{
    if (!g_strv_contains(domain_accels(), accel)) {
        g_string_append(why_not, "there is no such accelerator");
        return NULL;
    }
    return strcmp(accel, "xen") == 0 ? xen_module_driver(why_not) : &domain_emu_driver;
}

bool domain_probe(const char *accel, GString *why_not)
{
    const struct domain_driver *driver = find_driver(accel, why_not);

    return driver && driver->probe(accel, why_not);
}

/*
 * libvirt knows kvm and tcg, and no name for what a Xen host has: whichever it asks for, for the machines of
 * its own or for none, it gets that.
 */
static bool libvirt_gets_xen(const struct vm_config *cfg)
{
    g_autoptr(GString) why_not = g_string_new(NULL);

    return cfg->accels && cfg->accels[0] && (cfg->none || g_str_has_prefix(cfg->machine, "pc-")) &&
           domain_probe("xen", why_not);
}

/* emu runs PV guests only. */
static const char *xen_or_nothing(const struct vm_config *cfg, const char *const *accels, GError **error)
{
    g_autoptr(GString) why_not = g_string_new(NULL);

    if (!g_strv_contains(accels, "xen"))
        g_string_append_printf(why_not, "not -accel %s", accels[0]);
    else if (domain_probe("xen", why_not))
        return "xen";
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "-machine %s needs a Xen host (-accel xen): %s",
                cfg->machine, why_not->str);
    return NULL;
}

const char *domain_choose_accel(const struct vm_config *cfg, GError **error)
{
    const char *const *list = cfg->accels && cfg->accels[0] ? (const char *const *)cfg->accels
                                                            : domain_accels();
    g_autoptr(GString) reasons = g_string_new(NULL);

    if (libvirt_gets_xen(cfg))
        return "xen";
    if (cfg->type != GUEST_PV)
        return xen_or_nothing(cfg, list, error);
    for (unsigned i = 0; list[i]; i++) {
        g_autoptr(GString) why_not = g_string_new(NULL);
        if (domain_probe(list[i], why_not))
            return list[i];
        g_debug("accelerator %s: %s", list[i], why_not->str);
        g_string_append_printf(reasons, "%s%s: %s", reasons->len ? "; " : "", list[i],
                               why_not->str);
    }
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "no usable accelerator: %s",
                reasons->str);
    return NULL;
}

/* libxl can only say that it does not know the kernel. */
static void explain(const struct vm_config *cfg, const char *accel, GError **error)
{
    GError *why = NULL;

    if (strcmp(accel, "xen") != 0 || cfg->type != GUEST_PV || !cfg->boot.kernel || !error ||
        !build_kernel_is_pvh_only(cfg->boot.kernel, &why))
        return;
    g_clear_error(error);
    g_propagate_error(error, why);
}

struct domain *domain_create(const struct vm_config *cfg, const struct boot_images *images,
                             const struct domain_events *events, void *opaque, GError **error)
{
    g_autoptr(GString) unused = g_string_new(NULL);
    const char *accel = domain_choose_accel(cfg, error);

    if (!accel)
        return NULL;
    struct domain *d = find_driver(accel, unused)->create(cfg, images, accel, events, opaque, error);
    if (d)
        d->accel = accel;
    else if (!images)
        explain(cfg, accel, error);
    return d;
}

struct domain *domain_prepare(const struct vm_config *cfg, const struct boot_images *images, const char *accel,
                              GError **error)
{
    g_autoptr(GString) unused = g_string_new(NULL);
    const struct domain_driver *driver = find_driver(accel, unused);

    if (!driver->prepare) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "%s builds in one step", accel);
        return NULL;
    }
    struct domain *d = driver->prepare(cfg, images, accel, error);
    if (d)
        d->accel = accel;
    return d;
}

bool domain_complete(struct domain *d, const struct domain_events *events, void *opaque, GError **error)
{
    return d->driver->complete(d, events, opaque, error);
}

bool domain_set_running(struct domain *d, bool run, GError **error)
{
    return d->driver->set_running(d, run, error);
}

struct xen_host *domain_host(struct domain *d)
{
    return d->driver->host(d);
}

struct store *domain_store(struct domain *d)
{
    return d->driver->store ? d->driver->store(d) : NULL;
}

bool domain_console(struct domain *d, unsigned n, xen_pfn_t *ret_gfn, evtchn_port_t *ret_port)
{
    return d->driver->console(d, n, ret_gfn, ret_port);
}

const char *domain_accel(const struct domain *d)
{
    return d->accel;
}

int domain_vcpu_tid(struct domain *d, unsigned vcpu)
{
    return d->driver->vcpu_tid ? d->driver->vcpu_tid(d, vcpu) : 0;
}

uint64_t domain_memory(struct domain *d)
{
    return d->driver->memory ? d->driver->memory(d) : 0;
}

void domain_registers(struct domain *d, unsigned vcpu, GString *out)
{
    d->driver->registers(d, vcpu, out);
}

bool domain_nmi(struct domain *d, GError **error)
{
    return d->driver->nmi(d, error);
}

bool domain_os_runs(struct domain *d)
{
    return !d->driver->os_runs || d->driver->os_runs(d);
}

bool domain_power_button(struct domain *d, GError **error)
{
    if (d->driver->power_button)
        return d->driver->power_button(d, error);
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "the guest has no power button");
    return false;
}

void domain_crash_report(struct domain *d, GString *out)
{
    d->driver->crash_report(d, out);
}

void domain_destroy(struct domain *d)
{
    if (d)
        d->driver->destroy(d);
}
