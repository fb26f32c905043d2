#include "qemu-compat/limits.h"
#include "qemu-compat/optlist.h"
#include "xenner/config/size.h"

/* By enum disk_limit: -drive's and the object's name, and the older one that QMP has as well. */
static const char *const names[NR_LIMITS] = {"bps-total", "bps-read", "bps-write",
                                             "iops-total", "iops-read", "iops-write"};
static const char *const old_names[NR_LIMITS] = {"bps", "bps_rd", "bps_wr",
                                                 "iops", "iops_rd", "iops_wr"};

static bool get_number(struct keyval *kv, const char *key, const char *old_key, uint64_t *ret,
                       GError **error)
{
    const char *text = keyval_get(kv, key), *old = keyval_get(kv, old_key);

    if (text && old)
        return opt_error(error, "'%s' and its alias '%s' can't be used at the same time", key,
                         old_key);
    if ((text || old) && !size_parse(text ? text : old, 1, ret, NULL))
        return opt_error(error, "Parameter '%s' expects a number", text ? key : old_key);
    return true;
}

static bool get_one(struct keyval *kv, const char *prefix, const char *name, const char *suffix,
                    const char *old_prefix, const char *old_name, const char *old_suffix,
                    uint64_t *ret, GError **error)
{
    g_autofree char *key = g_strconcat(prefix, name, suffix, NULL);
    g_autofree char *old_key = g_strconcat(old_prefix, old_name, old_suffix, NULL);

    return get_number(kv, key, old_key, ret, error);
}

static bool check_length(uint64_t length, GError **error)
{
    return length || opt_error(error, "the burst length cannot be 0");
}

bool limits_of_drive(struct keyval *kv, struct disk_limits *ret, GError **error)
{
    for (unsigned i = 0; i < NR_LIMITS; i++) {
        uint64_t length = 1;
        if (!get_one(kv, "throttling.", names[i], "", "", old_names[i], "", &ret->avg[i], error) ||
            !get_one(kv, "throttling.", names[i], "-max", "", old_names[i], "_max", &ret->max[i],
                     error) ||
            !get_one(kv, "throttling.", names[i], "-max-length", "", old_names[i], "_max_length",
                     &length, error) ||
            !check_length(length, error))
            return false;
        ret->max_length[i] = length == 1 ? 0 : length;
    }
    return get_number(kv, "throttling.iops-size", "iops_size", &ret->iops_size, error);
}

bool limits_of_group(struct keyval *kv, struct disk_limits *ret, GError **error)
{
    for (unsigned i = 0; i < NR_LIMITS; i++) {
        uint64_t length = MAX(ret->max_length[i], 1);
        if (!get_one(kv, "limits.", names[i], "", "x-", names[i], "", &ret->avg[i], error) ||
            !get_one(kv, "limits.", names[i], "-max", "x-", names[i], "-max", &ret->max[i], error) ||
            !get_one(kv, "limits.", names[i], "-max-length", "x-", names[i], "-max-length", &length,
                     error) ||
            !check_length(length, error))
            return false;
        ret->max_length[i] = length == 1 ? 0 : length;
    }
    return get_number(kv, "limits.iops-size", "x-iops-size", &ret->iops_size, error);
}

/* The schema has seen to it that numbers are numbers. */
static bool json_number(JsonObject *args, const char *name, const char *suffix, uint64_t *ret,
                        GError **error)
{
    g_autofree char *key = g_strconcat(name, suffix, NULL);
    gint64 n = json_object_get_int_member_with_default(args, key, (gint64)*ret);

    if (n < 0)
        return opt_error(error, "bps/iops/max values must be within [0, %" G_GINT64_FORMAT "]",
                         G_MAXINT64);
    *ret = (uint64_t)n;
    return true;
}

bool limits_from_json(JsonObject *args, struct disk_limits *ret, GError **error)
{
    *ret = (struct disk_limits){0};
    for (unsigned i = 0; i < NR_LIMITS; i++) {
        ret->max_length[i] = 1;
        if (!json_number(args, old_names[i], "", &ret->avg[i], error) ||
            !json_number(args, old_names[i], "_max", &ret->max[i], error) ||
            !json_number(args, old_names[i], "_max_length", &ret->max_length[i], error))
            return false;
        if (!check_length(ret->max_length[i], error))
            return false;
    }
    return json_number(args, "iops_size", "", &ret->iops_size, error);
}

static void put(JsonObject *o, const char *name, const char *suffix, uint64_t value)
{
    g_autofree char *key = g_strconcat(name, suffix, NULL);

    json_object_set_int_member(o, key, (gint64)value);
}

void limits_to_json(JsonObject *o, const struct disk_limits *l)
{
    for (unsigned i = 0; i < NR_LIMITS; i++) {
        put(o, old_names[i], "", l->avg[i]);
        if (l->max[i]) {
            put(o, old_names[i], "_max", l->max[i]);
            put(o, old_names[i], "_max_length", MAX(l->max_length[i], 1));
        }
    }
    if (l->iops_size)
        put(o, "iops_size", "", l->iops_size);
}

JsonObject *limits_object(const struct disk_limits *l)
{
    JsonObject *o = json_object_new();

    for (unsigned i = 0; i < NR_LIMITS; i++) {
        put(o, names[i], "", l->avg[i]);
        put(o, names[i], "-max", l->max[i]);
        put(o, names[i], "-max-length", MAX(l->max_length[i], 1));
    }
    put(o, "iops-size", "", l->iops_size);
    return o;
}
