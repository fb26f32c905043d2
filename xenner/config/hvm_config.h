/* What a struct vm_config means for an HVM guest, whose PC is a device model that libxl starts. */
#pragma once

#include "xenner/config/vm_config.h"

/*
 * Of a config with all options in it: disks without a place of their own go where firmware looks for them (hda to hdd),
 * those that the device model shows are marked so, and there is no vfb. Looks at the file system. warnings (char *,
 * owned) gets a line for each disk that firmware will not see.
 */
void hvm_config_finish(struct vm_config *cfg, GPtrArray *warnings);
/* What the device model can't do; one-line errors. */
bool hvm_config_check(const struct vm_config *cfg, GError **error);
