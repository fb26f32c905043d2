/* Disks that the kernel of a Xen host serves: which, and their coming and going. Their images stay open, and locked. */
#include "xenner/vm/vm_disks_priv.h"

#include "xenner/config/disk_kernel.h"
#include "xenner/host/xen_kernel.h"

static enum device_backend wanted(const struct vm_disk *disk)
{
    return disk->config->backend ? disk->config->backend : disk->all->backend;
}

bool vm_disk_offer_kernel(struct vm_disk *disk, bool *ret_done, GError **error)
{
    struct xen_kernel *k = disk->all->host->kernel;
    enum device_backend want = wanted(disk);
    const char *why_not = NULL;

    *ret_done = disk->config->emulated && k && (disk->kernel = k->ops->adopt_disk(k, disk->config->vdev));
    if (*ret_done)
        return true;
    if (want == DEVICE_BACKEND_XENNER || (want == DEVICE_BACKEND_AUTO && !k))
        return true;
    if (!k)
        why_not = "this is no Xen host";
    else if (!k->ops->serves(k, "vbd"))
        why_not = "the module xen-blkback is not loaded";
    g_autofree char *path = why_not ? NULL : disk_kernel_path(disk->config, &why_not);
    if (!path && want == DEVICE_BACKEND_KERNEL)
        return vm_disk_refuse(error, "backend=kernel for %s: %s", disk->config->vdev, why_not);
    g_log("blk", G_LOG_LEVEL_DEBUG, "vbd %s is served by %s%s", disk->config->vdev,
          path ? "the kernel" : "xenner: ", path ? "" : why_not);
    if (!path)
        return true;
    const struct kernel_disk want_disk = {path, disk->config->vdev, disk->image->readonly,
                                          disk->config->discard};
    disk->kernel = k->ops->add_disk(k, &want_disk, error);
    *ret_done = disk->kernel != NULL;
    return *ret_done;
}

void vm_disk_withdraw(struct vm_disk *disk)
{
    g_clear_pointer(&disk->backend, blk_backend_free);
    if (disk->kernel)
        disk->all->host->kernel->ops->forget(g_steal_pointer(&disk->kernel));
}

bool vm_disk_offered(const struct vm_disk *disk)
{
    return disk->backend || disk->kernel;
}

void vm_disk_ask_back(struct vm_disk *disk, bool force, void (*gone)(void *opaque), void *opaque)
{
    if (disk->backend)
        blk_backend_unplug(disk->backend, force, gone, opaque);
    else
        disk->all->host->kernel->ops->unplug(disk->kernel, gone, opaque);
}

void vm_disk_kernel_stats(struct vm_disk *disk)
{
    struct kernel_disk_stats now;
    struct image_stats *s = &disk->image->stats; /* no ring of ours writes there */

    if (!disk->all->host->kernel->ops->stats(disk->kernel, &now))
        return;
    s->of[IMAGE_READ].ops = now.reads;
    s->of[IMAGE_READ].bytes = now.read_bytes;
    s->of[IMAGE_WRITE].ops = now.writes;
    s->of[IMAGE_WRITE].bytes = now.written_bytes;
    s->of[IMAGE_FLUSH].ops = now.flushes;
    s->of[IMAGE_DISCARD].ops = now.discards;
}

bool vm_disk_kernel_resized(struct vm_disk *disk, GError **error)
{
    return disk->all->host->kernel->ops->resized(disk->kernel, disk->image->bytes, error);
}
