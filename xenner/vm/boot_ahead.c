#include "xenner/vm/boot_ahead.h"

#include <string.h>
#include <unistd.h>

struct boot_ahead {
    const struct vm_config *cfg;
    const struct boot_source *source;
    const char *accel;
    GThread *thread; /* NULL: it was waited for */
    struct boot_images images;
    struct domain *domain; /* made of them, or NULL */
};

static void *make(void *data)
{
    g_autoptr(GError) error = NULL;
    struct boot_ahead *b = data;

    if (b->source->get(b->source->opaque, NULL, &b->images, &error))
        b->domain = domain_prepare(b->cfg, &b->images, b->accel, &error);
    if (!b->domain)
        g_log("domain", G_LOG_LEVEL_DEBUG, "nothing is built ahead: %s", error->message);
    return NULL;
}

struct boot_ahead *boot_ahead_new(const struct vm_config *cfg, const struct boot_source *source, const char *accel)
{
    struct boot_ahead *b = g_new0(struct boot_ahead, 1);

    *b = (struct boot_ahead){.cfg = cfg, .source = source, .accel = accel};
    b->thread = g_thread_new("boot-ahead", make, b);
    return b;
}

void boot_ahead_wait(struct boot_ahead *b)
{
    if (b && b->thread)
        g_thread_join(g_steal_pointer(&b->thread));
}

/* Read, not mapped: who wrote them may still have them open. */
static bool same_file(int a, int b)
{
    enum { STEP = 256 << 10 };
    g_autofree char *one = g_malloc(STEP), *other = g_malloc(STEP);
    off_t at = 0;
    ssize_t n;

    if (!a || !b)
        return !a && !b;
    while ((n = pread(a, one, STEP, at)) > 0 && pread(b, other, STEP, at) == n && memcmp(one, other, (size_t)n) == 0)
        at += n;
    return n == 0 && pread(b, other, 1, at) == 0;
}

struct domain *boot_ahead_take(struct boot_ahead *b, const struct boot_images *images)
{
    boot_ahead_wait(b);
    if (!b || !b->domain || strcmp(b->images.cmdline, images->cmdline) != 0 ||
        !same_file(b->images.kernel_fd, images->kernel_fd) || !same_file(b->images.initrd_fd, images->initrd_fd))
        return NULL;
    return g_steal_pointer(&b->domain);
}

void boot_ahead_free(struct boot_ahead *b)
{
    if (!b)
        return;
    boot_ahead_wait(b);
    domain_destroy(b->domain);
    boot_images_clear(&b->images);
    g_free(b);
}
