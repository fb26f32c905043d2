#include "xenner/domain/libxl_hvm.h"
#include "xenner/config/disk_kernel.h"

#include <gio/gio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *libxl_copy(const char *s)
{
    char *c = s ? strdup(s) : NULL;

    g_assert(c || !s);
    return c;
}

/* As add_disk() of libxl_devices.c has it; a CD's backend is the device model itself. */
static bool fill_disk(const struct disk_config *d, libxl_device_disk *ret, GError **error)
{
    const char *why_not = NULL;
    g_autofree char *path = disk_real_path(d, &why_not);

    if (!path) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s: %s", d->origin, why_not);
        return false;
    }
    ret->pdev_path = libxl_copy(path);
    ret->vdev = libxl_copy(d->vdev);
    ret->format = LIBXL_DISK_FORMAT_RAW;
    ret->is_cdrom = ret->removable = d->cdrom;
    ret->readwrite = !d->readonly;
    if (d->cdrom)
        return true;
    ret->backend = LIBXL_DISK_BACKEND_PHY;
    libxl_defbool_set(&ret->discard_enable, d->discard);
    return true;
}

static bool fill_disks(const struct vm_config *cfg, libxl_domain_config *ret, GError **error)
{
    ret->disks = calloc(cfg->disks->len + 1, sizeof(*ret->disks));
    g_assert(ret->disks);
    for (guint i = 0; i < cfg->disks->len; i++) {
        const struct disk_config *d = g_ptr_array_index(cfg->disks, i);
        if (!d->emulated)
            continue;
        libxl_device_disk_init(&ret->disks[ret->num_disks]);
        if (!fill_disk(d, &ret->disks[ret->num_disks++], error))
            return false;
    }
    return true;
}

/* -boot's letters; else what has the lowest bootindex= is first, a disk or a CD. */
static const char *boot_order(const struct vm_config *cfg)
{
    const struct disk_config *first = NULL;

    if (cfg->boot.order)
        return cfg->boot.order;
    for (guint i = 0; i < cfg->disks->len; i++) {
        const struct disk_config *d = g_ptr_array_index(cfg->disks, i);
        if (d->boot_order && (!first || d->boot_order < first->boot_order))
            first = d;
    }
    return first && first->cdrom ? "dcn" : "cdn";
}

/* libxl takes a listen address with a colon for all of -vnc's. */
static void fill_vnc(const struct vnc_config *c, libxl_vnc_info *ret)
{
    libxl_defbool_set(&ret->enable, !c->none);
    libxl_defbool_set(&ret->findunused, c->to > c->display);
    if (c->none)
        return;
    if (c->path) {
        g_autofree char *address = g_strconcat("unix:", c->path, NULL);
        ret->listen = libxl_copy(address);
    } else {
        ret->listen = libxl_copy(c->host && *c->host ? c->host : "127.0.0.1");
        ret->display = (int)c->display;
    }
}

static void fill_screen(const struct vm_config *cfg, libxl_domain_build_info *b)
{
    static const libxl_vga_interface_type cards[] = {
        [VGA_AUTO] = LIBXL_VGA_INTERFACE_TYPE_STD, [VGA_NONE] = LIBXL_VGA_INTERFACE_TYPE_NONE,
        [VGA_STD] = LIBXL_VGA_INTERFACE_TYPE_STD, [VGA_CIRRUS] = LIBXL_VGA_INTERFACE_TYPE_CIRRUS};

    b->u.hvm.vga.kind = cards[cfg->screen.vga];
    b->u.hvm.keymap = libxl_copy(strcmp(cfg->screen.layout, "us") == 0 ? NULL : cfg->screen.layout);
    libxl_defbool_set(&b->u.hvm.vnc.enable, false);
    libxl_defbool_set(&b->u.hvm.sdl.enable, false);
    if (cfg->vncs->len)
        fill_vnc(g_ptr_array_index(cfg->vncs, 0), &b->u.hvm.vnc);
    if (cfg->screen.tablet) {
        libxl_defbool_set(&b->u.hvm.usb, true);
        b->u.hvm.usbdevice = libxl_copy("tablet");
    }
}

bool libxl_hvm_fill(const struct vm_config *cfg, libxl_domain_config *ret, GError **error)
{
    libxl_domain_build_info *b = &ret->b_info;

    b->device_model_version = LIBXL_DEVICE_MODEL_VERSION_QEMU_XEN;
    b->u.hvm.bios = cfg->boot.uefi ? LIBXL_BIOS_TYPE_OVMF : LIBXL_BIOS_TYPE_SEABIOS;
    b->u.hvm.system_firmware = libxl_copy(cfg->boot.loader);
    b->u.hvm.boot = libxl_copy(boot_order(cfg));
    /* its terminal is in serial/0/tty then, where `xl console` looks as well */
    b->u.hvm.serial = libxl_copy(cfg->consoles->len ? "pty" : "none");
    fill_screen(cfg, b);
    return fill_disks(cfg, ret, error);
}
