/*
 * An image in front of another one, which does with errors what QEMU's werror= and rerror= say: the guest
 * is told, it is not, or the request waits until somebody has made room and the VM goes on.
 */
#include "xenner/backend/disk_image.h"

#include <errno.h>
#include <gio/gio.h>
#include <string.h>

struct on_error {
    struct disk_image base;
    struct disk_image *below; /* owned; NULL: there is none any more */
    const struct guest_mem *mem; /* the main loop's: for who comes below */
    struct image_policy policy;
    GQueue held;              /* struct attempt * */
    bool hurry;               /* nobody can wait: all is told */
    bool holding;             /* the image below is exchanged, and these wait: */
    GQueue waiting;           /* struct attempt * */
    unsigned under_way;       /* below lock */
    GMutex lock;
    GCond idle;               /* under_way is 0 */
};

/* A request as it goes down: images change what they are given, and it may have to go again. */
struct attempt {
    struct image_request r;
    struct on_error *o;
    struct image_request *outer;
    int rc;
    struct iovec iov[];
};

static void done(struct image_request *r, int rc);

static void count(struct on_error *o, int change)
{
    g_mutex_lock(&o->lock);
    o->under_way += (unsigned)change;
    if (!o->under_way)
        g_cond_signal(&o->idle);
    g_mutex_unlock(&o->lock);
}

static void try(struct attempt *a)
{
    const struct image_request *outer = a->outer;

    memset(&a->r, 0, sizeof(a->r));
    a->r.op = outer->op;
    a->r.offset = outer->offset;
    a->r.bytes = outer->bytes;
    a->r.iov = a->iov;
    a->r.iovcnt = outer->iovcnt;
    a->r.done = done;
    if (outer->iovcnt)
        memcpy(a->iov, outer->iov, outer->iovcnt * sizeof(a->iov[0]));
    if (a->o->holding) {
        g_queue_push_tail(&a->o->waiting, a);
        return;
    }
    count(a->o, 1);
    if (!a->o->below)
        done(&a->r, -EIO);
    else if (a->r.op == IMAGE_DISCARD && !a->o->below->can_discard)
        done(&a->r, -EOPNOTSUPP); /* the image was another one when the guest was told */
    else
        disk_image_submit(a->o->below, &a->r);
}

static void finish(struct attempt *a, int rc)
{
    struct image_request *outer = a->outer;

    g_free(a);
    outer->done(outer, rc);
}

static enum image_action action_for(const struct on_error *o, const struct attempt *a)
{
    enum disk_on_error policy = a->outer->op == IMAGE_READ ? o->policy.read : o->policy.write;

    switch (policy) {
    case DISK_ERROR_IGNORE:
        return IMAGE_IGNORED;
    case DISK_ERROR_STOP:
        break;
    case DISK_ERROR_AUTO:
    case DISK_ERROR_ENOSPC:
        if (a->rc == -ENOSPC && a->outer->op != IMAGE_READ)
            break;
        return IMAGE_REPORTED;
    case DISK_ERROR_REPORT:
        return IMAGE_REPORTED;
    }
    return o->hurry || !o->policy.failed ? IMAGE_REPORTED : IMAGE_STOPPED;
}

static void handle(struct attempt *a, int rc)
{
    struct on_error *o = a->o;

    if (!rc || rc == -EOPNOTSUPP) { /* the latter is no failure of the medium */
        finish(a, rc);
        return;
    }
    a->rc = rc;
    enum image_action action = action_for(o, a);
    if (action == IMAGE_STOPPED)
        g_queue_push_tail(&o->held, a);
    if (o->policy.failed)
        o->policy.failed(o->policy.opaque, a->outer->op, rc, action);
    if (action != IMAGE_STOPPED)
        finish(a, action == IMAGE_IGNORED ? 0 : rc);
}

static void done(struct image_request *r, int rc)
{
    struct attempt *a = (struct attempt *)r;
    struct on_error *o = a->o;

    handle(a, rc);
    count(o, -1);
}

static void on_error_submit(struct disk_image *img, struct image_request *r)
{
    struct attempt *a = g_malloc(sizeof(*a) + r->iovcnt * sizeof(a->iov[0]));

    a->o = (struct on_error *)img;
    a->outer = r;
    try(a);
}

/* The ones that come to be held again meanwhile have another turn. */
static void on_error_retry(struct disk_image *img)
{
    struct on_error *o = (struct on_error *)img;
    GQueue held = o->held;
    struct attempt *a;

    g_queue_init(&o->held);
    while ((a = g_queue_pop_head(&held)))
        try(a);
}

static void on_error_hurry(struct disk_image *img, bool hurry)
{
    struct on_error *o = (struct on_error *)img;
    struct attempt *a;

    o->hurry = hurry;
    if (o->below)
        disk_image_hurry(o->below, hurry);
    while (hurry && (a = g_queue_pop_head(&o->held)))
        finish(a, a->rc);
}

static void on_error_set_policy(struct disk_image *img, const struct image_policy *policy)
{
    ((struct on_error *)img)->policy = *policy;
}

static bool on_error_resize(struct disk_image *img, uint64_t bytes, GError **error)
{
    struct on_error *o = (struct on_error *)img;

    if (o->below)
        return disk_image_resize(o->below, bytes, error);
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "the disk is gone");
    return false;
}

static void on_error_set_memory(struct disk_image *img, const struct guest_mem *mem)
{
    struct on_error *o = (struct on_error *)img;

    o->mem = mem;
    if (o->below)
        disk_image_set_memory(o->below, mem);
}

static void on_error_free(struct disk_image *img)
{
    struct on_error *o = (struct on_error *)img;

    g_assert(g_queue_is_empty(&o->held));
    disk_image_free(o->below);
    g_mutex_clear(&o->lock);
    g_cond_clear(&o->idle);
    g_free(o);
}

static void begin_hold(void *opaque)
{
    ((struct on_error *)opaque)->holding = true;
}

void disk_image_hold(struct disk_image *img)
{
    struct on_error *o = (struct on_error *)img;

    blk_io_call(img->io, begin_hold, o);
    g_mutex_lock(&o->lock);
    while (o->under_way)
        g_cond_wait(&o->idle, &o->lock);
    g_mutex_unlock(&o->lock);
}

void image_on_error_exchange(struct disk_image *img, struct disk_image *below)
{
    struct on_error *o = (struct on_error *)img;

    disk_image_free(o->below);
    o->below = below;
    if (below)
        disk_image_set_memory(below, o->mem);
}

static void end_hold(void *opaque)
{
    struct on_error *o = opaque;
    struct attempt *a;

    o->holding = false;
    while ((a = g_queue_pop_head(&o->waiting)))
        try(a);
}

void disk_image_go_on(struct disk_image *img)
{
    blk_io_call(img->io, end_hold, img);
}

static const struct image_ops on_error_ops = {
    .format = "on-error", .submit = on_error_submit, .free = on_error_free, .hurry = on_error_hurry,
    .resize = on_error_resize, .set_policy = on_error_set_policy, .retry = on_error_retry,
    .set_memory = on_error_set_memory};

struct disk_image *image_on_error(struct disk_image *below)
{
    struct on_error *o = g_new0(struct on_error, 1);

    o->base = *below;
    o->base.ops = &on_error_ops;
    o->below = below;
    g_queue_init(&o->held);
    g_queue_init(&o->waiting);
    g_mutex_init(&o->lock);
    g_cond_init(&o->idle);
    return &o->base;
}
