/* Whether an image is a whole one, and its configurations fit what is in it. */
#include "xenguest/lib/image_priv.h"

#include "xenguest/lib/diskcfg.h"
#include "xenguest/lib/xlcfg.h"

#include <gio/gio.h>
#include <string.h>

static bool check_params(struct xg_image *img, GError **error)
{
    size_t len;
    g_autofree char *text = xg_image_read(img, XG_PARAMS, &len, error);
    AUTO(assign) a = text ? assign_parse(text, len, XG_PARAMS, error) : NULL;

    return a != NULL;
}

/* What guest.cfg names below files/ is there. */
static bool check_guest(struct xg_image *img, GError **error)
{
    static const char *const names[] = {"kernel", "ramdisk", "device_tree", "firmware_override"};
    g_autofree char *text = xg_image_merged_config(img, error);
    AUTO(xlcfg) cfg = text ? xlcfg_parse(text, strlen(text), XG_GUEST, error) : NULL;

    if (!cfg)
        return false;
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        const char *value = NULL;
        if (!xlcfg_get_string(cfg, names[i], &value, error))
            return false;
        if (value && g_str_has_prefix(value, "files/") && !xg_index_find(img, value))
            return xg_refuse(error, XG_GUEST, "%s = \"%s\" is not in the image", names[i], value);
    }
    return true;
}

static bool check_disk(struct xg_image *img, GError **error)
{
    size_t len;
    struct diskcfg cfg = {0};

    if (!xg_index_find(img, XG_DISK))
        return true;
    g_autofree char *text = xg_image_read(img, XG_DISK, &len, error);
    AUTO(assign) a = text ? assign_parse(text, len, XG_DISK, error) : NULL;
    bool ok = a != NULL;

    if (ok && !diskcfg_read(a, &cfg, error)) {
        g_prefix_error(error, XG_DISK ": ");
        ok = false;
    }
    for (unsigned i = 0; ok && i < DISKCFG_PARTS; i++) {
        const char *content = cfg.parts[i].content;
        g_autofree char *name = content ? xg_image_disk_file(img, content) : NULL;
        if (content && !name)
            ok = xg_refuse(error, XG_DISK, "DISK_PART%u's disk/%s is not in the image", i + 1,
                           content);
    }
    diskcfg_clear(&cfg);
    return ok;
}

bool xg_image_check(struct xg_image *img, GError **error)
{
    return check_params(img, error) && check_guest(img, error) && check_disk(img, error);
}
