#include "xenguest/lib/image_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct xg_entry *xg_entry_new(const char *name, enum xg_type type)
{
    struct xg_entry *e = g_new0(struct xg_entry, 1);

    e->name = g_strdup(name);
    e->type = type;
    e->fd = -1;
    return e;
}

void xg_entry_free(void *entry)
{
    struct xg_entry *e = entry;

    if (!e)
        return;
    if (e->fd >= 0)
        close(e->fd);
    if (e->data)
        g_bytes_unref(e->data);
    g_free(e->target);
    g_free(e->name);
    g_free(e);
}

struct xg_image *xg_image_new(void)
{
    struct xg_image *img = g_new0(struct xg_image, 1);

    img->fd = -1;
    img->entries = g_ptr_array_new_with_free_func(xg_entry_free);
    img->by_name = g_hash_table_new(g_str_hash, g_str_equal);
    return img;
}

void xg_image_free(struct xg_image *img)
{
    if (!img)
        return;
    if (img->fd >= 0)
        close(img->fd);
    g_hash_table_destroy(img->by_name);
    g_ptr_array_free(img->entries, TRUE);
    g_free(img->path);
    g_free(img);
}

struct xg_image *xg_image_open(const char *path, GError **error)
{
    AUTO(xg_image) img = xg_image_new();
    struct stat st;

    img->path = g_strdup(path);
    /* O_NONBLOCK: a FIFO is refused below and not waited for. */
    img->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (img->fd < 0 || fstat(img->fd, &st) < 0) {
        xg_failed(error, path, "open it");
        return NULL;
    }
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
        xg_refuse(error, path, "neither a file nor a directory");
        return NULL;
    }
    img->is_dir = S_ISDIR(st.st_mode);
    img->dev = st.st_dev;
    img->ino = st.st_ino;
    if ((img->is_dir ? xg_dir_index : xg_tar_index)(img, error) && xg_index_check(img, error))
        return g_steal_pointer(&img);
    g_autofree char *safe = xg_printable(path);
    g_prefix_error(error, "%s: ", safe);
    return NULL;
}

bool xg_image_is_dir(const struct xg_image *img)
{
    return img->is_dir;
}

struct xg_entry *xg_index_find(const struct xg_image *img, const char *name)
{
    return g_hash_table_lookup(img->by_name, name);
}

bool xg_index_add(struct xg_image *img, struct xg_entry *entry, GError **error)
{
    AUTO(xg_entry) e = entry;

    if (xg_index_find(img, e->name))
        return xg_refuse(error, e->name, "it is there twice");
    if (img->entries->len == XG_MEMBERS_MAX)
        return xg_refuse(error, e->name, "more than %u members", XG_MEMBERS_MAX);
    if (e->type == XG_SYMLINK && !xg_target_check(e->name, e->target, error))
        return false;
    g_ptr_array_add(img->entries, e);
    g_hash_table_insert(img->by_name, e->name, e);
    e = NULL;
    return true;
}

/* Of "a/b/c": "a/b", then "a", then NULL. name is cut. */
static char *parent_of(char *name)
{
    char *slash = strrchr(name, '/');

    if (!slash)
        return NULL;
    *slash = '\0';
    return name;
}

bool xg_index_check(const struct xg_image *img, GError **error)
{
    for (guint i = 0; i < img->entries->len; i++) {
        const struct xg_entry *e = g_ptr_array_index(img->entries, i);
        g_autofree char *name = g_strdup(e->name);

        for (char *p = parent_of(name); p; p = parent_of(name)) {
            const struct xg_entry *above = xg_index_find(img, p);
            if (above && above->type != XG_DIR)
                return xg_refuse(error, e->name, "it is below %s, which is not a directory", p);
        }
    }
    return true;
}

bool xg_image_has(const struct xg_image *img, const char *name)
{
    return xg_index_find(img, name) != NULL;
}

static struct xg_member public_view(const struct xg_entry *e)
{
    return (struct xg_member){e->name, e->type, e->mode, e->size};
}

bool xg_image_stat(const struct xg_image *img, const char *name, struct xg_member *ret)
{
    const struct xg_entry *e = xg_index_find(img, name);

    if (e)
        *ret = public_view(e);
    return e != NULL;
}

static int compare(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

char **xg_image_list(const struct xg_image *img, const char *dir)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    size_t len = strlen(dir);

    for (guint i = 0; i < img->entries->len; i++) {
        const struct xg_entry *e = g_ptr_array_index(img->entries, i);
        if (e->type == XG_FILE && !strncmp(e->name, dir, len) && e->name[len] == '/' &&
            !strchr(e->name + len + 1, '/'))
            g_ptr_array_add(names, g_strdup(e->name));
    }
    g_ptr_array_sort(names, compare);
    g_ptr_array_add(names, NULL);
    return (char **)g_ptr_array_steal(names, NULL);
}

void xg_image_foreach(const struct xg_image *img,
                      void (*fn)(const struct xg_member *m, void *opaque), void *opaque)
{
    for (guint i = 0; i < img->entries->len; i++) {
        struct xg_member m = public_view(g_ptr_array_index(img->entries, i));
        fn(&m, opaque);
    }
}

char *xg_image_disk_file(const struct xg_image *img, const char *content)
{
    static const char *const dirs[] = {"disk", "disk-files"};

    for (unsigned i = 0; i < G_N_ELEMENTS(dirs); i++) {
        g_autofree char *name = g_strdup_printf("%s/%s", dirs[i], content);
        if (xg_index_find(img, name))
            return g_steal_pointer(&name);
    }
    return NULL;
}

bool xg_image_remove(struct xg_image *img, const char *name)
{
    size_t len = strlen(name);
    bool found = false;

    for (guint i = img->entries->len; i-- > 0;) {
        struct xg_entry *e = g_ptr_array_index(img->entries, i);
        if (strncmp(e->name, name, len) || (e->name[len] && e->name[len] != '/'))
            continue;
        g_hash_table_remove(img->by_name, e->name);
        g_ptr_array_remove_index(img->entries, i);
        found = true;
    }
    return found;
}

/* In the place of the member that it replaces, so that an update keeps the order. */
static bool put(struct xg_image *img, struct xg_entry *entry, GError **error)
{
    AUTO(xg_entry) e = entry;
    struct xg_entry *old = xg_index_find(img, e->name);
    g_autofree char *above = g_strdup(e->name);
    guint at;

    if (old && old->type == XG_DIR)
        return xg_refuse(error, e->name, "there is a directory of that name");
    if (parent_of(above) && !xg_image_set_dir(img, above, error))
        return false;
    if (!old)
        return xg_index_add(img, g_steal_pointer(&e), error);
    g_ptr_array_find(img->entries, old, &at);
    g_hash_table_remove(img->by_name, old->name);
    img->entries->pdata[at] = e;
    g_hash_table_insert(img->by_name, e->name, e);
    xg_entry_free(old);
    e = NULL;
    return true;
}

/* For reproducible images, as many tools do: SOURCE_DATE_EPOCH is the latest time. */
static int64_t stamp(int64_t mtime)
{
    const char *epoch = g_getenv("SOURCE_DATE_EPOCH");
    int64_t latest = epoch ? g_ascii_strtoll(epoch, NULL, 10) : INT64_MAX;

    return MIN(mtime, latest);
}

int64_t xg_now(void)
{
    return stamp(g_get_real_time() / G_USEC_PER_SEC);
}

static struct xg_entry *fresh(const char *name, enum xg_type type, unsigned mode, int64_t mtime,
                              GError **error)
{
    g_autofree char *plain = NULL;

    if (!xg_name_normalise(name, &plain, error))
        return NULL;
    if (!*plain) {
        xg_refuse(error, name, "no name");
        return NULL;
    }
    struct xg_entry *e = xg_entry_new(plain, type);
    e->mode = mode;
    e->mtime = stamp(mtime);
    return e;
}

bool xg_image_set_data(struct xg_image *img, const char *name, const void *data, size_t len,
                       unsigned mode, GError **error)
{
    struct xg_entry *e = fresh(name, XG_FILE, mode, xg_now(), error);

    if (!e)
        return false;
    e->source = XG_FROM_DATA;
    e->size = len;
    e->data = g_bytes_new(data, len);
    return put(img, e, error);
}

bool xg_image_set_file(struct xg_image *img, const char *name, const char *path, unsigned mode,
                       GError **error)
{
    AUTO(xg_entry) e = NULL;
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return xg_failed(error, path, "open it");
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return xg_refuse(error, path, "not a regular file");
    }
    e = fresh(name, XG_FILE, mode, st.st_mtime, error);
    if (!e) {
        close(fd);
        return false;
    }
    e->source = XG_FROM_FD;
    e->fd = fd;
    e->size = (uint64_t)st.st_size;
    return put(img, g_steal_pointer(&e), error);
}

bool xg_image_set_dir(struct xg_image *img, const char *name, GError **error)
{
    AUTO(xg_entry) e = fresh(name, XG_DIR, 0755, xg_now(), error);
    const struct xg_entry *old = e ? xg_index_find(img, e->name) : NULL;

    if (!e)
        return false;
    if (old)
        return old->type == XG_DIR || xg_refuse(error, name, "it is not a directory");
    g_autofree char *above = g_strdup(e->name);
    if (parent_of(above) && !xg_image_set_dir(img, above, error))
        return false;
    return xg_index_add(img, g_steal_pointer(&e), error);
}
