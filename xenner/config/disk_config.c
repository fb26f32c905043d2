#include "xenner/config/disk_config.h"
#include "xenner/config/vdev.h"

#include <gio/gio.h>

void disk_config_free(void *disk)
{
    struct disk_config *d = disk;

    if (!d)
        return;
    g_free(d->origin);
    g_free(d->id);
    g_free(d->path);
    g_free(d->format);
    g_free(d->vdev);
    g_free(d);
}

static bool G_GNUC_PRINTF(3, 4) wrong(GError **error, const struct disk_config *d, const char *fmt,
                                      ...)
{
    va_list ap;

    va_start(ap, fmt);
    g_autofree char *what = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "%s: %s", d->origin, what);
    return false;
}

static bool check_limits(const struct disk_config *d, GError **error)
{
    static const unsigned first[] = {LIMIT_BPS_TOTAL, LIMIT_IOPS_TOTAL};
    const struct disk_limits *l = &d->limits;

    for (unsigned i = 0; i < G_N_ELEMENTS(first); i++) {
        const uint64_t *avg = &l->avg[first[i]], *max = &l->max[first[i]];
        if ((avg[0] && (avg[1] || avg[2])) || (max[0] && (max[1] || max[2])))
            return wrong(error, d, "bps/iops/max total values and read/write values cannot be used "
                         "at the same time");
    }
    for (unsigned i = 0; i < NR_LIMITS; i++) {
        if (l->max[i] && !l->avg[i])
            return wrong(error, d, "bps_max/iops_max require corresponding bps/iops values");
        if (l->max[i] && l->max[i] < l->avg[i])
            return wrong(error, d, "bps_max/iops_max cannot be lower than bps/iops");
    }
    return true;
}

static bool check_one(const struct disk_config *d, GError **error)
{
    uint32_t number;

    if (!d->path || !*d->path)
        return wrong(error, d, "A block device must be specified for \"file\"");
    if (d->vdev && !vdev_parse(d->vdev, &number))
        return wrong(error, d, "'%s' is not a valid vdev", d->vdev);
    if (d->zeroes == DISK_ZEROES_UNMAP && !d->discard)
        return wrong(error, d, "setting detect-zeroes to unmap is not allowed without setting "
                     "discard operation to unmap");
    return check_limits(d, error);
}

bool disk_configs_check(const GPtrArray *disks, GError **error)
{
    g_autoptr(GHashTable) ids = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GHashTable) numbers = g_hash_table_new(NULL, NULL);
    uint32_t number;

    for (guint i = 0; i < disks->len; i++) {
        const struct disk_config *d = g_ptr_array_index(disks, i);
        if (!check_one(d, error))
            return false;
        if (!g_hash_table_add(ids, d->id))
            return wrong(error, d, "Duplicate ID '%s' for drive", d->id);
        if (d->vdev && vdev_parse(d->vdev, &number) &&
            !g_hash_table_add(numbers, GUINT_TO_POINTER(number)))
            return wrong(error, d, "there is a disk %s already", d->vdev);
    }
    return true;
}
