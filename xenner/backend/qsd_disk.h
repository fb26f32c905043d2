/*
 * A disk as a qemu-storage-daemon has it: its nodes.
 *
 * Threads: the main loop's.
 */
#pragma once

#include "xenner/backend/qsd.h"
#include "xenner/config/disk_config.h"

/*
 * Makes the node "disk": config's image in that format, or, when it is a snapshot, a file over it that takes
 * the writes and goes with q. Errors in QEMU's words, without config's origin.
 */
bool qsd_add_disk(struct qsd *q, const struct disk_config *config, const char *format, GError **error);
