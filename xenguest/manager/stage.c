#include "xenguest/manager/stage.h"

#include "xenguest/lib/sign.h"
#include "xenguest/lib/xlcfg.h"
#include "xenguest/manager/guest.h"
#include "xenguest/manager/say.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <unistd.h>

#define DISK_PART "guest.d/xenguest-disk.cfg"

char *stage_file(const struct stage *st, const char *name)
{
    return g_build_filename(st->dir, name, NULL);
}

/* Contents come through an unnamed file: the reader of the image checks where their bytes are. */
struct contents {
    struct xg_image *img;
    const char *dir;
};

static int open_content(void *opaque, const char *content, GError **error)
{
    struct contents *c = opaque;
    g_autofree char *member = xg_image_disk_file(c->img, content);

    if (!member) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "the image has no disk/%s", content);
        return -1;
    }
    int fd = open(c->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) {
        g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(errno),
                    "could not make a file in '%s': %s", c->dir, g_strerror(errno));
    } else if (!xg_image_copy(c->img, member, fd, error) || lseek(fd, 0, SEEK_SET) < 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

bool stage_read_diskcfg(struct xg_image *img, struct diskcfg *ret, GError **error)
{
    size_t len;

    memset(ret, 0, sizeof(*ret));
    if (!xg_image_has(img, XG_DISK))
        return true;
    g_autofree char *text = xg_image_read(img, XG_DISK, &len, error);
    AUTO(assign) a = text ? assign_parse(text, len, XG_DISK, error) : NULL;
    return a && diskcfg_read(a, ret, error);
}

bool stage_make_disk(struct stage *st, struct xg_image *img, const struct diskcfg *cfg,
                     GError **error)
{
    struct volume_host host = settings_volume_host(st->s);
    struct contents contents = {.img = img, .dir = st->dir};
    struct disk_source source = {open_content, &contents};

    if (!cfg->mb)
        return true;
    g_autofree char *volume = volume_plan(&host, st->name, cfg, error);
    if (!volume || !guest_write_state(st->dir, volume, error))
        return false;
    st->volume = g_steal_pointer(&volume);
    say(SAY_VERBOSE, "making the disk %s", st->volume);
    return volume_make(st->volume, &host, cfg, &source, error);
}

/* The guest's own name, a UUID that stays the same over starts. */
static bool name_guest(const struct stage *st, struct xg_image *img, GError **error)
{
    size_t len;
    g_autofree char *text = xg_image_read(img, XG_GUEST, &len, error);
    AUTO(xlcfg) cfg = text ? xlcfg_parse(text, len, XG_GUEST, error) : NULL;

    if (!cfg)
        return false;
    xlcfg_set_string(cfg, "name", st->name);
    if (!xlcfg_get(cfg, "uuid")) {
        g_autofree char *uuid = g_uuid_string_random();
        xlcfg_set_string(cfg, "uuid", uuid);
    }
    const char *named = xlcfg_text(cfg);
    return xg_image_set_data(img, XG_GUEST, named, strlen(named), 0644, error);
}

static bool add_disk(const struct stage *st, struct xg_image *img, GError **error)
{
    if (!st->volume)
        return true;
    g_autofree char *path = volume_path(st->volume);
    g_autofree char *text = g_strdup_printf(
        "disk += [\"format=%s,vdev=xvda,access=rw,target=%s\"]\n", volume_format(st->volume), path);
    return xg_image_set_data(img, DISK_PART, text, strlen(text), 0644, error);
}

/* All but the disk's contents, which are on the disk now. */
bool stage_unpack(struct stage *st, struct xg_image *img, GError **error)
{
    g_autofree char *dir = stage_file(st, "guest");

    xg_image_remove(img, "disk");
    xg_image_remove(img, "disk-files");
    xg_image_remove(img, XG_SIGNATURE); /* of the image, not of what becomes of it */
    return name_guest(st, img, error) && add_disk(st, img, error) &&
           xg_image_save_dir(img, dir, error) && guest_write_state(dir, st->volume, error);
}
