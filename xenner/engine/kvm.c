/*
 * Engine "kvm": vCPUs as threads of this process. The LAPICs are KVM's; no other device exists. emu's
 * asynchronous doorbell is an ioeventfd, its synchronous one an exit; a kick is an MSI.
 */
#include "xenner/engine/kvm.h"
#include "emu/abi/emu_abi.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct vcpu_thread {
    struct engine *e;
    unsigned id;
    int fd, tid;
    struct kvm_run *run;
    GThread *thread;
};

struct engine {
    const struct engine_hooks *hooks;
    void *opaque;
    int kvm, vm, doorbell[EMU_DOORBELLS];
    size_t run_size;
    guint doorbell_source, failed_source;
    unsigned nr_vcpus;
    struct vcpu_thread *vcpus;

    GMutex lock;
    GCond changed;
    bool running, quit;   /* what the threads should do */
    unsigned parked;      /* threads that stand still */
    char *failure;
};

/* A signal only brings KVM_RUN back; what to do then is in the engine. */
static __thread struct kvm_run *this_run;

static void on_signal(int sig)
{
    if (this_run)
        this_run->immediate_exit = 1;
}

static void install_signal(void)
{
    struct sigaction sa = {.sa_handler = on_signal};

    sigaction(SIGUSR1, &sa, NULL);
}

static gboolean tell_failed(gpointer data)
{
    struct engine *e = data;
    g_autofree char *why = NULL;

    g_mutex_lock(&e->lock);
    why = g_strdup(e->failure);
    e->failed_source = 0;
    g_mutex_unlock(&e->lock);
    e->hooks->failed(e->opaque, why);
    return G_SOURCE_REMOVE;
}

static void G_GNUC_PRINTF(2, 3) vcpu_failed(struct vcpu_thread *v, const char *fmt, ...)
{
    va_list ap;

    g_mutex_lock(&v->e->lock);
    if (!v->e->failure) {
        g_autofree char *what = NULL;
        va_start(ap, fmt);
        what = g_strdup_vprintf(fmt, ap);
        va_end(ap);
        v->e->failure = g_strdup_printf("kvm: vCPU %u: %s", v->id, what);
        v->e->failed_source = g_idle_add(tell_failed, v->e);
    }
    v->e->running = false;
    g_mutex_unlock(&v->e->lock);
}

static uint64_t vcpu_rip(struct vcpu_thread *v)
{
    struct kvm_regs regs = {0};

    ioctl(v->fd, KVM_GET_REGS, &regs);
    return regs.rip;
}

/* True while the vCPU can go on. */
static bool handle_exit(struct vcpu_thread *v)
{
    switch (v->run->exit_reason) {
    case KVM_EXIT_IO:
        if (v->run->io.port == EMU_PORT_SYNC || v->run->io.port == EMU_PORT_ASYNC)
            v->e->hooks->doorbell(v->e->opaque);
        return true;
    case KVM_EXIT_INTR:
    case KVM_EXIT_HLT:
    case KVM_EXIT_MMIO: /* nothing is there: reads give what is in the buffer, writes are lost */
        return true;
    case KVM_EXIT_SHUTDOWN:
        vcpu_failed(v, "triple fault at 0x%" G_GINT64_MODIFIER "x", vcpu_rip(v));
        return false;
    case KVM_EXIT_INTERNAL_ERROR:
        vcpu_failed(v, "KVM internal error %u at 0x%" G_GINT64_MODIFIER "x",
                    v->run->internal.suberror, vcpu_rip(v));
        return false;
    default:
        vcpu_failed(v, "unexpected exit %u", v->run->exit_reason);
        return false;
    }
}

/* Waits while the engine is paused; false when the thread must end. */
static bool wait_until_running(struct engine *e)
{
    g_mutex_lock(&e->lock);
    if (!e->running) {
        e->parked++;
        g_cond_broadcast(&e->changed);
        while (!e->running && !e->quit)
            g_cond_wait(&e->changed, &e->lock);
        e->parked--;
    }
    bool quit = e->quit;
    g_mutex_unlock(&e->lock);
    return !quit;
}

static gpointer vcpu_thread(gpointer data)
{
    struct vcpu_thread *v = data;

    this_run = v->run;
    __atomic_store_n(&v->tid, (int)syscall(SYS_gettid), __ATOMIC_SEQ_CST);
    while (wait_until_running(v->e)) {
        if (ioctl(v->fd, KVM_RUN, 0) < 0) {
            v->run->immediate_exit = 0;
            if (errno != EINTR && errno != EAGAIN)
                vcpu_failed(v, "KVM_RUN: %s", g_strerror(errno));
            continue;
        }
        handle_exit(v);
    }
    return NULL;
}

static bool fail(GError **error, const char *what)
{
    g_set_error(error, G_IO_ERROR, g_io_error_from_errno(errno), "kvm: %s: %s", what,
                g_strerror(errno));
    return false;
}

static bool set_memory(struct engine *e, const struct guest_mem *mem, GError **error)
{
    struct guest_range r[2];
    unsigned n = guest_mem_ranges(mem, r);

    for (unsigned i = 0; i < n; i++) {
        struct kvm_userspace_memory_region region = {
            .slot = i,
            .guest_phys_addr = r[i].gpa,
            .memory_size = r[i].bytes,
            .userspace_addr = (uintptr_t)guest_ptr(mem, r[i].gpa, r[i].bytes),
        };
        if (ioctl(e->vm, KVM_SET_USER_MEMORY_REGION, &region) < 0)
            return fail(error, "could not give the VM its memory");
    }
    return true;
}

/* The asynchronous doorbells: OUT (4 bytes) of n signals the eventfd and does not leave the guest. */
static bool set_doorbells(struct engine *e, GError **error)
{
    for (unsigned n = 0; n < EMU_DOORBELLS; n++) {
        e->doorbell[n] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        struct kvm_ioeventfd io = {
            .addr = EMU_PORT_ASYNC, .len = 4, .fd = e->doorbell[n], .datamatch = n,
            .flags = KVM_IOEVENTFD_FLAG_PIO | KVM_IOEVENTFD_FLAG_DATAMATCH};
        if (e->doorbell[n] < 0 || ioctl(e->vm, KVM_IOEVENTFD, &io) < 0)
            return fail(error, "could not make a doorbell");
    }
    return true;
}

static gboolean on_doorbell(gint fd, GIOCondition condition, gpointer data)
{
    struct engine *e = data;
    uint64_t count;

    if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
        g_warning("doorbell: %s", g_strerror(errno));
    e->hooks->doorbell(e->opaque);
    return G_SOURCE_CONTINUE;
}

static bool make_vcpu(struct engine *e, unsigned id, const struct engine_entry *entry,
                      GError **error)
{
    struct vcpu_thread *v = &e->vcpus[id];

    v->e = e;
    v->id = id;
    v->fd = ioctl(e->vm, KVM_CREATE_VCPU, (unsigned long)id);
    if (v->fd < 0)
        return fail(error, "could not make a vCPU");
    v->run = mmap(NULL, e->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
    if (v->run == MAP_FAILED) {
        v->run = NULL;
        return fail(error, "could not map a vCPU's state");
    }
    if (!kvm_set_cpuid(e->kvm, v->fd, id) || !kvm_set_long_mode(v->fd, entry->rip, entry->rsp,
                                                                entry->cr3, id))
        return fail(error, "could not set a vCPU's registers");
    struct kvm_mp_state mp = {.mp_state = KVM_MP_STATE_RUNNABLE};
    if (ioctl(v->fd, KVM_SET_MP_STATE, &mp) < 0)
        return fail(error, "could not make a vCPU runnable");
    return true;
}

static bool make_vm(struct engine *e, const struct engine_config *cfg, GError **error)
{
    struct kvm_enable_cap split = {.cap = KVM_CAP_SPLIT_IRQCHIP, .args = {24}};

    e->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (e->kvm < 0)
        return fail(error, "could not open '/dev/kvm'");
    e->vm = ioctl(e->kvm, KVM_CREATE_VM, 0ul);
    if (e->vm < 0)
        return fail(error, "could not make a VM");
    /* LAPICs only; without the split irqchip the old set of PIC, IOAPIC and LAPICs serves too */
    if (ioctl(e->vm, KVM_ENABLE_CAP, &split) < 0 && ioctl(e->vm, KVM_CREATE_IRQCHIP, 0) < 0)
        return fail(error, "could not make the interrupt controllers");
    int size = ioctl(e->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
    if (size < (int)sizeof(struct kvm_run))
        return fail(error, "could not learn the size of a vCPU's state");
    e->run_size = (size_t)size;
    if (!set_memory(e, cfg->mem, error) || !set_doorbells(e, error))
        return false;
    for (unsigned i = 0; i < cfg->vcpus; i++) {
        if (!make_vcpu(e, i, &cfg->entry[i], error))
            return false;
    }
    return true;
}

static void stop_threads(struct engine *e)
{
    g_mutex_lock(&e->lock);
    e->quit = true;
    e->running = false;
    g_cond_broadcast(&e->changed);
    g_mutex_unlock(&e->lock);
    for (unsigned i = 0; i < e->nr_vcpus; i++) {
        struct vcpu_thread *v = &e->vcpus[i];
        if (!v->thread)
            continue;
        v->run->immediate_exit = 1;
        int tid = __atomic_load_n(&v->tid, __ATOMIC_SEQ_CST);
        if (tid)
            syscall(SYS_tgkill, getpid(), tid, SIGUSR1);
        g_thread_join(v->thread);
    }
}

static void kvm_destroy(struct engine *e)
{
    if (!e)
        return;
    stop_threads(e);
    if (e->doorbell_source)
        g_source_remove(e->doorbell_source);
    if (e->failed_source)
        g_source_remove(e->failed_source);
    for (unsigned i = 0; i < e->nr_vcpus; i++) {
        if (e->vcpus[i].run)
            munmap(e->vcpus[i].run, e->run_size);
        if (e->vcpus[i].fd > 0)
            close(e->vcpus[i].fd);
    }
    for (unsigned i = 0; i < EMU_DOORBELLS; i++) {
        if (e->doorbell[i] >= 0)
            close(e->doorbell[i]);
    }
    if (e->vm >= 0)
        close(e->vm);
    if (e->kvm >= 0)
        close(e->kvm);
    g_free(e->vcpus);
    g_free(e->failure);
    g_mutex_clear(&e->lock);
    g_cond_clear(&e->changed);
    g_free(e);
}

static struct engine *kvm_create(const struct engine_config *cfg, const struct engine_hooks *hooks,
                                 void *opaque, GError **error)
{
    struct engine *e = g_new0(struct engine, 1);

    e->hooks = hooks;
    e->opaque = opaque;
    e->kvm = e->vm = -1;
    memset(e->doorbell, -1, sizeof(e->doorbell));
    e->nr_vcpus = cfg->vcpus;
    e->vcpus = g_new0(struct vcpu_thread, cfg->vcpus);
    g_mutex_init(&e->lock);
    g_cond_init(&e->changed);
    install_signal();
    if (!make_vm(e, cfg, error)) {
        kvm_destroy(e);
        return NULL;
    }
    e->doorbell_source = g_unix_fd_add(e->doorbell[0], G_IO_IN, on_doorbell, e);
    for (unsigned i = 0; i < e->nr_vcpus; i++) {
        g_autofree char *name = g_strdup_printf("CPU %u/KVM", i);
        e->vcpus[i].thread = g_thread_new(name, vcpu_thread, &e->vcpus[i]);
    }
    return e;
}

static bool kvm_run_all(struct engine *e, GError **error)
{
    g_mutex_lock(&e->lock);
    e->running = true;
    g_cond_broadcast(&e->changed);
    g_mutex_unlock(&e->lock);
    return true;
}

/* A thread may be anywhere between its check and KVM_RUN: immediate_exit catches it there. */
static bool kvm_pause(struct engine *e, GError **error)
{
    g_mutex_lock(&e->lock);
    e->running = false;
    for (unsigned i = 0; i < e->nr_vcpus; i++) {
        struct vcpu_thread *v = &e->vcpus[i];
        v->run->immediate_exit = 1;
        int tid = __atomic_load_n(&v->tid, __ATOMIC_SEQ_CST);
        if (tid)
            syscall(SYS_tgkill, getpid(), tid, SIGUSR1);
    }
    while (e->parked < e->nr_vcpus)
        g_cond_wait(&e->changed, &e->lock);
    g_mutex_unlock(&e->lock);
    return true;
}

static void kvm_kick(struct engine *e, unsigned vcpu)
{
    struct kvm_msi msi = {.address_lo = 0xfee00000u | vcpu << 12, .data = EMU_VECTOR_KICK};

    if (vcpu < e->nr_vcpus && ioctl(e->vm, KVM_SIGNAL_MSI, &msi) < 0)
        g_warning("kick of vCPU %u: %s", vcpu, g_strerror(errno));
}

static uint64_t kvm_tsc_hz(struct engine *e)
{
    int khz = ioctl(e->vcpus[0].fd, KVM_GET_TSC_KHZ, 0);

    return khz > 0 ? (uint64_t)khz * 1000 : 1000000000;
}

static int kvm_doorbell_fd(struct engine *e, unsigned n)
{
    return n < EMU_DOORBELLS ? e->doorbell[n] : -1;
}

static int kvm_vcpu_tid(struct engine *e, unsigned vcpu)
{
    return vcpu < e->nr_vcpus ? __atomic_load_n(&e->vcpus[vcpu].tid, __ATOMIC_SEQ_CST) : 0;
}

static void kvm_registers(struct engine *e, unsigned vcpu, GString *out)
{
    if (vcpu < e->nr_vcpus)
        kvm_print_registers(e->vcpus[vcpu].fd, out);
}

const struct engine_ops engine_kvm = {
    .name = "kvm",
    .doorbell_port = true,
    .probe = kvm_probe,
    .create = kvm_create,
    .run = kvm_run_all,
    .pause = kvm_pause,
    .kick = kvm_kick,
    .doorbell_fd = kvm_doorbell_fd,
    .tsc_hz = kvm_tsc_hz,
    .vcpu_tid = kvm_vcpu_tid,
    .registers = kvm_registers,
    .destroy = kvm_destroy,
};
