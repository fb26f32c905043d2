#include "xenner/backend/image_node.h"
#include "xenner/backend/image_url.h"

#include <sys/stat.h>

/* The node of a file, block device or server's image; NULL with an error. */
static char *file_node(const struct disk_config *c, const char *path, GError **error)
{
    struct stat st;

    if (image_is_url(path))
        return image_url_node(path, error);
    g_autofree char *name = image_json_string(path);
    bool block = stat(path, &st) == 0 && S_ISBLK(st.st_mode);
    return g_strdup_printf("{\"driver\":\"%s\",\"filename\":%s,\"aio\":\"%s\"}",
                           block ? "host_device" : "file", name,
                           c->aio == DISK_AIO_URING ? "io_uring" : "threads");
}

static const char *on_off(bool on)
{
    return on ? "true" : "false";
}

/* `,"backing":...` of the nodes below, which are never written; empty when the image itself knows. */
static char *backing_nodes(const struct disk_config *c, GError **error)
{
    if (!c->backing)
        return g_strdup("");
    g_autofree char *file = file_node(c->backing, c->backing->path, error);
    g_autofree char *below = file ? backing_nodes(c->backing, error) : NULL;
    if (!below)
        return NULL;
    return g_strdup_printf(",\"backing\":{\"driver\":\"%s\",\"read-only\":true,\"file\":%s%s}",
                           c->backing->format, file, below);
}

char *image_node(const struct disk_config *c, const char *format, const char *overlay, GError **error)
{
    static const char *const zeroes[] = {"off", "on", "unmap"};
    bool direct = c->cache == DISK_CACHE_NONE || c->cache == DISK_CACHE_DIRECTSYNC;
    bool no_flush = c->cache == DISK_CACHE_UNSAFE || overlay;
    g_autofree char *common = g_strdup_printf(
        "\"node-name\":\"disk\",\"read-only\":%s,\"discard\":\"%s\",\"detect-zeroes\":\"%s\","
        "\"cache\":{\"direct\":%s,\"no-flush\":%s}", on_off(c->readonly && !overlay),
        c->discard ? "unmap" : "ignore", zeroes[c->zeroes], on_off(direct && !overlay),
        on_off(no_flush));
    g_autofree char *file = file_node(c, c->path, error);
    g_autofree char *below = file ? backing_nodes(c, error) : NULL;

    if (!below)
        return NULL;
    if (!overlay)
        return g_strdup_printf("{\"driver\":\"%s\",%s,\"file\":%s%s}", format, common, file, below);
    g_autofree char *top = file_node(c, overlay, error);
    return g_strdup_printf("{\"driver\":\"qcow2\",%s,\"file\":%s,\"backing\":{\"driver\":\"%s\","
                           "\"read-only\":true,\"file\":%s%s}}", common, top, format, file, below);
}
