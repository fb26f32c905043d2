/* -object: what others refer to by its id. */
#include "qemu-compat/opt_object.h"
#include "qemu-compat/limits.h"
#include "qemu-compat/optlist.h"
#include "xenner/config/size.h"

#include <string.h>

typedef bool object_fn(struct object_config *o, struct keyval *kv, GError **error);

/* The guest's memory is one memfd, whatever the backend is called; its size must be the guest's. */
static bool memory(struct object_config *o, struct keyval *kv, GError **error)
{
    static const char *const ignored[] = {"share", "dump", "merge", "prealloc", "prealloc-threads",
                                          "x-use-canonical-path-for-ramblock-id", "reserve"};
    const char *size = keyval_get(kv, "size");
    uint64_t bytes;

    for (unsigned i = 0; i < G_N_ELEMENTS(ignored); i++)
        keyval_get(kv, ignored[i]);
    if (!size)
        return opt_error(error, "'size' is missing");
    return size_parse(size, 1, &bytes, error);
}

/* Secrets are for encrypted disks and migration, which are not there: libvirt always makes one. */
static bool secret(struct object_config *o, struct keyval *kv, GError **error)
{
    static const char *const keys[] = {"data", "file", "format", "keyid", "iv"};
    bool any = false;

    for (unsigned i = 0; i < G_N_ELEMENTS(keys); i++)
        any |= keyval_get(kv, keys[i]) && i < 2;
    return any || opt_error(error, "'data' or 'file' is missing");
}

static bool throttle_group(struct object_config *o, struct keyval *kv, GError **error)
{
    return limits_of_group(kv, &o->limits, error) && disk_limits_check(&o->limits, error);
}

/* Without effect: their users (TLS, random numbers) are not there, or need no help. */
static bool unused(struct object_config *o, struct keyval *kv, GError **error)
{
    for (guint i = 0; i < kv->keys->len; i++)
        keyval_get(kv, g_ptr_array_index(kv->keys, i));
    return true;
}

static const struct {
    const char *type;
    object_fn *fill; /* NULL: refused */
} types[] = {
    {"iothread", unused},           {"memory-backend-file", NULL}, {"memory-backend-memfd", memory},
    {"memory-backend-ram", memory}, {"rng-builtin", unused},       {"rng-random", unused},
    {"secret", secret},             {"throttle-group", throttle_group},
};

static bool fill(struct object_config *o, object_fn *fn, struct keyval *kv, GError **error)
{
    const char *id = keyval_get(kv, "id");

    if (!id || !*id)
        return opt_error(error, "'id' is missing");
    o->id = g_strdup(id);
    return fn(o, kv, error) && keyval_check_unused(kv, error);
}

struct object_config *object_parse(struct keyval *kv, GError **error)
{
    const char *type = keyval_get(kv, "qom-type");
    unsigned i = 0;

    while (i < G_N_ELEMENTS(types) && g_strcmp0(type, types[i].type) != 0)
        i++;
    if (i == G_N_ELEMENTS(types))
        opt_error(error, "invalid object type: %s", type ? type : "");
    else if (!types[i].fill)
        opt_error(error, "%s: not supported: a guest's memory is anonymous", type);
    else {
        struct object_config *o = g_new0(struct object_config, 1);
        o->type = g_strdup(type);
        if (fill(o, types[i].fill, kv, error))
            return o;
        object_config_free(o);
    }
    return NULL;
}

static bool objects_help(struct option_state *s)
{
    GString *text = g_string_new("List of user creatable objects:\n");

    for (unsigned i = 0; i < G_N_ELEMENTS(types); i++) {
        if (types[i].fill)
            g_string_append_printf(text, "  %s\n", types[i].type);
    }
    return opt_help_text(s, g_string_free(text, FALSE));
}

static bool add_object(struct option_state *s, struct keyval *kv, GError **error)
{
    struct object_config *o = object_parse(kv, error);

    if (!o)
        return false;
    if (object_configs_find(s->cfg->objects, o->id)) {
        opt_error(error, "attempt to add duplicate property '%s' to object (type 'container')", o->id);
        object_config_free(o);
        return false;
    }
    g_ptr_array_add(s->cfg->objects, o);
    return true;
}

bool opt_object(struct option_state *s, const char *value, GError **error)
{
    struct keyval kv = {0};

    if (opt_is_help(value))
        return objects_help(s);
    bool ok = keyval_parse(value, "qom-type", &kv, error) && add_object(s, &kv, error);

    keyval_clear(&kv);
    return ok;
}
