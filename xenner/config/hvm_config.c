#include "xenner/config/hvm_config.h"
#include "xenner/config/disk_kernel.h"
#include "xenner/util/io_error.h"

#include <gio/gio.h>
#include <string.h>

#define IDE_DISKS 4

/* libxl: "xvd" is for a guest's own drivers only, the first four of "hd" are on the PC's IDE as well. */
static void place(struct disk_config *d)
{
    if (d->placed && strlen(d->vdev) == 4 && g_str_has_prefix(d->vdev, "xvd") && d->vdev[3] < 'a' + IDE_DISKS) {
        char letter = d->vdev[3];
        g_free(d->vdev);
        d->vdev = g_strdup_printf("hd%c", letter);
    }
}

/* A clause for the user; NULL: the device model shows it. */
static const char *not_emulated(const struct vm_config *cfg, const struct disk_config *d)
{
    enum device_backend want = d->backend ? d->backend : cfg->backends.disk;
    const char *why_not = NULL;

    if (strlen(d->vdev) != 3 || !g_str_has_prefix(d->vdev, "hd") || d->vdev[2] >= 'a' + IDE_DISKS)
        return "it is none of hda to hdd";
    if (d->cdrom && (d->empty || (d->format && strcmp(d->format, "raw") != 0)))
        return "its medium is no raw image";
    if (want == DEVICE_BACKEND_XENNER)
        return "backend=xenner";
    g_autofree char *path = d->cdrom ? disk_real_path(d, &why_not) : disk_kernel_path(d, &why_not);
    return path ? NULL : why_not;
}

void hvm_config_finish(struct vm_config *cfg, GPtrArray *warnings)
{
    for (guint i = 0; i < cfg->disks->len; i++) {
        struct disk_config *d = g_ptr_array_index(cfg->disks, i);
        if (!d->vdev)
            continue;
        place(d);
        const char *why_not = not_emulated(cfg, d);
        d->emulated = !why_not;
        if (why_not)
            g_ptr_array_add(warnings, g_strdup_printf("%s: only the guest's PV drivers will see it: %s", d->origin,
                                                      why_not));
    }
    cfg->screen.framebuffer = cfg->screen.keyboard = false;
}

#define wrong(error, ...) io_error(error, G_IO_ERROR_NOT_SUPPORTED, __VA_ARGS__)

static bool check_vnc(const struct vnc_config *c, GError **error)
{
    if (c->password)
        return wrong(error, "%s: -machine xenfv: the device model has the screen, and is not told a password",
                     c->origin.text);
    return true;
}

bool hvm_config_check(const struct vm_config *cfg, GError **error)
{
    if (cfg->boot.order && (!*cfg->boot.order || strspn(cfg->boot.order, "acdn") != strlen(cfg->boot.order)))
        return wrong(error, "-boot order=%s: letters of a, c, d, n", cfg->boot.order);
    if (cfg->boot.direct)
        return wrong(error, "-machine bootloader=: an HVM guest's firmware finds its boot loader");
    if (cfg->vncs->len > 1)
        return wrong(error, "-machine xenfv: the device model has one -vnc at most");
    return !cfg->vncs->len || check_vnc(g_ptr_array_index(cfg->vncs, 0), error);
}
