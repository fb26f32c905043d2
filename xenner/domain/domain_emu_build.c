/*
 * The making of an emulated domain: the builder's image and emu in the engine's RAM, event channels,
 * grants and xenstore in this process.
 */
#include "xenner/build/builder.h"
#include "xenner/build/kernel_cache.h"
#include "xenner/build/p2m.h"
#include "xenner/domain/domain_emu_priv.h"
#include "xenner/domain/pvclock.h"
#include "xenner/host/local.h"

#include <string.h>

/* The first two that evtchn_reserve_unbound() gives. */
enum { STORE_PORT = 1, CONSOLE_PORT = 2 };

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

static struct emu_vcpu_shared *vcpu_shared_of(void *opaque, unsigned vcpu)
{
    return vcpu_shared(opaque, vcpu);
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
        .vcpu_shared = vcpu_shared_of,
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

void emu_make_host(struct emu_domain *d)
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
    for (unsigned n = 1; n < EMU_DOORBELLS; n++)
        local_host_set_doorbell(d->host, n, d->ops->doorbell_fd(d->engine, n));
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

bool emu_start_store(struct emu_domain *d, GError **error)
{
    fill_store(d);
    d->store_ring = store_ring_new(d->host, d->image.store_ring.v, d->store_port, d->store, error);
    if (!d->store_ring)
        return false;
    store_introduce(d->store, GUEST_DOMID);
    return true;
}

bool emu_lay_out(struct emu_domain *d, GError **error)
{
    const struct vm_config *cfg = d->cfg;
    uint64_t nr_pages = cfg->memory.bytes >> FRAME_SHIFT;

    emu_area_plan(&d->area, nr_pages, cfg->vcpus.count);
    d->mem = guest_mem_new(emu_area_ram_bytes(&d->area, nr_pages), cfg->memory.tmpfs_fd, error);
    if (!d->mem)
        return false;
    d->boot = emu_area_fill(&d->area, d->mem, cfg->kernel_ring == KERNEL_RING_3, error);
    return d->boot != NULL;
}

static void set_images(struct build_params *p, const struct vm_config *cfg,
                       const struct boot_images *images)
{
    if (images) {
        p->kernel_path = images->kernel;
        p->kernel_fd = images->kernel_fd;
        p->initrd_path = images->initrd_fd ? "of the boot menu" : NULL;
        p->initrd_fd = images->initrd_fd;
        p->cmdline = images->cmdline;
        return;
    }
    p->kernel_path = vm_config_first_image(cfg, NULL);
    p->kernel_fd = cfg->boot.kernel_fd;
    p->initrd_path = cfg->boot.initrd;
    p->initrd_fd = cfg->boot.initrd_fd;
    p->cmdline = cfg->boot.cmdline;
}

bool emu_build(struct emu_domain *d, const struct boot_images *images, GError **error)
{
    const struct vm_config *cfg = d->cfg;
    uint64_t nr_pages = cfg->memory.bytes >> FRAME_SHIFT;
    g_autofree char *cache_dir = kernel_cache_default_dir();
    struct build_params params = {
        .cache_dir = cache_dir,
        .nr_pages = nr_pages,
        .first_mfn = gpa_to_mfn(d->area.end),
        .store_port = STORE_PORT,
        .console_port = CONSOLE_PORT,
        .nr_vcpus = cfg->vcpus.count,
    };
    set_images(&params, cfg, images);
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

void emu_fill_boot_info(struct emu_domain *d)
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

bool emu_start_engine(struct emu_domain *d, GError **error)
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
    d->engine = d->ops->create(&config, &emu_engine_hooks, d, error);
    return d->engine != NULL;
}

void emu_fill_clock(struct emu_domain *d)
{
    d->boot->tsc_hz = d->ops->tsc_hz(d->engine);
    pvclock_scale(d->boot->tsc_hz, &d->boot->tsc_to_system_mul, &d->boot->tsc_shift);
}
