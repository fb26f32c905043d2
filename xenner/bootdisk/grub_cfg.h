/* The kernels that a grub.cfg can start. */
#pragma once

#include <glib.h>

enum { GRUB_CFG_MAX_KERNELS = 64 };

/*
 * Their paths (char *, owned) in the file system that GRUB's "root" is, in the file's order, each once. A
 * path that only GRUB could tell, made of variables, is left out. The caller's.
 */
GPtrArray *grub_cfg_kernels(const char *text);
