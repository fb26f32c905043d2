#include "xenguest/mkimage/edit.h"

#include "xenguest/lib/diskcfg.h"

#include <gio/gio.h>
#include <string.h>

static const char default_guest[] = "# The guest's configuration for Xen, see xl.cfg(5). What is "
                                    "in guest.d/ is added to it before the\n"
                                    "# guest starts, in alphabetical order.\n"
                                    "# name = \"\"\n"
                                    "# kernel = \"\"\n"
                                    "# ramdisk = \"\"\n"
                                    "# device_tree = \"\"\n"
                                    "# root = \"\"\n"
                                    "# extra = \"\"\n"
                                    "memory = 512\n"
                                    "vcpus = 1\n"
                                    "# disk = \"\"\n";

static const char default_params[] =
    "# For the tools of the host and for the image's scripts, which have it in their environment.\n"
    "GUEST_AUTOBOOT=\"1\"\n";

static const char default_disk[] =
    "# The disk that is made for the guest. Sizes are GB, or MB with the suffix M; 0: no disk.\n"
    "# DISK_PART<1-4>=\"SIZE:FS:CONTENT\", FS one of ext2 ext3 ext4 vfat swap or nothing, CONTENT "
    "a name in\n"
    "# disk/ that ends in .img .img.gz .img.bz2 .tar .tar.gz .tar.bz2 .tar.xz, or nothing.\n"
    "DISK_SIZE=\"0\"\n"
    "DISK_DEVICE=\"\"\n";

/* The member's text; of one that is not there yet, what it starts with. */
static char *text_of(struct edit *e, const char *name, const char *def, size_t *ret_len,
                     GError **error)
{
    if (xg_image_has(e->img, name))
        return xg_image_read(e->img, name, ret_len, error);
    *ret_len = e->partial ? 0 : strlen(def);
    return g_strdup(e->partial ? "" : def);
}

struct xlcfg *edit_guest(struct edit *e, GError **error)
{
    size_t len;

    if (!e->guest) {
        g_autofree char *text = text_of(e, XG_GUEST, default_guest, &len, error);
        e->guest = text ? xlcfg_parse(text, len, XG_GUEST, error) : NULL;
    }
    return e->guest;
}

static struct assign *get_assign(struct edit *e, struct assign **a, const char *name,
                                 const char *def, GError **error)
{
    size_t len;

    if (!*a) {
        g_autofree char *text = text_of(e, name, def, &len, error);
        *a = text ? assign_parse(text, len, name, error) : NULL;
    }
    return *a;
}

struct assign *edit_params(struct edit *e, GError **error)
{
    return get_assign(e, &e->params, XG_PARAMS, default_params, error);
}

struct assign *edit_disk(struct edit *e, GError **error)
{
    return get_assign(e, &e->disk, XG_DISK, default_disk, error);
}

bool edit_reset_guest(struct edit *e, GError **error)
{
    xlcfg_free(e->guest);
    e->guest = xlcfg_parse(default_guest, strlen(default_guest), XG_GUEST, error);
    xg_image_remove(e->img, "files");
    xg_image_remove(e->img, "guest.d");
    return xg_image_set_dir(e->img, "files", error) && xg_image_set_dir(e->img, "guest.d", error);
}

bool edit_reset_params(struct edit *e, GError **error)
{
    assign_free(e->params);
    e->params = assign_parse(default_params, strlen(default_params), XG_PARAMS, error);
    return true;
}

bool edit_reset_disk(struct edit *e, GError **error)
{
    assign_free(e->disk);
    e->disk = assign_parse(default_disk, strlen(default_disk), XG_DISK, error);
    xg_image_remove(e->img, "disk");
    xg_image_remove(e->img, "disk-files");
    return xg_image_set_dir(e->img, "disk", error);
}

bool edit_create(struct edit *e, GError **error)
{
    static const char *const dirs[] = {"guest.d", "files",     "init.pre",
                                       "init.d",  "init.post", "disk"};

    if (!xg_image_set_data(e->img, XG_PARAMS, default_params, strlen(default_params), 0644,
                           error) ||
        !xg_image_set_data(e->img, XG_GUEST, default_guest, strlen(default_guest), 0644, error) ||
        !xg_image_set_data(e->img, XG_DISK, default_disk, strlen(default_disk), 0644, error))
        return false;
    for (unsigned i = 0; i < G_N_ELEMENTS(dirs); i++) {
        if (!xg_image_set_dir(e->img, dirs[i], error))
            return false;
    }
    return true;
}

static bool put(struct edit *e, const char *name, const char *text, GError **error)
{
    struct xg_member m = {.mode = 0644};

    xg_image_stat(e->img, name, &m);
    return xg_image_set_data(e->img, name, text, strlen(text), m.mode, error);
}

static bool check_disk(const struct assign *disk, GError **error)
{
    struct diskcfg cfg;
    bool ok = diskcfg_read(disk, &cfg, error);

    diskcfg_clear(&cfg);
    if (!ok)
        g_prefix_error(error, XG_DISK ": ");
    return ok;
}

bool edit_finish(struct edit *e, GError **error)
{
    if (e->disk && !check_disk(e->disk, error))
        return false;
    return (!e->guest || put(e, XG_GUEST, xlcfg_text(e->guest), error)) &&
           (!e->params || put(e, XG_PARAMS, assign_text(e->params), error)) &&
           (!e->disk || put(e, XG_DISK, assign_text(e->disk), error));
}

void edit_clear(struct edit *e)
{
    xlcfg_free(e->guest);
    assign_free(e->params);
    assign_free(e->disk);
    xg_image_free(e->img);
    *e = (struct edit){0};
}
