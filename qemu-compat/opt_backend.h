/* backend=, disk-backend=, net-backend=: who serves a device on a Xen host. */
#pragma once

#include "qemu-compat/keyval.h"
#include "xenner/config/device_backend.h"

/* Takes key from kv; *ret stays when it is not there. */
bool opt_take_backend(struct keyval *kv, const char *key, enum device_backend *ret, GError **error);
