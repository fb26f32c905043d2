/*
 * New images, which a qemu-storage-daemon makes: QEMU's blockdev-create.
 *
 * Threads: the main loop's.
 */
#pragma once

#include "xenner/backend/qsd.h"

/* Called once: error is NULL when the image is there. */
typedef void (*qsd_created_fn)(void *opaque, const GError *error);

struct qsd_creation;

/*
 * options is taken, and names a node of q's as its file. It is under way then, and done is called from the
 * main loop, when the creation is over and gone. It is the only one that q has. NULL with error.
 */
struct qsd_creation *qsd_create(struct qsd *q, JsonObject *options, qsd_created_fn done, void *opaque,
                                GError **error);
/* done is not called; q is to be freed next. Accepts NULL. */
void qsd_creation_cancel(struct qsd_creation *c);
/* The same, and waits. */
bool qsd_create_now(struct qsd *q, JsonObject *options, GError **error);
