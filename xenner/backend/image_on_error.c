/*
 * An image in front of another one, which does with errors what QEMU's werror= and rerror= say: the guest
 * is told, it is not, or the request waits until somebody has made room and the VM goes on.
 */
#include "xenner/backend/disk_image.h"

#include <errno.h>
#include <string.h>

struct on_error {
    struct disk_image base;
    struct disk_image *below; /* owned */
    struct image_policy policy;
    GQueue held;              /* struct attempt * */
    bool hurry;               /* nobody can wait: all is told */
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

static void done(struct image_request *r, int rc)
{
    struct attempt *a = (struct attempt *)r;
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
    return disk_image_resize(((struct on_error *)img)->below, bytes, error);
}

static void on_error_free(struct disk_image *img)
{
    struct on_error *o = (struct on_error *)img;

    g_assert(g_queue_is_empty(&o->held));
    disk_image_free(o->below);
    g_free(o);
}

static const struct image_ops on_error_ops = {
    .format = "on-error", .submit = on_error_submit, .free = on_error_free, .hurry = on_error_hurry,
    .resize = on_error_resize, .set_policy = on_error_set_policy, .retry = on_error_retry};

struct disk_image *image_on_error(struct disk_image *below)
{
    struct on_error *o = g_new0(struct on_error, 1);

    o->base = *below;
    o->base.ops = &on_error_ops;
    o->below = below;
    g_queue_init(&o->held);
    return &o->base;
}
