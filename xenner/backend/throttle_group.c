#include "xenner/backend/throttle_group.h"
#include "xenner/backend/throttle.h"
#include "xenner/util/ready_source.h"

struct throttle_group {
    gint refs;
    char *name;
    struct disk_limits limits; /* the main loop's copy */
    struct blk_io *io;         /* NULL until it has had a member */
    /* the I/O thread's */
    struct throttle throttle;
    GQueue members;            /* struct throttle_member *: whose turn it is first */
    bool limited;
    bool busy, again;          /* requests that come while others are let through */
    GSource *timer;
};

struct throttle_group *throttle_group_new(const char *name, const struct disk_limits *limits)
{
    struct throttle_group *g = g_new0(struct throttle_group, 1);

    g->refs = 1;
    g->name = g_strdup(name);
    g->limits = *limits;
    g->limited = disk_limits_any(limits);
    throttle_init(&g->throttle, limits, g_get_monotonic_time());
    g_queue_init(&g->members);
    return g;
}

struct throttle_group *throttle_group_ref(struct throttle_group *g)
{
    g->refs++;
    return g;
}

void throttle_group_unref(struct throttle_group *g)
{
    if (!g || --g->refs)
        return;
    g_assert(g_queue_is_empty(&g->members));
    if (g->timer)
        ready_source_free(g->timer);
    g_free(g->name);
    g_free(g);
}

const char *throttle_group_name(const struct throttle_group *g)
{
    return g->name;
}

const struct disk_limits *throttle_group_limits(const struct throttle_group *g)
{
    return &g->limits;
}

unsigned throttle_group_size(const struct throttle_group *g)
{
    return g->members.length; /* changes only while the main loop waits for it */
}

/* The member whose turn it is, of those with such a request. */
static GList *next_turn(struct throttle_group *g, bool write)
{
    GList *l = g->members.head;

    while (l && g_queue_is_empty(&((struct throttle_member *)l->data)->waiting[write]))
        l = l->next;
    return l;
}

/* Lets reads or writes through; the microseconds until the next may go, 0: there is none. */
static int64_t let_through_kind(struct throttle_group *g, bool write, int64_t now)
{
    GList *l;

    while ((l = next_turn(g, write))) {
        struct throttle_member *m = l->data;
        struct image_request *r = g_queue_peek_head(&m->waiting[write]);
        int64_t wait = g->limited ? throttle_ask(&g->throttle, write, r->bytes, now) : 0;
        if (wait)
            return wait;
        g_queue_pop_head(&m->waiting[write]);
        g_queue_unlink(&g->members, l);
        g_queue_push_tail_link(&g->members, l);
        disk_image_submit(m->below, r);
    }
    return 0;
}

/* What may go now, in order; the rest when its time has come. */
static void let_through(struct throttle_group *g)
{
    int64_t wait[2];

    g->again = true;
    if (g->busy)
        return;
    g->busy = true;
    do {
        int64_t now = g_get_monotonic_time();
        g->again = false;
        for (unsigned write = 0; write < 2; write++)
            wait[write] = let_through_kind(g, write, now);
        int64_t next = wait[0] && wait[1] ? MIN(wait[0], wait[1]) : wait[0] + wait[1];
        g_source_set_ready_time(g->timer, next ? now + next : -1);
    } while (g->again);
    g->busy = false;
}

static void on_time(void *opaque)
{
    let_through(opaque);
}

static void let_all_through(struct throttle_member *m)
{
    for (unsigned write = 0; write < 2; write++) {
        struct image_request *r;
        while ((r = g_queue_pop_head(&m->waiting[write])))
            disk_image_submit(m->below, r);
    }
}

void throttle_member_submit(struct throttle_member *m, struct image_request *r)
{
    struct throttle_group *g = m->group;

    if (!g || !g->limited || m->hurry || (r->op != IMAGE_READ && r->op != IMAGE_WRITE)) {
        disk_image_submit(m->below, r);
        return;
    }
    g_queue_push_tail(&m->waiting[r->op == IMAGE_WRITE], r);
    let_through(g);
}

void throttle_member_hurry(struct throttle_member *m, bool hurry)
{
    m->hurry = hurry;
    if (hurry)
        let_all_through(m);
}

struct change {
    struct throttle_member *member;
    struct throttle_group *group;
};

static void move(void *opaque)
{
    const struct change *c = opaque;
    struct throttle_member *m = c->member;

    if (m->group)
        g_queue_remove(&m->group->members, m);
    m->group = c->group;
    if (!c->group) {
        let_all_through(m);
        return;
    }
    if (!c->group->timer)
        c->group->timer = ready_source_new(blk_io_context(m->below->io), on_time, c->group);
    g_queue_push_tail(&c->group->members, m);
    let_through(c->group);
}

void throttle_member_set_group(struct throttle_member *m, struct throttle_group *g)
{
    struct throttle_group *before = m->group;
    struct change c = {m, g};

    if (g == before)
        return;
    if (g) {
        throttle_group_ref(g);
        g->io = m->below->io;
    }
    blk_io_call(m->below->io, move, &c);
    throttle_group_unref(before);
}

static void use_limits(void *opaque)
{
    struct throttle_group *g = opaque;

    g->limited = disk_limits_any(&g->limits);
    throttle_init(&g->throttle, &g->limits, g_get_monotonic_time());
    if (g->timer)
        let_through(g);
}

void throttle_group_set_limits(struct throttle_group *g, const struct disk_limits *limits)
{
    g->limits = *limits;
    if (g->io)
        blk_io_call(g->io, use_limits, g);
    else
        use_limits(g);
}
