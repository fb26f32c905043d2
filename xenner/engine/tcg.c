/* Engine "tcg": QEMU's TCG in a child process runs the vCPUs on RAM that it shares with us. */
#include "xenner/engine/engine.h"
#include "xenner/engine/tcg_child.h"
#include "xenner/engine/tsc.h"
#include "emu/abi/emu_abi.h"

#include <gio/gio.h>
#include <string.h>

extern const uint8_t tcg_trampoline_start[], tcg_trampoline_end[];

struct engine {
    struct tcg_child *child;
    const struct engine_hooks *hooks;
    void *opaque;
    struct tsc_sample created;
    uint64_t tsc_hz;
};

static void on_doorbell(void *opaque)
{
    struct engine *e = opaque;

    e->hooks->doorbell(e->opaque);
}

static void on_exited(void *opaque, const char *why)
{
    struct engine *e = opaque;

    e->hooks->failed(e->opaque, why);
}

static const struct tcg_child_hooks child_hooks = {on_doorbell, on_exited};

/* Reset brings every vCPU to the trampoline, which loads what this block says. */
static bool write_trampoline(const struct engine_config *cfg)
{
    size_t size = (size_t)(tcg_trampoline_end - tcg_trampoline_start);
    uint8_t *code = guest_ptr(cfg->mem, EMU_TRAMPOLINE_GPA, FRAME_SIZE);
    struct emu_entry_block *block = guest_ptr(cfg->mem, EMU_ENTRY_GPA, sizeof(*block));

    if (!code || !block || size > FRAME_SIZE || cfg->vcpus > EMU_MAX_VCPUS)
        return false;
    memcpy(code, tcg_trampoline_start, size);
    block->nr_vcpus = cfg->vcpus;
    for (unsigned i = 0; i < cfg->vcpus; i++) {
        block->vcpu[i] = (struct emu_entry){
            .rip = cfg->entry[i].rip, .rsp = cfg->entry[i].rsp, .cr3 = cfg->entry[i].cr3};
    }
    return true;
}

static void tcg_destroy(struct engine *e)
{
    if (!e)
        return;
    tcg_child_free(e->child);
    g_free(e);
}

static struct engine *tcg_create(const struct engine_config *cfg, const struct engine_hooks *hooks,
                                 void *opaque, GError **error)
{
    struct engine *e = g_new0(struct engine, 1);

    e->hooks = hooks;
    e->opaque = opaque;
    e->created = tsc_sample_now();
    if (!write_trampoline(cfg)) {
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                            "no room for the vCPUs' first instructions");
        tcg_destroy(e);
        return NULL;
    }
    e->child = tcg_child_new(cfg, &child_hooks, e, error);
    if (!e->child) {
        tcg_destroy(e);
        return NULL;
    }
    return e;
}

static bool tcg_run(struct engine *e, GError **error)
{
    return tcg_child_run(e->child, error);
}

static bool tcg_pause(struct engine *e, GError **error)
{
    return tcg_child_stop(e->child, error);
}

static void tcg_kick(struct engine *e, unsigned vcpu)
{
    tcg_child_kick(e->child, vcpu);
}

static int tcg_doorbell_fd(struct engine *e, unsigned n)
{
    return tcg_child_doorbell_fd(e->child, n);
}

/* TCG's RDTSC is the host's, less an offset. */
static uint64_t tcg_tsc_hz(struct engine *e)
{
    if (!e->tsc_hz)
        e->tsc_hz = tsc_measure(e->created);
    return e->tsc_hz;
}

static int tcg_vcpu_tid(struct engine *e, unsigned vcpu)
{
    return tcg_child_tid(e->child, vcpu);
}

static void tcg_registers(struct engine *e, unsigned vcpu, GString *out)
{
    tcg_child_registers(e->child, vcpu, out);
}

const struct engine_ops engine_tcg = {
    .name = "tcg",
    .probe = tcg_child_probe,
    .create = tcg_create,
    .run = tcg_run,
    .pause = tcg_pause,
    .kick = tcg_kick,
    .doorbell_fd = tcg_doorbell_fd,
    .tsc_hz = tcg_tsc_hz,
    .vcpu_tid = tcg_vcpu_tid,
    .registers = tcg_registers,
    .destroy = tcg_destroy,
};
