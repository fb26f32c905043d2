#include "xenner/backend/ring_pace.h"
#include "xenner/util/fd_source.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

struct ring_pace {
    struct ring_pace_config config;
    struct ring *ring;
    const struct xen_host_ops *ops;
    struct host_port *port;
    bool deep;           /* the guest took several answers at its last event */
    bool held;           /* the guest is to be told by the timer at the latest */
    bool lazy;           /* we did not ask for the very next request: the timer looks */
    uint32_t last_event; /* the guest's rsp_event when it was told the last time */
    uint32_t last_cons;  /* requests taken when the timer was started for them */
    int timer;
    bool running;        /* the timer */
    GSource *source;
};

static uint32_t rsp_event(const struct ring_pace *p)
{
    return __atomic_load_n(ring_word(p->ring, RING_RSP_EVENT), __ATOMIC_RELAXED);
}

static void start_timer(struct ring_pace *p)
{
    const struct itimerspec after = {.it_value.tv_nsec = p->config.limit_us * 1000L};

    if (!p->running)
        timerfd_settime(p->timer, 0, &after, NULL);
    p->running = true;
}

void ring_pace_flush(struct ring_pace *p)
{
    /* Unless it has seen all of them by itself: then it wants to hear of the next. */
    bool due = p->held && (int32_t)(p->ring->rsp_published - rsp_event(p)) >= 0;

    p->held = false;
    if (due && p->port)
        p->ops->notify(p->port);
}

static gboolean on_timer(gint fd, GIOCondition condition, gpointer data)
{
    struct ring_pace *p = data;
    bool lazy = p->lazy;
    uint64_t times;

    while (read(fd, &times, sizeof(times)) < 0 && errno == EINTR)
        ;
    p->running = p->lazy = false;
    ring_pace_flush(p);
    if (!lazy)
        return G_SOURCE_CONTINUE;
    /* A time without a request: the next one is not to wait for others. */
    if (p->last_cons == p->ring->req_cons && ring_waiting(p->ring) == 0)
        p->deep = false;
    p->config.look(p->config.opaque);
    return G_SOURCE_CONTINUE;
}

void ring_pace_publish(struct ring_pace *p)
{
    if (!ring_publish(p->ring)) {
        if (p->held && p->ring->rsp_published - rsp_event(p) >= p->ring->entries / 2)
            ring_pace_flush(p);
        return;
    }
    uint32_t event = rsp_event(p);
    p->deep = event - p->last_event > 1;
    p->last_event = event;
    p->held = false;
    if (!p->port)
        return;
    if (p->deep && !p->config.prompt && p->timer >= 0 && p->ops->notify_idle) {
        p->held = p->ops->notify_idle(p->port);
        if (p->held)
            start_timer(p);
    } else {
        p->ops->notify(p->port);
    }
}

bool ring_pace_wait(struct ring_pace *p)
{
    p->lazy = p->deep && p->port && p->timer >= 0 && p->ops->wake_idle;
    if (!p->lazy)
        return ring_wait(p->ring, 1);
    p->last_cons = p->ring->req_cons;
    start_timer(p);
    p->ops->wake_idle(p->port); /* before the ring is looked at once more */
    return ring_wait(p->ring, p->ring->entries / 4);
}

void ring_pace_set_port(struct ring_pace *p, struct host_port *port)
{
    p->port = port;
}

struct ring_pace *ring_pace_new(const struct ring_pace_config *config)
{
    struct ring_pace *p = g_new0(struct ring_pace, 1);

    *p = (struct ring_pace){.config = *config, .ring = config->ring, .ops = config->host->ops};
    p->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (p->timer < 0)
        return p;
    p->source = fd_source_new(config->context, p->timer, G_IO_IN, on_timer, p);
    return p;
}

void ring_pace_free(struct ring_pace *p)
{
    if (!p)
        return;
    if (p->source) {
        g_source_destroy(p->source);
        g_source_unref(p->source);
        close(p->timer);
    }
    g_free(p);
}
