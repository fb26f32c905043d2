/*
 * Errors of images: from the I/O thread, where they happen, to the main loop, where the VM is stopped for
 * them.
 */
#include "xenner/vm/vm_disks_priv.h"
#include "xenner/util/ready_source.h"

#include <errno.h>
#include <string.h>

struct failure {
    char *id; /* the disk may be gone when it is read */
    enum image_op op;
    int rc;
    enum image_action action;
};

struct vm_disk_errors {
    struct vm_disks *all;
    GMutex lock;
    GQueue failures;
    GSource *source; /* of the main loop */
};

static void failure_free(void *opaque)
{
    struct failure *f = opaque;

    g_free(f->id);
    g_free(f);
}

/* In the I/O thread. */
static void on_failed(void *opaque, enum image_op op, int rc, enum image_action action)
{
    struct vm_disk *disk = opaque;
    struct vm_disk_errors *e = disk->all->errors;
    struct failure f = {g_strdup(disk->config->id), op, rc, action};

    g_mutex_lock(&e->lock);
    g_queue_push_tail(&e->failures, g_memdup2(&f, sizeof(f)));
    g_mutex_unlock(&e->lock);
    g_source_set_ready_time(e->source, 0);
}

static void tell(struct vm_disks *d, const struct failure *f)
{
    struct vm_disk *disk = vm_disks_find(d, f->id);

    if (!disk || !d->events)
        return;
    if (f->action == IMAGE_STOPPED)
        disk->status = f->rc == -ENOSPC ? VM_DISK_NO_SPACE : VM_DISK_FAILED;
    const struct vm_disk_error error = {disk->config, block_nodes_find(d->nodes, f->id) != NULL,
                                        f->op == IMAGE_READ, -f->rc, f->action};
    d->events->failed(d->opaque, &error);
}

static void tell_all(void *opaque)
{
    struct vm_disk_errors *e = opaque;
    GQueue failures;
    struct failure *f;

    g_mutex_lock(&e->lock);
    failures = e->failures;
    g_queue_init(&e->failures);
    g_mutex_unlock(&e->lock);
    while ((f = g_queue_pop_head(&failures))) {
        tell(e->all, f);
        failure_free(f);
    }
}

struct vm_disk_errors *vm_disk_errors_new(struct vm_disks *d)
{
    struct vm_disk_errors *e = g_new0(struct vm_disk_errors, 1);

    e->all = d;
    g_mutex_init(&e->lock);
    g_queue_init(&e->failures);
    e->source = ready_source_new(NULL, tell_all, e);
    return e;
}

void vm_disk_errors_free(struct vm_disk_errors *e)
{
    ready_source_free(e->source);
    g_queue_clear_full(&e->failures, failure_free);
    g_mutex_clear(&e->lock);
    g_free(e);
}

void vm_disk_watch_errors(struct vm_disk *disk)
{
    const struct image_policy policy = {disk->config->on_read_error, disk->config->on_write_error,
                                        on_failed, disk};

    disk_image_set_policy(disk->image, &policy);
}

void vm_disks_retry(struct vm_disks *d)
{
    for (guint i = 0; i < d->disks->len; i++) {
        struct vm_disk *disk = g_ptr_array_index(d->disks, i);
        if (disk->status == VM_DISK_OK)
            continue;
        disk->status = VM_DISK_OK;
        if (disk->image)
            disk_image_retry(disk->image);
    }
}
