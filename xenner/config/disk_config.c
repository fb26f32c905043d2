#include "xenner/config/disk_config.h"
#include "xenner/config/vdev.h"

#include <gio/gio.h>
#include <string.h>

void disk_config_free(void *disk)
{
    struct disk_config *d = disk;

    if (!d)
        return;
    g_free(d->origin);
    g_free(d->id);
    g_free(d->path);
    g_free(d->format);
    disk_config_free(d->backing);
    g_free(d->vdev);
    g_free(d->device);
    g_free(d->model);
    g_free(d->serial);
    g_free(d->group);
    g_strfreev(d->filters);
    g_free(d);
}

struct disk_config *disk_config_copy(const struct disk_config *disk)
{
    struct disk_config *d = g_memdup2(disk, sizeof(*disk));

    d->origin = g_strdup(disk->origin);
    d->id = g_strdup(disk->id);
    d->path = g_strdup(disk->path);
    d->format = g_strdup(disk->format);
    d->backing = disk->backing ? disk_config_copy(disk->backing) : NULL;
    d->vdev = g_strdup(disk->vdev);
    d->device = g_strdup(disk->device);
    d->model = g_strdup(disk->model);
    d->serial = g_strdup(disk->serial);
    d->group = g_strdup(disk->group);
    d->filters = g_strdupv(disk->filters);
    return d;
}

bool disk_place_taken(const GPtrArray *disks, const char *vdev)
{
    for (guint i = 0; i < disks->len; i++) {
        const struct disk_config *d = g_ptr_array_index(disks, i);
        if (g_strcmp0(d->vdev, vdev) == 0 ||
            (d->vdev && g_str_has_prefix(d->vdev, "hd") && g_str_has_prefix(vdev, "xvd") &&
             strcmp(d->vdev + 2, vdev + 3) == 0))
            return true;
    }
    return false;
}

void disk_config_plug(struct disk_config *disk, struct disk_config *device, const GPtrArray *disks)
{
    disk->vdev = g_steal_pointer(&device->vdev);
    disk->device = g_steal_pointer(&device->device);
    disk->model = g_steal_pointer(&device->model);
    disk->serial = g_steal_pointer(&device->serial);
    disk->boot_order = device->boot_order;
    disk->cdrom = device->cdrom;
    disk->readonly |= device->cdrom;
    disk->backend = device->backend ? device->backend : disk->backend;
    disk->on_read_error = device->on_read_error ? device->on_read_error : disk->on_read_error;
    disk->on_write_error = device->on_write_error ? device->on_write_error : disk->on_write_error;
    if (device->cache == DISK_CACHE_WRITETHROUGH && disk->cache != DISK_CACHE_UNSAFE)
        disk->cache = disk->cache == DISK_CACHE_NONE || disk->cache == DISK_CACHE_DIRECTSYNC
                          ? DISK_CACHE_DIRECTSYNC : DISK_CACHE_WRITETHROUGH;
    for (unsigned i = 0; !disk->vdev; i++) {
        g_autofree char *next = vdev_nth(i);
        if (!disk_place_taken(disks, next))
            disk->vdev = g_steal_pointer(&next);
        disk->placed = true;
    }
}

void disk_config_move_device(struct disk_config *from, struct disk_config *to)
{
    to->vdev = g_steal_pointer(&from->vdev);
    to->device = g_steal_pointer(&from->device);
    to->model = g_steal_pointer(&from->model);
    to->serial = g_steal_pointer(&from->serial);
    to->boot_order = from->boot_order;
    to->cdrom = from->cdrom;
    from->boot_order = 0;
    from->cdrom = false;
}

void disk_config_unplug(struct disk_config *disk)
{
    g_clear_pointer(&disk->vdev, g_free);
    g_clear_pointer(&disk->device, g_free);
    g_clear_pointer(&disk->model, g_free);
    g_clear_pointer(&disk->serial, g_free);
    disk->boot_order = 0;
    disk->cdrom = false;
}

/* The page cache is between a loop device and its file; it is not between xen-blkback and a block device. */
static bool kernel_caches_so(const struct disk_config *d, bool block_device)
{
    return d->cache == DISK_CACHE_WRITEBACK || (block_device && d->cache == DISK_CACHE_NONE);
}

/* With a policy nobody asked for (AUTO), the guest is told of errors: the kernel can't stop it. */
static bool kernel_errs_so(const struct disk_config *d)
{
    return d->on_read_error <= DISK_ERROR_REPORT && d->on_write_error <= DISK_ERROR_REPORT;
}

bool disk_limits_any(const struct disk_limits *l)
{
    for (unsigned i = 0; i < NR_LIMITS; i++) {
        if (l->avg[i])
            return true;
    }
    return false;
}

const char *disk_config_not_for_kernel(const struct disk_config *d, bool block_device)
{
    if (d->cdrom)
        return "it is a CD drive";
    if (!d->format)
        return "no format is named";
    if (strcmp(d->format, "raw") != 0 || d->backing)
        return "its format is not raw";
    if (d->snapshot)
        return "it has snapshot=on";
    if (!kernel_caches_so(d, block_device))
        return "its cache= is none that the kernel has";
    if (d->zeroes != DISK_ZEROES_OFF)
        return "it has detect-zeroes=";
    if (!kernel_errs_so(d))
        return "it has werror= or rerror=";
    if (disk_limits_any(&d->limits) || d->group || d->filters)
        return "it has limits";
    return NULL;
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

static bool bad_limits(GError **error, const char *what)
{
    g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, what);
    return false;
}

bool disk_limits_check(const struct disk_limits *l, GError **error)
{
    static const unsigned first[] = {LIMIT_BPS_TOTAL, LIMIT_IOPS_TOTAL};

    for (unsigned i = 0; i < G_N_ELEMENTS(first); i++) {
        const uint64_t *avg = &l->avg[first[i]], *max = &l->max[first[i]];
        if ((avg[0] && (avg[1] || avg[2])) || (max[0] && (max[1] || max[2])))
            return bad_limits(error, "bps/iops/max total values and read/write values cannot be used "
                              "at the same time");
    }
    for (unsigned i = 0; i < NR_LIMITS; i++) {
        if (l->max[i] && !l->avg[i])
            return bad_limits(error, "bps_max/iops_max require corresponding bps/iops values");
        if (l->max[i] && l->max[i] < l->avg[i])
            return bad_limits(error, "bps_max/iops_max cannot be lower than bps/iops");
        if (l->max_length[i] > 1 && !l->max[i])
            return bad_limits(error, "burst length set without burst rate");
        if (l->max_length[i] > 1 && l->max[i] > UINT64_MAX / 2 / l->max_length[i])
            return bad_limits(error, "burst length too high for this burst rate");
    }
    return true;
}

bool disk_config_check(const struct disk_config *d, GError **error)
{
    uint32_t number;

    if (!d->empty && (!d->path || !*d->path))
        return wrong(error, d, "A block device must be specified for \"file\"");
    if (d->vdev && !vdev_parse(d->vdev, &number))
        return wrong(error, d, "'%s' is not a valid vdev", d->vdev);
    if (d->zeroes == DISK_ZEROES_UNMAP && !d->discard)
        return wrong(error, d, "setting detect-zeroes to unmap is not allowed without setting "
                     "discard operation to unmap");
    if (disk_limits_check(&d->limits, error))
        return true;
    g_prefix_error(error, "%s: ", d->origin);
    return false;
}

bool disk_configs_check(const GPtrArray *disks, GError **error)
{
    g_autoptr(GHashTable) ids = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GHashTable) numbers = g_hash_table_new(NULL, NULL);
    g_autoptr(GHashTable) orders = g_hash_table_new(NULL, NULL);
    uint32_t number;

    for (guint i = 0; i < disks->len; i++) {
        const struct disk_config *d = g_ptr_array_index(disks, i);
        if (!disk_config_check(d, error))
            return false;
        if (!g_hash_table_add(ids, d->id))
            return wrong(error, d, "Duplicate ID '%s' for drive", d->id);
        if (d->vdev && vdev_parse(d->vdev, &number) &&
            !g_hash_table_add(numbers, GUINT_TO_POINTER(number)))
            return wrong(error, d, "there is a disk %s already", d->vdev);
        if (d->boot_order && !g_hash_table_add(orders, GUINT_TO_POINTER(d->boot_order)))
            return wrong(error, d, "The bootindex %u has already been used", d->boot_order - 1);
    }
    return true;
}

bool boot_order_parse(const char *text, unsigned *ret, GError **error)
{
    char *end = NULL;
    gint64 n = text ? g_ascii_strtoll(text, &end, 10) : -1;

    if (text && (!*text || *end || n > G_MAXINT32 || n < G_MININT32)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "Parameter 'bootindex' expects integer");
        return false;
    }
    *ret = n < 0 ? 0 : (unsigned)n + 1;
    return true;
}

static uint32_t number_of(const struct disk_config *d)
{
    uint32_t number;

    return d->vdev && vdev_parse(d->vdev, &number) ? number : UINT32_MAX;
}

gint disk_config_by_boot_order(gconstpointer a, gconstpointer b)
{
    const struct disk_config *x = *(struct disk_config *const *)a, *y = *(struct disk_config *const *)b;
    uint32_t i = x->boot_order ? x->boot_order : UINT32_MAX, j = y->boot_order ? y->boot_order : UINT32_MAX;

    if (i == j) {
        i = number_of(x);
        j = number_of(y);
    }
    return (i > j) - (i < j);
}
