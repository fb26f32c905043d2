/* -drive and its short forms, -blockdev, -device of disks. */
#include "qemu-compat/limits.h"
#include "qemu-compat/opt_backend.h"
#include "qemu-compat/opt_blockdev.h"
#include "qemu-compat/optlist.h"
#include "xenner/config/size.h"
#include "xenner/config/vdev.h"

#include <stdlib.h>
#include <string.h>

struct choice {
    const char *name;
    int value;
};

static bool choose(const struct choice *choices, unsigned n, const char *text, int *ret)
{
    for (unsigned i = 0; i < n; i++) {
        if (strcmp(choices[i].name, text) == 0) {
            *ret = choices[i].value;
            return true;
        }
    }
    return false;
}

static bool valid_id(const char *id)
{
    if (!g_ascii_isalpha(id[0]))
        return false;
    for (; *id; id++) {
        if (!g_ascii_isalnum(*id) && !strchr("-._", *id))
            return false;
    }
    return true;
}

static bool get_cache(struct keyval *kv, struct disk_config *d, GError **error)
{
    static const struct choice caches[] = {
        {"none", DISK_CACHE_NONE}, {"off", DISK_CACHE_NONE}, {"writeback", DISK_CACHE_WRITEBACK},
        {"writethrough", DISK_CACHE_WRITETHROUGH}, {"directsync", DISK_CACHE_DIRECTSYNC},
        {"unsafe", DISK_CACHE_UNSAFE},
    };
    const char *text = keyval_get(kv, "cache");
    int cache = DISK_CACHE_WRITEBACK;
    bool direct, writeback, no_flush;

    if (text && !choose(caches, G_N_ELEMENTS(caches), text, &cache))
        return opt_error(error, "invalid cache option");
    direct = cache == DISK_CACHE_NONE || cache == DISK_CACHE_DIRECTSYNC;
    writeback = cache != DISK_CACHE_WRITETHROUGH && cache != DISK_CACHE_DIRECTSYNC;
    no_flush = cache == DISK_CACHE_UNSAFE;
    if (!keyval_get_switch(kv, "cache.direct", &direct, error) ||
        !keyval_get_switch(kv, "cache.writeback", &writeback, error) ||
        !keyval_get_switch(kv, "cache.no-flush", &no_flush, error))
        return false;
    if (no_flush)
        d->cache = DISK_CACHE_UNSAFE;
    else if (direct)
        d->cache = writeback ? DISK_CACHE_NONE : DISK_CACHE_DIRECTSYNC;
    else
        d->cache = writeback ? DISK_CACHE_WRITEBACK : DISK_CACHE_WRITETHROUGH;
    return true;
}

static bool get_behaviour(struct keyval *kv, struct disk_config *d, GError **error)
{
    static const struct choice aios[] = {
        {"threads", DISK_AIO_THREADS}, {"native", DISK_AIO_AUTO}, {"io_uring", DISK_AIO_URING}};
    static const struct choice discards[] = {
        {"ignore", false}, {"off", false}, {"unmap", true}, {"on", true}};
    static const struct choice zeroes[] = {
        {"off", DISK_ZEROES_OFF}, {"on", DISK_ZEROES_ON}, {"unmap", DISK_ZEROES_UNMAP}};
    const char *text;
    int value;

    if ((text = keyval_get(kv, "aio"))) {
        if (!choose(aios, G_N_ELEMENTS(aios), text, &value))
            return opt_error(error, "invalid aio option");
        d->aio = (enum disk_aio)value;
        if (strcmp(text, "native") == 0 && d->cache != DISK_CACHE_NONE &&
            d->cache != DISK_CACHE_DIRECTSYNC)
            return opt_error(error, "aio=native was specified, but it requires cache.direct=on, "
                             "which was not specified.");
    }
    if ((text = keyval_get(kv, "discard"))) {
        if (!choose(discards, G_N_ELEMENTS(discards), text, &value))
            return opt_error(error, "Invalid discard option");
        d->discard = value;
    }
    if ((text = keyval_get(kv, "detect-zeroes"))) {
        if (!choose(zeroes, G_N_ELEMENTS(zeroes), text, &value))
            return opt_error(error, "invalid parameter value: %s", text);
        d->zeroes = (enum disk_zeroes)value;
    }
    return true;
}

/* if=, index=, media=: where the guest sees it. *ret_index: -1 for "the next free". */
static bool get_place(struct keyval *kv, struct disk_config *d, bool *ret_attach, int *ret_index,
                      GError **error)
{
    static const char *const buses[] = {"xen", "ide", "scsi", "virtio", "none", NULL};
    const char *bus = keyval_get(kv, "if"), *index = keyval_get(kv, "index");
    const char *media = keyval_get(kv, "media");
    uint64_t n;

    if (bus && !g_strv_contains(buses, bus))
        return opt_error(error, "unsupported bus type '%s'", bus);
    *ret_attach = !bus || strcmp(bus, "none") != 0;
    *ret_index = -1;
    if (index) {
        if (!number_parse(index, 255, &n, NULL))
            return opt_error(error, "Parameter 'index' expects a number");
        *ret_index = (int)n;
    }
    if (media && strcmp(media, "disk") != 0 && strcmp(media, "cdrom") != 0)
        return opt_error(error, "'%s' invalid media", media);
    d->cdrom = media && strcmp(media, "cdrom") == 0;
    d->readonly = d->cdrom;
    return true;
}

static bool get_readonly(struct keyval *kv, struct disk_config *d, GError **error)
{
    bool given = d->readonly;

    if (!keyval_get_switch(kv, "readonly", &given, error) ||
        !keyval_get_switch(kv, "read-only", &given, error))
        return false;
    d->readonly = given || d->cdrom;
    return true;
}

static struct disk_config *find_disk(struct option_state *s, const char *id)
{
    for (guint i = 0; i < s->cfg->disks->len; i++) {
        struct disk_config *d = g_ptr_array_index(s->cfg->disks, i);
        if (g_strcmp0(d->id, id) == 0)
            return d;
    }
    return NULL;
}

/* Takes d. */
static bool add_disk(struct option_state *s, struct disk_config *d, bool attach, int index,
                     GError **error)
{
    for (int i = MAX(index, 0); attach && !d->vdev; i++) {
        g_autofree char *vdev = vdev_nth((unsigned)i);
        if (!disk_place_taken(s->cfg->disks, vdev)) {
            d->vdev = g_steal_pointer(&vdev);
            d->placed = true;
            index = i;
        } else if (index >= 0) {
            disk_config_free(d);
            return opt_error(error, "drive with bus=0, unit=%d (index=%d) exists", index, index);
        }
    }
    if (!d->id)
        d->id = attach ? g_strdup_printf("xen%d", index)
                       : g_strdup_printf("none%u", s->cfg->disks->len);
    if (find_disk(s, d->id)) {
        opt_error(error, "Duplicate ID '%s' for drive", d->id);
        disk_config_free(d);
        return false;
    }
    g_ptr_array_add(s->cfg->disks, d);
    return true;
}

static bool get_on_error(const char *value, bool write, enum disk_on_error *ret, GError **error)
{
    static const char *const names[] = {[DISK_ERROR_AUTO] = "auto", [DISK_ERROR_REPORT] = "report",
                                        [DISK_ERROR_IGNORE] = "ignore", [DISK_ERROR_ENOSPC] = "enospc",
                                        [DISK_ERROR_STOP] = "stop"};

    if (!value)
        return true;
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (strcmp(value, names[i]) == 0 && (write || i != DISK_ERROR_ENOSPC)) {
            *ret = (enum disk_on_error)i;
            return true;
        }
    }
    return opt_error(error, "'%s' invalid %s error action", value, write ? "write" : "read");
}

bool disk_get_on_error(struct keyval *kv, struct disk_config *d, GError **error)
{
    return get_on_error(keyval_get(kv, "werror"), true, &d->on_write_error, error) &&
           get_on_error(keyval_get(kv, "rerror"), false, &d->on_read_error, error);
}

static bool fill_drive(struct keyval *kv, struct disk_config *d, bool *attach, int *index,
                       GError **error)
{
    const char *id = keyval_get(kv, "id"), *format = keyval_get(kv, "format");
    const char *driver = keyval_get(kv, "driver");
    const char *group = keyval_get(kv, "throttling.group"), *old_group = keyval_get(kv, "group");

    d->group = g_strdup(group ? group : old_group);
    if (id && !valid_id(id))
        return opt_error(error, "Parameter 'id' expects an identifier");
    d->id = g_strdup(id);
    d->path = g_strdup(keyval_get(kv, "file"));
    d->format = g_strdup(format ? format : driver);
    return get_place(kv, d, attach, index, error) && get_readonly(kv, d, error) &&
           get_cache(kv, d, error) && get_behaviour(kv, d, error) && limits_of_drive(kv, &d->limits, error) &&
           keyval_get_switch(kv, "snapshot", &d->snapshot, error) && disk_get_on_error(kv, d, error) &&
           opt_take_backend(kv, "backend", &d->backend, error) &&
           keyval_check_unused(kv, error);
}

bool opt_drive(struct option_state *s, const char *value, GError **error)
{
    struct keyval kv = {0};
    struct disk_config *d = g_new0(struct disk_config, 1);
    bool attach = true;
    int index = -1;

    d->origin = g_strdup_printf("-drive %s", value);
    bool ok = keyval_parse(value, NULL, &kv, error) && fill_drive(&kv, d, &attach, &index, error);
    keyval_clear(&kv);
    if (ok)
        return add_disk(s, d, attach, index, error);
    disk_config_free(d);
    return false;
}

static bool short_form(struct option_state *s, const char *option, int index, const char *path,
                       GError **error)
{
    struct disk_config *d = g_new0(struct disk_config, 1);

    d->origin = g_strdup_printf("%s %s", option, path);
    d->path = g_strdup(path);
    d->cdrom = d->readonly = strcmp(option, "-cdrom") == 0;
    return add_disk(s, d, true, index, error);
}

bool opt_hda(struct option_state *s, const char *value, GError **error)
{
    return short_form(s, "-hda", 0, value, error);
}

bool opt_hdb(struct option_state *s, const char *value, GError **error)
{
    return short_form(s, "-hdb", 1, value, error);
}

bool opt_hdc(struct option_state *s, const char *value, GError **error)
{
    return short_form(s, "-hdc", 2, value, error);
}

bool opt_hdd(struct option_state *s, const char *value, GError **error)
{
    return short_form(s, "-hdd", 3, value, error);
}

bool opt_cdrom(struct option_state *s, const char *value, GError **error)
{
    return short_form(s, "-cdrom", 2, value, error);
}

bool opt_snapshot(struct option_state *s, const char *value, GError **error)
{
    return s->snapshot = true;
}

/* A node that is not below another one is a disk. */
bool opt_blockdev(struct option_state *s, const char *value, GError **error)
{
    g_autofree char *origin = g_strdup_printf("-blockdev %s", value);
    struct keyval kv = {0};
    bool ok = keyval_parse(value, "driver", &kv, error) &&
              block_nodes_parse(s->cfg->nodes, origin, &kv, error);

    keyval_clear(&kv);
    return ok;
}

/* Noted only: the drive may come later on the command line. */
bool opt_device_disk(struct option_state *s, const char *value, struct keyval *kv, GError **error)
{
    g_autofree char *origin = g_strdup_printf("-device %s", value);
    struct disk_config *d = disk_device_parse(origin, kv, error);

    if (d)
        g_ptr_array_add(s->disk_devices, d);
    return d != NULL;
}

static bool attach_disk(struct option_state *s, struct disk_config *device, GError **error)
{
    struct disk_config *d = device->id ? find_disk(s, device->id) : NULL;

    if (!device->id) {
        d = g_new0(struct disk_config, 1);
        d->origin = g_strdup(device->origin);
        d->id = g_strdup_printf("#empty%u", s->cfg->disks->len);
        d->empty = true;
        g_ptr_array_add(s->cfg->disks, d);
    }
    if (!d)
        return opt_error(error, "%s: Property '%s.drive' can't find value '%s'", device->origin,
                         device->model, device->id);
    if (d->vdev)
        return opt_error(error, "%s: Drive '%s' is already in use by another block device",
                         device->origin, device->id);
    disk_config_plug(d, device, s->cfg->disks);
    return true;
}

static bool add_nodes(struct option_state *s, GError **error)
{
    if (!block_nodes_find_files(s->cfg->nodes, 0, s->cfg->fdsets, error))
        return false;
    for (guint i = 0; i < s->cfg->nodes->len; i++) {
        const struct block_node *n = g_ptr_array_index(s->cfg->nodes, i);
        if (block_nodes_parent(s->cfg->nodes, n->name))
            continue;
        struct disk_config *d = block_nodes_disk(s->cfg->nodes, n->name, error);
        if (!d) {
            g_prefix_error(error, "%s: ", n->origin);
            return false;
        }
        g_ptr_array_add(s->cfg->disks, d);
    }
    return true;
}

/* A path of -add-fd's as one that open() knows. */
bool drive_find_file(struct disk_config *d, GArray *fds, GError **error)
{
    char *path = fdset_path(fds, d->path, d->readonly || d->snapshot ? FDSET_READ : FDSET_WRITE, error);

    if (d->path && !path)
        return false;
    g_free(d->path);
    d->path = path;
    return true;
}

bool opt_drive_finish(struct option_state *s, GError **error)
{
    for (guint i = 0; i < s->cfg->disks->len; i++) {
        struct disk_config *d = g_ptr_array_index(s->cfg->disks, i);
        d->snapshot |= s->snapshot && !d->readonly; /* a device's part is not there yet */
        if (!drive_find_file(d, s->cfg->fdsets, error)) {
            g_prefix_error(error, "%s: ", d->origin);
            return false;
        }
    }
    if (!add_nodes(s, error))
        return false;
    for (guint i = 0; i < s->disk_devices->len; i++) {
        if (!attach_disk(s, g_ptr_array_index(s->disk_devices, i), error))
            return false;
    }
    for (guint i = 0; i < s->cfg->disks->len && s->snapshot; i++) {
        struct disk_config *d = g_ptr_array_index(s->cfg->disks, i);
        d->snapshot = !d->readonly;
    }
    return true;
}
