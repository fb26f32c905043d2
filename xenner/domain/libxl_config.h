/* struct vm_config to what libxl wants to know of a domain. */
#pragma once

#include "xenner/config/boot_source.h"
#include "xenner/config/vm_config.h"

#include <libxl.h>

/*
 * Fills ret (to be disposed of by the caller in any case). The domain gets that name, and owner as the value
 * of its node LIBXL_OWNER_NODE. images: as domain_create() has them, open until the domain is made.
 */
bool libxl_config_fill(libxl_ctx *ctx, const struct vm_config *cfg, const struct boot_images *images,
                       const char *name, const char *owner, libxl_domain_config *ret, GError **error);

/* Below the domain's directory in xenstore, where a guest can't write. */
#define LIBXL_OWNER_NODE "xenner/owner"
