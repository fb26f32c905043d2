/* An image in front of another one, which lets requests through as the limits of its group allow. */
#include "xenner/backend/throttle_group.h"

struct throttled {
    struct disk_image base;
    struct disk_image *below; /* owned */
    struct throttle_member member;
};

static struct throttled *of(struct disk_image *img)
{
    return (struct throttled *)img;
}

static void throttled_submit(struct disk_image *img, struct image_request *r)
{
    throttle_member_submit(&of(img)->member, r);
}

static void throttled_hurry(struct disk_image *img, bool hurry)
{
    throttle_member_hurry(&of(img)->member, hurry);
    disk_image_hurry(of(img)->below, hurry);
}

static void throttled_free(struct disk_image *img)
{
    struct throttled *t = of(img);

    throttle_member_set_group(&t->member, NULL); /* nothing waits any more */
    disk_image_free(t->below);
    g_free(t);
}

static bool throttled_resize(struct disk_image *img, uint64_t bytes, GError **error)
{
    return disk_image_resize(of(img)->below, bytes, error);
}

static void throttled_set_policy(struct disk_image *img, const struct image_policy *policy)
{
    struct disk_image *below = of(img)->below;

    below->ops->set_policy(below, policy);
}

static void throttled_retry(struct disk_image *img)
{
    struct disk_image *below = of(img)->below;

    below->ops->retry(below);
}

static void throttled_set_memory(struct disk_image *img, const struct guest_mem *mem)
{
    disk_image_set_memory(of(img)->below, mem);
}

static const struct image_ops throttled_ops = {
    .format = "throttle", .submit = throttled_submit, .free = throttled_free,
    .hurry = throttled_hurry, .resize = throttled_resize, .set_policy = throttled_set_policy,
    .retry = throttled_retry, .set_memory = throttled_set_memory};

void image_throttle_set_group(struct disk_image *img, struct throttle_group *group)
{
    g_assert(img->ops == &throttled_ops);
    throttle_member_set_group(&of(img)->member, group);
}

struct disk_image *image_throttle(struct disk_image *below, struct throttle_group *group)
{
    struct throttled *t = g_new0(struct throttled, 1);

    t->base = *below;
    t->base.ops = &throttled_ops;
    t->below = t->member.below = below;
    throttle_member_set_group(&t->member, group);
    return &t->base;
}
