/* The driver of emulated domains: what a struct domain without Xen is. */
#include "xenner/domain/crash.h"
#include "xenner/domain/domain_emu_priv.h"
#include "xenner/host/local.h"

#include <string.h>

static const struct engine_ops *find_engine(const char *name)
{
    for (unsigned i = 0; engines[i]; i++) {
        if (strcmp(engines[i]->name, name) == 0)
            return engines[i];
    }
    return NULL;
}

static bool emu_probe(const char *accel, GString *why_not)
{
    const struct engine_ops *ops = find_engine(accel);

    g_assert(ops); /* domain.c knows the names */
    return ops->probe(why_not);
}

static struct emu_domain *emu_of(struct domain *base)
{
    return (struct emu_domain *)base;
}

static void emu_destroy(struct domain *base)
{
    struct emu_domain *d = emu_of(base);

    if (d->engine)
        d->ops->destroy(d->engine); /* no doorbell after this */
    if (d->idle)
        g_source_remove(d->idle);
    if (d->mem && d->boot)
        emu_drain_log(d);
    store_ring_free(d->store_ring);
    local_host_free(d->host);
    store_free(d->store);
    gnttab_free(d->gnttab);
    evtchn_free(d->evtchn);
    dom_image_clear(&d->image);
    guest_mem_free(d->mem);
    g_string_free(d->log_line, TRUE);
    g_string_free(d->console, TRUE);
    g_free(d->failure);
    g_mutex_clear(&d->lock);
    g_free(d);
}

static struct emu_domain *emu_new(const struct vm_config *cfg, const char *accel)
{
    struct emu_domain *d = g_new0(struct emu_domain, 1);

    d->base.driver = &domain_emu_driver;
    d->cfg = cfg;
    g_mutex_init(&d->lock);
    d->log_line = g_string_new(NULL);
    d->console = g_string_new(NULL);
    d->ops = find_engine(accel);
    return d;
}

/* What comes after memory and engine. */
static bool finish(struct emu_domain *d, GError **error)
{
    emu_fill_boot_info(d);
    emu_fill_clock(d);
    emu_make_host(d);
    return emu_start_store(d, error);
}

static struct domain *emu_create(const struct vm_config *cfg, const struct boot_images *images,
                                 const char *accel, const struct domain_events *events, void *opaque, GError **error)
{
    struct emu_domain *d = emu_new(cfg, accel);

    d->events = events;
    d->opaque = opaque;
    /* The engine first: QEMU, a process of its own, gets ready while the kernel is unpacked here. */
    if ((images || vm_config_first_image(cfg, error)) && emu_lay_out(d, error) && emu_start_engine(d, error) &&
        emu_build(d, images, error) && finish(d, error))
        return &d->base;
    emu_destroy(&d->base);
    return NULL;
}

static struct domain *emu_prepare(const struct vm_config *cfg, const struct boot_images *images, const char *accel,
                                  GError **error)
{
    struct emu_domain *d = emu_new(cfg, accel);

    if (emu_lay_out(d, error) && emu_build(d, images, error))
        return &d->base;
    emu_destroy(&d->base);
    return NULL;
}

static bool emu_complete(struct domain *base, const struct domain_events *events, void *opaque, GError **error)
{
    struct emu_domain *d = emu_of(base);

    d->events = events;
    d->opaque = opaque;
    return emu_start_engine(d, error) && finish(d, error);
}

static bool emu_set_running(struct domain *base, bool run, GError **error)
{
    struct emu_domain *d = emu_of(base);

    return run ? d->ops->run(d->engine, error) : d->ops->pause(d->engine, error);
}

static struct xen_host *emu_host(struct domain *base)
{
    return emu_of(base)->host;
}

static struct store *emu_store(struct domain *base)
{
    return emu_of(base)->store;
}

static bool emu_console(struct domain *base, unsigned n, xen_pfn_t *ret_gfn, evtchn_port_t *ret_port)
{
    struct emu_domain *d = emu_of(base);

    if (n != 0)
        return false;
    *ret_gfn = d->image.console_ring.v;
    *ret_port = d->console_port;
    return true;
}

/* emu's marks are only counted: a wrong one would be a wrong number. */
static uint64_t emu_memory(struct domain *base)
{
    struct emu_domain *d = emu_of(base);
    uint64_t first = d->boot->guest_first_mfn, n = d->area.end_mfn - first, released = 0;
    const uint8_t *info = guest_ptr(d->mem, d->area.frame_info + first, n);

    for (uint64_t i = 0; info && i < n; i++)
        released += (info[i] & EMU_FRAME_RELEASED) != 0;
    uint64_t bytes = MIN(released << FRAME_SHIFT, d->cfg->memory.bytes);
    return d->cfg->memory.bytes - bytes;
}

static int emu_vcpu_tid(struct domain *base, unsigned vcpu)
{
    struct emu_domain *d = emu_of(base);

    return d->ops->vcpu_tid ? d->ops->vcpu_tid(d->engine, vcpu) : 0;
}

static void emu_registers(struct domain *base, unsigned vcpu, GString *out)
{
    struct emu_domain *d = emu_of(base);

    d->ops->registers(d->engine, vcpu, out);
}

static bool emu_nmi(struct domain *base, GError **error)
{
    struct emu_domain *d = emu_of(base);

    __atomic_store_n(&vcpu_shared(d, 0)->nmi, 1, __ATOMIC_SEQ_CST);
    d->ops->kick(d->engine, 0);
    return true;
}

static bool emu_os_runs(struct domain *base)
{
    return __atomic_load_n(&vcpu_shared(emu_of(base), 0)->os_runs, __ATOMIC_ACQUIRE) != 0;
}

static void emu_crash_report(struct domain *base, GString *out)
{
    struct emu_domain *d = emu_of(base);

    crash_report_vcpu(vcpu_shared(d, d->shutdown_vcpu), d->shutdown_vcpu, &d->image, out);
    for (unsigned i = 0; i < d->area.nr_vcpus; i++) {
        const struct emu_vcpu_shared *s = vcpu_shared(d, i);
        if (i != d->shutdown_vcpu)
            g_string_append_printf(out, "vCPU %u: %s\n", i, s->online ? "online" : "offline");
    }
}

const struct domain_driver domain_emu_driver = {
    .probe = emu_probe,
    .create = emu_create,
    .prepare = emu_prepare,
    .complete = emu_complete,
    .set_running = emu_set_running,
    .host = emu_host,
    .store = emu_store,
    .console = emu_console,
    .vcpu_tid = emu_vcpu_tid,
    .memory = emu_memory,
    .nmi = emu_nmi,
    .os_runs = emu_os_runs,
    .registers = emu_registers,
    .crash_report = emu_crash_report,
    .destroy = emu_destroy,
};
