/*
 * The emulated domain: the builder's image and emu in the RAM of an engine, event channels and
 * hostcalls served in this process.
 */
#include "xenner/domain/driver.h"
#include "xenner/build/builder.h"
#include "xenner/build/p2m.h"
#include "xenner/domain/crash.h"
#include "xenner/domain/emu_area.h"
#include "xenner/domain/hostcall.h"
#include "xenner/domain/pvclock.h"
#include "xenner/engine/engine.h"
#include "xenner/host/evtchn.h"
#include "xenner/host/gnttab.h"
#include "xenner/host/local.h"
#include "xenner/host/store/ring.h"

#include <gio/gio.h>
#include <string.h>
#include <sys/mman.h>
#include <xen/errno.h>
#include <xen/sched.h>

/* The first two that evtchn_reserve_unbound() gives. */
enum { STORE_PORT = 1, CONSOLE_PORT = 2 };

struct emu_domain {
    struct domain base;
    const struct vm_config *cfg;
    const struct domain_events *events;
    void *opaque;

    struct guest_mem *mem;
    struct emu_area area;
    struct emu_boot_info *boot;
    struct dom_image image;
    const struct engine_ops *ops;
    struct engine *engine;
    struct evtchn_table *evtchn;
    struct gnttab *gnttab;
    struct xen_host *host;
    evtchn_port_t console_port, store_port;
    struct store *store;
    struct store_ring *store_ring;

    GMutex lock;       /* log position, shutdown, texts for the main loop */
    uint32_t log_cons;
    GString *log_line;
    GString *console;  /* debug console output on its way to the main loop */
    char *failure;
    bool shut_down;
    unsigned shutdown_reason, shutdown_vcpu;
    bool told;         /* shutdown() or failed() was called */
    guint idle;        /* source that brings the above to the main loop */
};

static struct emu_vcpu_shared *vcpu_shared(struct emu_domain *d, unsigned vcpu)
{
    return guest_ptr(d->mem, d->area.vcpu_shared + vcpu * (uint64_t)FRAME_SIZE, FRAME_SIZE);
}

static void flush_console(struct emu_domain *d)
{
    g_autoptr(GString) text = NULL;

    g_mutex_lock(&d->lock);
    if (d->console->len) {
        text = d->console;
        d->console = g_string_new(NULL);
    }
    g_mutex_unlock(&d->lock);
    if (text)
        d->events->debug_output(d->opaque, text->str, text->len);
}

/* Main loop: tells the owner what other threads noted. The owner may destroy the domain in there. */
static gboolean deliver(gpointer data)
{
    struct emu_domain *d = data;
    g_autofree char *failure = NULL;
    bool shut_down;

    g_mutex_lock(&d->lock);
    d->idle = 0;
    g_mutex_unlock(&d->lock);
    flush_console(d);
    g_mutex_lock(&d->lock);
    failure = g_steal_pointer(&d->failure);
    shut_down = d->shut_down;
    bool tell = !d->told && (failure || shut_down);
    d->told |= tell;
    g_mutex_unlock(&d->lock);
    if (!tell)
        return G_SOURCE_REMOVE;
    if (failure)
        d->events->failed(d->opaque, failure);
    else
        d->events->shutdown(d->opaque, d->shutdown_reason);
    return G_SOURCE_REMOVE;
}

/* Called with the lock held. */
static void deliver_soon(struct emu_domain *d)
{
    if (!d->idle)
        d->idle = g_idle_add_full(G_PRIORITY_DEFAULT, deliver, d, NULL);
}

static void fail(struct emu_domain *d, const char *why)
{
    g_mutex_lock(&d->lock);
    if (!d->failure)
        d->failure = g_strdup(why);
    deliver_soon(d);
    g_mutex_unlock(&d->lock);
}

static void log_emu_line(GString *line)
{
    bool only_trace = line->str[0] == EMU_LOG_TRACE[0];

    for (gsize i = 0; i < line->len; i++) {
        if (!g_ascii_isprint(line->str[i]))
            line->str[i] = '?';
    }
    g_log("emu", only_trace ? G_LOG_LEVEL_DEBUG : G_LOG_LEVEL_MESSAGE, "%s",
          line->str + only_trace);
    g_string_truncate(line, 0);
}

/* emu's log: lines go to g_log's domain "emu". Any thread. */
static void drain_log(struct emu_domain *d)
{
    struct emu_log *log = guest_ptr(d->mem, d->area.log, sizeof(*log));

    g_mutex_lock(&d->lock);
    uint32_t prod = __atomic_load_n(&log->prod, __ATOMIC_ACQUIRE);
    if (prod - d->log_cons > EMU_LOG_SIZE)
        d->log_cons = prod - EMU_LOG_SIZE; /* scribbled on */
    for (; d->log_cons != prod; d->log_cons++) {
        char c = log->text[d->log_cons % EMU_LOG_SIZE];
        if (c != '\n' && d->log_line->len < 512)
            g_string_append_c(d->log_line, c);
        else
            log_emu_line(d->log_line);
    }
    __atomic_store_n(&log->cons, prod, __ATOMIC_RELEASE);
    g_mutex_unlock(&d->lock);
}

static int64_t on_evtchn(void *opaque, unsigned vcpu, uint32_t cmd, void *arg, size_t size)
{
    struct emu_domain *d = opaque;

    return evtchn_guest_op(d->evtchn, cmd, vcpu, arg, size);
}

static bool on_shutdown(void *opaque, unsigned vcpu, uint32_t reason)
{
    struct emu_domain *d = opaque;

    g_mutex_lock(&d->lock);
    if (!d->shut_down) {
        d->shut_down = true;
        d->shutdown_reason = reason;
        d->shutdown_vcpu = vcpu;
        deliver_soon(d);
    }
    g_mutex_unlock(&d->lock);
    return true;
}

static void on_console(void *opaque, const char *text, size_t len)
{
    struct emu_domain *d = opaque;
    const size_t enough = 1 << 20; /* of unread output; a flood is cut, not kept */

    g_mutex_lock(&d->lock);
    if (d->console->len < enough)
        g_string_append_len(d->console, text, (gssize)len);
    deliver_soon(d);
    g_mutex_unlock(&d->lock);
}

/* Memory that the guest gave back goes back to the host until the guest touches it again. */
static void on_release(void *opaque, uint64_t first_mfn, uint64_t count)
{
    struct emu_domain *d = opaque;

    if (count > UINT64_MAX >> FRAME_SHIFT || first_mfn < d->boot->guest_first_mfn)
        return;
    void *p = guest_ptr(d->mem, first_mfn << FRAME_SHIFT, count << FRAME_SHIFT);
    if (p)
        madvise(p, count << FRAME_SHIFT, MADV_REMOVE);
}

static void on_panic(void *opaque, unsigned vcpu, const char *text)
{
    fail(opaque, text);
}

static const struct hostcall_handlers handlers = {on_evtchn, on_shutdown, on_console, on_release,
                                                  on_panic};

static void on_doorbell(void *opaque)
{
    struct emu_domain *d = opaque;

    for (unsigned i = 0; i < d->area.nr_vcpus; i++) {
        if (hostcall_serve(&vcpu_shared(d, i)->call, i, &handlers, d))
            d->ops->kick(d->engine, i);
    }
    local_host_doorbell(d->host);
    drain_log(d);
}

static void on_engine_failed(void *opaque, const char *why)
{
    fail(opaque, why);
}

static const struct engine_hooks engine_hooks = {on_doorbell, on_engine_failed};

/* For the event channels: where the vCPU's struct vcpu_info is now. */
static void *vcpu_info_of(void *opaque, unsigned vcpu)
{
    struct emu_domain *d = opaque;
    uint64_t maddr = __atomic_load_n(&vcpu_shared(d, vcpu)->vcpu_info_maddr, __ATOMIC_SEQ_CST);

    return guest_ptr(d->mem, maddr, sizeof(struct vcpu_info));
}

static void kick_vcpu(void *opaque, unsigned vcpu)
{
    struct emu_domain *d = opaque;

    if (d->engine)
        d->ops->kick(d->engine, vcpu);
}

static void make_event_channels(struct emu_domain *d)
{
    uint8_t *shared_info = guest_frame(d->mem, d->image.shared_info);
    struct evtchn_config config = {
        .shared = guest_ptr(d->mem, d->area.ports, EMU_NR_PORTS * sizeof(struct emu_port)),
        .host_pending = guest_ptr(d->mem, d->area.host_pending, EMU_NR_PORTS / 8),
        .guest_pending = guest_ptr(d->mem, d->area.guest_pending, EMU_NR_PORTS / 8),
        .nr_vcpus = d->area.nr_vcpus,
        .vcpu_info = vcpu_info_of,
        .kick = kick_vcpu,
        .opaque = d,
    };

    config.bits.is32 = d->image.pae32;
    config.bits.pending = shared_info + evtchn_2l_pending_offset(d->image.pae32);
    config.bits.mask = shared_info + evtchn_2l_mask_offset(d->image.pae32);
    d->evtchn = evtchn_new(&config);
    d->store_port = evtchn_reserve_unbound(d->evtchn, 0);
    d->console_port = evtchn_reserve_unbound(d->evtchn, 0);
    g_assert(d->store_port == STORE_PORT && d->console_port == CONSOLE_PORT);
}

static void make_host(struct emu_domain *d)
{
    struct gnttab_config grants = {
        .mem = d->mem,
        .shared = guest_ptr(d->mem, d->area.gnttab, sizeof(struct emu_gnttab)),
        .first_mfn = gpa_to_mfn(d->area.end),
    };

    make_event_channels(d);
    d->gnttab = gnttab_new(&grants);
    d->store = store_new();
    d->host = local_host_new(d->mem, d->evtchn, d->gnttab, d->store);
}

/* What the toolstack writes for a new domain: xenstore-paths of Xen's documentation. */
static void fill_store(struct emu_domain *d)
{
    static const char *const guest_writable[] = {"device", "control", "data", "drivers", "feature",
                                                 "attr", "error", "backend"};
    const struct store_perm zero = {0, STORE_NONE}, guest = {GUEST_DOMID, STORE_NONE};
    const struct store_perm guest_reads = {GUEST_DOMID, STORE_READ};
    const char *home = "/local/domain/1", *name = d->cfg->name ? d->cfg->name : "guest";

#define PUT(path, ...)                                                                            \
    do {                                                                                          \
        g_autofree char *full = g_strdup_printf("%s/%s", home, path);                             \
        g_autofree char *value = g_strdup_printf(__VA_ARGS__);                                    \
        store_write(d->store, full, value);                                                       \
    } while (0)
    store_chmod(d->store, home, zero, guest_reads);
    PUT("name", "%s", name);
    PUT("domid", "%u", GUEST_DOMID);
    if (d->cfg->uuid)
        PUT("vm", "/vm/%s", d->cfg->uuid);
    PUT("memory/target", "%" G_GUINT64_FORMAT, d->cfg->memory.bytes >> 10);
    PUT("memory/static-max", "%" G_GUINT64_FORMAT, d->cfg->memory.bytes >> 10);
    PUT("console/ring-ref", "%" G_GUINT64_FORMAT, d->image.console_ring.v);
    PUT("console/port", "%u", d->console_port);
    PUT("console/type", "xenner");
    PUT("store/ring-ref", "%" G_GUINT64_FORMAT, d->image.store_ring.v);
    PUT("store/port", "%u", d->store_port);
    for (unsigned i = 0; i < d->area.nr_vcpus; i++) {
        g_autofree char *path = g_strdup_printf("cpu/%u/availability", i);
        PUT(path, "online");
    }
#undef PUT
    for (unsigned i = 0; i < G_N_ELEMENTS(guest_writable); i++) {
        g_autofree char *path = g_strdup_printf("%s/%s", home, guest_writable[i]);
        store_chmod(d->store, path, guest, guest);
    }
    store_write(d->store, "/local/domain/1/control/shutdown", ""); /* the guest's to empty, too */
    store_write(d->store, "/local/domain/1/control/sysrq", "");
}

static bool start_store(struct emu_domain *d, GError **error)
{
    fill_store(d);
    d->store_ring = store_ring_new(d->host, d->image.store_ring.v, d->store_port, d->store, error);
    if (!d->store_ring)
        return false;
    store_introduce(d->store, GUEST_DOMID);
    return true;
}

static bool build(struct emu_domain *d, GError **error)
{
    const struct vm_config *cfg = d->cfg;
    uint64_t nr_pages = cfg->memory.bytes >> FRAME_SHIFT;
    const char *image = vm_config_first_image(cfg, error);

    if (!image)
        return false;
    emu_area_plan(&d->area, nr_pages, cfg->vcpus.count);
    d->mem = guest_mem_new(emu_area_ram_bytes(&d->area, nr_pages), error);
    if (!d->mem)
        return false;
    d->boot = emu_area_fill(&d->area, d->mem, cfg->kernel_ring == KERNEL_RING_3, error);
    if (!d->boot)
        return false;
    struct build_params params = {
        .kernel_path = image,
        .initrd_path = cfg->boot.initrd,
        .kernel_fd = cfg->boot.kernel_fd,
        .initrd_fd = cfg->boot.initrd_fd,
        .cmdline = cfg->boot.cmdline,
        .nr_pages = nr_pages,
        .first_mfn = gpa_to_mfn(d->area.end),
        .store_port = STORE_PORT,
        .console_port = CONSOLE_PORT,
        .nr_vcpus = cfg->vcpus.count,
    };
    if (!build_domain(d->mem, &params, &d->image, error))
        return false;
    if (d->image.pae32)
        build_fill_m2p32(guest_ptr(d->mem, d->area.m2p, d->area.m2p_bytes),
                         d->area.m2p_bytes / sizeof(uint32_t), params.first_mfn, nr_pages);
    else
        build_fill_m2p(guest_ptr(d->mem, d->area.m2p, d->area.m2p_bytes),
                       d->area.m2p_bytes / sizeof(uint64_t), params.first_mfn, nr_pages);
    return true;
}

/*
 * On a CPU with Meltdown user code can read all that its page tables map, so it gets tables of its own;
 * TCG does not speculate. 0: as the guest needs, 1: shared, 2: split (emu_abi.h).
 */
static uint32_t user_tables(const struct emu_domain *d)
{
    const char *file = "/sys/devices/system/cpu/vulnerabilities/meltdown";
    g_autofree char *text = NULL;

    if (d->cfg->user_tables != USER_TABLES_AUTO)
        return d->cfg->user_tables == USER_TABLES_SPLIT ? 2 : 1;
    if (d->ops != &engine_kvm)
        return 0;
    if (g_file_get_contents(file, &text, NULL, NULL) && g_str_has_prefix(text, "Not affected"))
        return 0;
    g_debug("this CPU may have Meltdown: user mode gets page tables of its own");
    return 2;
}

static void fill_boot_info(struct emu_domain *d)
{
    struct emu_boot_info *b = d->boot;
    const struct dom_image *img = &d->image;

    b->doorbell = d->ops->doorbell_port ? EMU_DOORBELL_PORT : EMU_DOORBELL_IVSHMEM;
    b->guest_pae32 = img->pae32;
    b->kernel_ring = d->cfg->kernel_ring == KERNEL_RING_3   ? 3
                     : d->cfg->kernel_ring == KERNEL_RING_1 ? 1
                                                            : 0;
    b->user_tables = user_tables(d);
    b->trace = d->cfg->debug && strstr(d->cfg->debug, "hypercall") != NULL;
    b->guest_first_mfn = d->area.end >> FRAME_SHIFT;
    b->guest_end_mfn = guest_mem_end_mfn(d->mem);
    b->nr_pages = img->nr_pages;
    b->start_rip = img->entry;
    b->start_rsp = img->stack;
    b->start_info_va = img->start_info_va;
    b->start_root_maddr = mfn_to_gpa(img->root_table);
    b->shared_info_maddr = mfn_to_gpa(img->shared_info);
    b->hypercall_page_maddr = img->hypercall_page_va ? mfn_to_gpa(img->hypercall_page) : 0;
    /* until emu says better */
    for (unsigned i = 0; i < d->area.nr_vcpus; i++)
        vcpu_shared(d, i)->vcpu_info_maddr =
            mfn_to_gpa(img->shared_info) + i * sizeof(struct vcpu_info);
}

static bool start_engine(struct emu_domain *d, GError **error)
{
    struct engine_config config = {
        .mem = d->mem, .vcpus = d->area.nr_vcpus, .name = d->cfg->name,
        .sandbox = d->cfg->confine.sandbox.on};
    g_autofree struct engine_entry *entry = g_new0(struct engine_entry, config.vcpus);

    for (unsigned i = 0; i < config.vcpus; i++) {
        entry[i].rip = d->area.emu_entry;
        entry[i].cr3 = d->area.boot_cr3;
        entry[i].rsp = EMU_BASE_VA + EMU_VCPU_OFF + (i + 1) * (uint64_t)EMU_VCPU_SIZE -
                       EMU_START_STACK_PAD;
    }
    config.entry = entry;
    d->engine = d->ops->create(&config, &engine_hooks, d, error);
    if (!d->engine)
        return false;
    for (unsigned n = 1; n < EMU_DOORBELLS; n++)
        local_host_set_doorbell(d->host, n, d->ops->doorbell_fd(d->engine, n));
    d->boot->tsc_hz = d->ops->tsc_hz(d->engine);
    pvclock_scale(d->boot->tsc_hz, &d->boot->tsc_to_system_mul, &d->boot->tsc_shift);
    return true;
}

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
        drain_log(d);
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

static struct domain *emu_create(const struct vm_config *cfg, const char *accel,
                                 const struct domain_events *events, void *opaque, GError **error)
{
    struct emu_domain *d = g_new0(struct emu_domain, 1);

    d->base.driver = &domain_emu_driver;
    d->cfg = cfg;
    d->events = events;
    d->opaque = opaque;
    g_mutex_init(&d->lock);
    d->log_line = g_string_new(NULL);
    d->console = g_string_new(NULL);
    d->ops = find_engine(accel);
    if (!build(d, error))
        goto fail;
    fill_boot_info(d);
    make_host(d);
    if (start_store(d, error) && start_engine(d, error))
        return &d->base;
fail:
    emu_destroy(&d->base);
    return NULL;
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
    .set_running = emu_set_running,
    .host = emu_host,
    .store = emu_store,
    .console = emu_console,
    .vcpu_tid = emu_vcpu_tid,
    .memory = emu_memory,
    .registers = emu_registers,
    .crash_report = emu_crash_report,
    .destroy = emu_destroy,
};
