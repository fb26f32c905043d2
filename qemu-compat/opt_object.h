/* -object and object-add: what they make. */
#pragma once

#include "qemu-compat/keyval.h"
#include "xenner/config/object_config.h"

/* Of kv's qom-type and id; the caller's. NULL: QEMU's words say why. */
struct object_config *object_parse(struct keyval *kv, GError **error);
