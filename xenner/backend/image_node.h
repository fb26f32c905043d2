/* A disk as a block node of QEMU's, "disk", for what qemu-storage-daemon and qemu-img open. */
#pragma once

#include "xenner/config/disk_config.h"

/*
 * JSON, the caller's; NULL with an error. overlay: a qcow2 file that takes the writes, or NULL.
 */
char *image_node(const struct disk_config *c, const char *format, const char *overlay, GError **error);
