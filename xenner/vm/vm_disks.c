#include "xenner/vm/vm_disks.h"
#include "xenner/backend/blk.h"

struct vm_disks {
    const struct vm_config *cfg;
    struct blk_io *io;   /* NULL without disks */
    GPtrArray *images;   /* struct disk_image *, in the config's order, owned */
    GPtrArray *backends; /* struct blk_backend *, owned */
};

static bool wants_uring(const struct vm_config *cfg)
{
    for (guint i = 0; i < cfg->disks->len; i++) {
        const struct disk_config *c = g_ptr_array_index(cfg->disks, i);
        if (c->aio != DISK_AIO_THREADS)
            return true;
    }
    return false;
}

struct vm_disks *vm_disks_new(const struct vm_config *cfg, GError **error)
{
    struct vm_disks *d = g_new0(struct vm_disks, 1);

    d->cfg = cfg;
    d->images = g_ptr_array_new_with_free_func((GDestroyNotify)disk_image_free);
    d->backends = g_ptr_array_new_with_free_func((GDestroyNotify)blk_backend_free);
    if (cfg->disks->len)
        d->io = blk_io_new(wants_uring(cfg));
    for (guint i = 0; i < cfg->disks->len; i++) {
        const struct disk_config *c = g_ptr_array_index(cfg->disks, i);
        struct disk_image *img = disk_image_open(c, d->io, error);
        if (!img) {
            g_prefix_error(error, "%s: ", c->origin);
            vm_disks_free(d);
            return NULL;
        }
        g_ptr_array_add(d->images, img);
    }
    return d;
}

bool vm_disks_attach(struct vm_disks *d, struct xen_host *host, GError **error)
{
    for (guint i = 0; i < d->images->len; i++) {
        const struct disk_config *c = g_ptr_array_index(d->cfg->disks, i);
        if (!c->vdev)
            continue; /* no device of the guest's has it */
        struct blk_backend *b = blk_backend_new(host, c, g_ptr_array_index(d->images, i), d->io,
                                                error);
        if (!b)
            return false;
        g_ptr_array_add(d->backends, b);
    }
    return true;
}

void vm_disks_detach(struct vm_disks *d)
{
    if (d)
        g_ptr_array_set_size(d->backends, 0);
}

void vm_disks_free(struct vm_disks *d)
{
    if (!d)
        return;
    g_ptr_array_unref(d->backends);
    g_ptr_array_unref(d->images);
    blk_io_free(d->io);
    g_free(d);
}
