#include "xenguest/lib/sign.h"

#include "xenguest/lib/image_priv.h"
#include "xenguest/lib/minisign.h"

#include <errno.h>
#include <gio/gio.h>
#include <string.h>
#include <unistd.h>

#define MANIFEST  XG_SIGNATURE "/manifest"
#define SIGNATURE XG_SIGNATURE "/manifest.minisig"
#define CHUNK     (1u << 20)

static bool hash_body(struct xg_image *img, const struct xg_entry *e, GChecksum *sum,
                      GError **error)
{
    g_autofree guchar *buf = g_malloc(CHUNK);
    bool close_it, ok = true;
    off_t at;
    int fd;

    if (e->source == XG_FROM_DATA) {
        g_checksum_update(sum, g_bytes_get_data(e->data, NULL), (gssize)e->size);
        return true;
    }
    fd = xg_entry_open(img, e, &at, &close_it, error);
    if (fd < 0)
        return false;
    for (uint64_t left = e->size; ok && left;) {
        ssize_t n = pread(fd, buf, MIN(left, CHUNK), at);
        if (n <= 0) {
            ok = xg_failed(error, e->name, "read it");
            break;
        }
        g_checksum_update(sum, buf, n);
        at += n;
        left -= (uint64_t)n;
    }
    if (close_it)
        close(fd);
    return ok;
}

/* The lines of one member. Comments are for us, the others for sha256sum too. */
static bool describe(struct xg_image *img, const struct xg_entry *e, GString *to, GError **error)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);

    if (e->type == XG_SYMLINK) {
        g_string_append_printf(to, "# link ./%s\n# leads to %s\n", e->name, e->target);
        return true;
    }
    if (!hash_body(img, e, sum, error))
        return false;
    g_string_append_printf(to, "# %s\n%s  ./%s\n", e->mode & 0100 ? "executable" : "file",
                           g_checksum_get_string(sum), e->name);
    return true;
}

static int by_name(gconstpointer a, gconstpointer b)
{
    return strcmp((*(const struct xg_entry *const *)a)->name,
                  (*(const struct xg_entry *const *)b)->name);
}

/* No other member goes unsigned. */
static bool is_signature(const char *name)
{
    return !strcmp(name, MANIFEST) || !strcmp(name, SIGNATURE);
}

/*
 * In the order of names, so that packing and unpacking change nothing. Only whether the owner may
 * execute a file is kept of modes, and directories are implied by what is in them.
 */
static char *make_manifest(struct xg_image *img, GError **error)
{
    g_autoptr(GPtrArray) sorted = g_ptr_array_new();
    g_autoptr(GString) text = g_string_new("# xenguest manifest 1\n");

    for (guint i = 0; i < img->entries->len; i++) {
        struct xg_entry *e = g_ptr_array_index(img->entries, i);
        if (!is_signature(e->name) && e->type != XG_DIR)
            g_ptr_array_add(sorted, e);
    }
    g_ptr_array_sort(sorted, by_name);
    for (guint i = 0; i < sorted->len; i++) {
        if (!describe(img, g_ptr_array_index(sorted, i), text, error))
            return NULL;
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

bool xg_sign(struct xg_image *img, const char *key_path,
             char *(*password)(const char *key_path, GError **error), GError **error)
{
    g_autofree char *manifest = make_manifest(img, error);
    g_autofree char *comment = g_strdup_printf(
        "timestamp:%" G_GINT64_FORMAT "\tfile:manifest\thashed", xg_now());
    g_autofree char *signature = manifest ? minisign_sign(manifest, strlen(manifest), key_path,
                                                          comment, password, error)
                                          : NULL;

    if (!signature)
        return false;
    if (strlen(manifest) > XG_CONFIG_MAX)
        return xg_refuse(error, MANIFEST, "too many members to be signed");
    xg_image_remove(img, XG_SIGNATURE);
    return xg_image_set_data(img, MANIFEST, manifest, strlen(manifest), 0644, error) &&
           xg_image_set_data(img, SIGNATURE, signature, strlen(signature), 0644, error);
}

/* The name in a line, or in the next one when it has none ("# file"); NULL behind the end. */
static const char *name_in(char **lines)
{
    const char *at = *lines ? strstr(*lines, "./") : NULL;

    if (!at && *lines && lines[1])
        at = strstr(lines[1], "./");
    return at ? at + 2 : NULL;
}

/* Of two sorted lists that differ, the first name with a difference. */
static bool differs(const char *stored, const char *found, GError **error)
{
    g_auto(GStrv) before = g_strsplit(stored, "\n", -1);
    g_auto(GStrv) now = g_strsplit(found, "\n", -1);
    guint i = 0;

    while (before[i] && now[i] && !strcmp(before[i], now[i]))
        i++;
    const char *a = name_in(before + i), *b = name_in(now + i);
    const char *first = !a || (b && strcmp(b, a) < 0) ? b : a;
    return xg_refuse(error, first ? first : MANIFEST, "it is not what was signed");
}

bool xg_verify(struct xg_image *img, const char *key_path, char **ret_comment, GError **error)
{
    size_t len;

    if (!xg_image_has(img, MANIFEST) || !xg_image_has(img, SIGNATURE)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "it is not signed");
        return false;
    }
    g_autofree char *stored = xg_image_read(img, MANIFEST, &len, error);
    g_autofree char *signature = stored ? xg_image_read(img, SIGNATURE, NULL, error) : NULL;
    g_autofree char *comment = NULL;
    if (!signature || !minisign_verify(stored, len, signature, key_path, &comment, error))
        return false;
    g_autofree char *found = make_manifest(img, error);
    if (!found)
        return false;
    if (strlen(found) != len || memcmp(found, stored, len))
        return differs(stored, found, error);
    *ret_comment = g_steal_pointer(&comment);
    return true;
}
