/* Bodies of members: to memory, to a file. */
#include "xenguest/lib/image_priv.h"

#include "xenguest/lib/xlcfg.h"

#include <errno.h>
#include <gio/gio.h>
#include <string.h>
#include <unistd.h>

static const struct xg_entry *find_file(struct xg_image *img, const char *name, GError **error)
{
    const struct xg_entry *e = xg_index_find(img, name);

    if (e && e->type == XG_FILE)
        return e;
    xg_refuse(error, name, e ? "it is not a regular file" : "there is no such member");
    return NULL;
}

bool xg_image_copy(struct xg_image *img, const char *name, int fd, GError **error)
{
    const struct xg_entry *e = find_file(img, name, error);
    bool close_it;
    off_t at;

    if (!e)
        return false;
    if (e->source == XG_FROM_DATA)
        return xg_write_all(fd, g_bytes_get_data(e->data, NULL), e->size, name, error);
    int from = xg_entry_open(img, e, &at, &close_it, error);
    if (from < 0)
        return false;
    bool ok = xg_copy_range(from, at, e->size, fd, name, error);
    if (close_it)
        close(from);
    return ok;
}

static bool read_body(struct xg_image *img, const struct xg_entry *e, char *to, GError **error)
{
    bool close_it;
    off_t at;
    int from = xg_entry_open(img, e, &at, &close_it, error);
    size_t have = 0;

    if (from < 0)
        return false;
    while (have < e->size) {
        ssize_t n = pread(from, to + have, e->size - have, at + (off_t)have);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        have += (size_t)n;
    }
    bool ok = have == e->size || xg_failed(error, e->name, "read it");
    if (close_it)
        close(from);
    return ok;
}

char *xg_image_read(struct xg_image *img, const char *name, size_t *ret_len, GError **error)
{
    const struct xg_entry *e = find_file(img, name, error);
    g_autofree char *text = NULL;

    if (!e)
        return NULL;
    if (e->size > XG_CONFIG_MAX) {
        xg_refuse(error, name, "%" G_GUINT64_FORMAT " bytes, at most %u are read", e->size,
                  XG_CONFIG_MAX);
        return NULL;
    }
    text = g_malloc0(e->size + 1);
    if (e->source == XG_FROM_DATA)
        memcpy(text, e->size ? g_bytes_get_data(e->data, NULL) : "", e->size);
    else if (!read_body(img, e, text, error))
        return NULL;
    if (ret_len)
        *ret_len = e->size;
    return g_steal_pointer(&text);
}

char *xg_image_merged_config(struct xg_image *img, GError **error)
{
    size_t len;
    g_autofree char *text = xg_image_read(img, XG_GUEST, &len, error);
    g_auto(GStrv) parts = xg_image_list(img, "guest.d");
    AUTO(xlcfg) cfg = text ? xlcfg_parse(text, len, XG_GUEST, error) : NULL;

    if (!cfg)
        return NULL;
    for (char **p = parts; *p; p++) {
        g_autofree char *part = xg_image_read(img, *p, &len, error);
        if (!part || !xlcfg_append(cfg, part, len, *p, error))
            return NULL;
    }
    return g_strdup(xlcfg_text(cfg));
}
