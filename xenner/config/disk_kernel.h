/* Disks that the kernel of a Xen host can serve: what their image is, besides what the configuration says. */
#pragma once

#include "xenner/config/disk_config.h"

/*
 * The image as a path for programs other than ours; the caller frees it. NULL: the kernel can't serve it, and
 * *why_not is a clause for the user. Looks at the file system.
 */
char *disk_kernel_path(const struct disk_config *disk, const char **why_not);
/* The same for any other program that reads a raw file or block device. */
char *disk_real_path(const struct disk_config *disk, const char **why_not);
