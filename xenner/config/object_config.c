#include "xenner/config/object_config.h"

#include <string.h>

void object_config_free(void *object)
{
    struct object_config *o = object;

    if (!o)
        return;
    g_free(o->type);
    g_free(o->id);
    g_free(o);
}

struct object_config *object_config_copy(const struct object_config *object)
{
    struct object_config *o = g_memdup2(object, sizeof(*object));

    o->type = g_strdup(object->type);
    o->id = g_strdup(object->id);
    return o;
}

struct object_config *object_configs_find(const GPtrArray *objects, const char *id)
{
    for (guint i = 0; i < objects->len; i++) {
        struct object_config *o = g_ptr_array_index(objects, i);
        if (strcmp(o->id, id) == 0)
            return o;
    }
    return NULL;
}
