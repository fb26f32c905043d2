/*
 * The emulated domain while it runs: the guest's doorbell with its hostcalls, emu's log, and what the
 * domain's owner hears of it in the main loop.
 */
#include "xenner/domain/domain_emu_priv.h"
#include "xenner/domain/hostcall.h"
#include "xenner/host/local.h"

#include <sys/mman.h>

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

void emu_drain_log(struct emu_domain *d)
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
    emu_drain_log(d);
}

static void on_engine_failed(void *opaque, const char *why)
{
    fail(opaque, why);
}

const struct engine_hooks emu_engine_hooks = {on_doorbell, on_engine_failed};
