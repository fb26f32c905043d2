/* Block nodes and disk devices in QEMU's words: for -blockdev and -device, blockdev-add and device_add. */
#pragma once

#include "qemu-compat/keyval.h"
#include "xenner/config/block_node.h"
#include "xenner/config/fdset_config.h"

/*
 * Adds the node that kv describes, and those that are written inside it ("file.driver"), to nodes.
 * origin: for errors about it later. On failure nothing is added.
 */
bool block_nodes_parse(GPtrArray *nodes, const char *origin, struct keyval *kv, GError **error);
/* Paths of fdsets (struct fdset_fd) in the nodes from `first` on become ones that open() knows. */
bool block_nodes_find_files(GPtrArray *nodes, unsigned first, GArray *fds, GError **error);
/* The same for a drive. */
bool drive_find_file(struct disk_config *d, GArray *fds, GError **error);
/* werror= and rerror=, which a drive and a device have. */
bool disk_get_on_error(struct keyval *kv, struct disk_config *d, GError **error);
/* Whether -device DRIVER is a disk here. */
bool disk_device_known(const char *driver);
/*
 * The device's part of a disk; the caller's. id is the drive or node that it wants, NULL for a CD drive
 * without a medium.
 */
struct disk_config *disk_device_parse(const char *origin, struct keyval *kv, GError **error);
