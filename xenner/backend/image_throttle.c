/* An image in front of another one, which lets requests through as the disk's limits allow. */
#include "xenner/backend/disk_image.h"
#include "xenner/backend/throttle.h"
#include "xenner/util/ready_source.h"

struct throttled {
    struct disk_image base;
    struct disk_image *below;   /* owned */
    struct throttle throttle;
    GQueue waiting[2];          /* struct image_request *: reads, writes */
    bool hurry;
    bool limited;
    GSource *timer;
};

/* What may go now, in order; the rest when its time has come. */
static void let_through(struct throttled *t)
{
    int64_t now = g_get_monotonic_time(), next = -1;

    for (unsigned write = 0; write < 2; write++) {
        struct image_request *r;
        while ((r = g_queue_peek_head(&t->waiting[write]))) {
            int64_t wait = t->hurry ? 0 : throttle_ask(&t->throttle, write, r->bytes, now);
            if (wait) {
                next = next < 0 ? now + wait : MIN(next, now + wait);
                break;
            }
            g_queue_pop_head(&t->waiting[write]);
            disk_image_submit(t->below, r);
        }
    }
    g_source_set_ready_time(t->timer, next);
}

static void throttled_submit(struct disk_image *img, struct image_request *r)
{
    struct throttled *t = (struct throttled *)img;

    if (!t->limited || (r->op != IMAGE_READ && r->op != IMAGE_WRITE)) {
        disk_image_submit(t->below, r);
        return;
    }
    g_queue_push_tail(&t->waiting[r->op == IMAGE_WRITE], r);
    let_through(t);
}

static void throttled_hurry(struct disk_image *img, bool hurry)
{
    struct throttled *t = (struct throttled *)img;

    t->hurry = hurry;
    disk_image_hurry(t->below, hurry);
    if (hurry)
        let_through(t);
}

static void throttled_free(struct disk_image *img)
{
    struct throttled *t = (struct throttled *)img;

    ready_source_free(t->timer); /* nothing waits any more: it never runs */
    disk_image_free(t->below);
    g_free(t);
}

static bool throttled_resize(struct disk_image *img, uint64_t bytes, GError **error)
{
    return disk_image_resize(((struct throttled *)img)->below, bytes, error);
}

/* What waits goes by the new limits, or at once. */
static void throttled_set_limits(struct disk_image *img, const struct disk_limits *limits)
{
    struct throttled *t = (struct throttled *)img;
    bool hurry = t->hurry;

    t->limited = disk_limits_any(limits);
    throttle_init(&t->throttle, limits, g_get_monotonic_time());
    t->hurry = hurry || !t->limited;
    let_through(t);
    t->hurry = hurry;
}

static void throttled_set_policy(struct disk_image *img, const struct image_policy *policy)
{
    struct disk_image *below = ((struct throttled *)img)->below;

    below->ops->set_policy(below, policy);
}

static void throttled_retry(struct disk_image *img)
{
    struct disk_image *below = ((struct throttled *)img)->below;

    below->ops->retry(below);
}

static const struct image_ops throttled_ops = {
    .format = "throttle", .submit = throttled_submit, .free = throttled_free,
    .hurry = throttled_hurry, .resize = throttled_resize, .set_limits = throttled_set_limits,
    .set_policy = throttled_set_policy, .retry = throttled_retry};

static void on_time(void *opaque)
{
    let_through(opaque);
}

struct disk_image *image_throttle(struct disk_image *below, const struct disk_limits *limits)
{
    struct throttled *t;

    t = g_new0(struct throttled, 1);
    t->base = *below;
    t->base.ops = &throttled_ops;
    t->below = below;
    t->limited = disk_limits_any(limits);
    throttle_init(&t->throttle, limits, g_get_monotonic_time());
    t->timer = ready_source_new(blk_io_context(below->io), on_time, t);
    return &t->base;
}
