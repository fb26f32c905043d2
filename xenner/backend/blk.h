/*
 * A vbd: a disk that the guest finds in xenstore, on an image.
 *
 * Threads: the main loop's.
 */
#pragma once

#include "xenner/backend/disk_image.h"
#include "xenner/host/xen_host.h"

struct blk_backend;

/* config (which has a vdev), image and io are borrowed. */
struct blk_backend *blk_backend_new(struct xen_host *host, const struct disk_config *config,
                                    struct disk_image *image, struct blk_io *io, GError **error);
/* Waits for what is under way. Accepts NULL. */
void blk_backend_free(struct blk_backend *b);
/* Asks the guest to let go; gone is called when it has, then b is to be freed (xenbus.h). */
void blk_backend_unplug(struct blk_backend *b, bool force, void (*gone)(void *opaque), void *opaque);
/* The image has another size: the frontend is told. */
void blk_backend_resized(struct blk_backend *b);
