/* What of a struct vm_config is for an HVM guest's device model, a QEMU that libxl starts. */
#pragma once

#include "xenner/config/vm_config.h"

#include <libxl.h>

/*
 * Fills in the firmware, the disks that it sees, VGA, VNC, the serial port. ret was initialised as of type HVM, and is
 * the caller's to dispose of.
 */
bool libxl_hvm_fill(const struct vm_config *cfg, libxl_domain_config *ret, GError **error);
/* Of libxl's strings, which it frees with free(). NULL for NULL. */
char *libxl_copy(const char *s);
