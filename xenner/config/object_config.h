/* -object: things that have a name and that others refer to. */
#pragma once

#include "xenner/config/disk_config.h"

struct object_config {
    char *type, *id;           /* never NULL */
    struct disk_limits limits; /* of a throttle-group */
};

/* Accepts NULL; a GDestroyNotify. */
void object_config_free(void *object);
struct object_config *object_config_copy(const struct object_config *object);
/* NULL: there is none of that id in the list (struct object_config *). */
struct object_config *object_configs_find(const GPtrArray *objects, const char *id);
