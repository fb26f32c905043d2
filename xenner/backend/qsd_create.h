/*
 * New images, which a qemu-storage-daemon makes: QEMU's blockdev-create.
 *
 * Threads: the main loop's.
 */
#pragma once

#include "xenner/backend/qsd.h"

/* Called once: error is NULL when the image is there. */
typedef void (*qsd_created_fn)(void *opaque, const GError *error);

/*
 * options is taken, and names a node of q's as its file. True: it is under way, and done is called from the
 * main loop or another call of q's. The job is the only one that q has.
 */
bool qsd_create(struct qsd *q, JsonObject *options, qsd_created_fn done, void *opaque, GError **error);
/* The same, and waits. */
bool qsd_create_now(struct qsd *q, JsonObject *options, GError **error);
