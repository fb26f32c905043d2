#include "xenner/domain/libxl_config.h"
#include "xenner/domain/libxl_hvm.h"

#include <gio/gio.h>
#include <libxl_utils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static libxl_domain_type type_of(const struct vm_config *cfg)
{
    return cfg->type == GUEST_HVM   ? LIBXL_DOMAIN_TYPE_HVM
           : cfg->type == GUEST_PVH ? LIBXL_DOMAIN_TYPE_PVH
                                    : LIBXL_DOMAIN_TYPE_PV;
}

static void fill_create_info(libxl_domain_create_info *c, const struct vm_config *cfg,
                             const char *name, const char *owner)
{
    c->type = type_of(cfg);
    c->name = libxl_copy(name);
    if (!cfg->uuid || libxl_uuid_from_string(&c->uuid, cfg->uuid))
        libxl_uuid_generate(&c->uuid);
    /* Written together with the domain's directory in xenstore; until then libxl_owner_begin()'s note has it. */
    c->xsdata = calloc(3, sizeof(char *));
    g_assert(c->xsdata);
    c->xsdata[0] = libxl_copy(LIBXL_OWNER_NODE);
    c->xsdata[1] = libxl_copy(owner);
}

/* Of a file of this process's; 0: NULL. */
static char *name_of(int fd)
{
    char *c = NULL;

    if (fd && asprintf(&c, "/proc/self/fd/%d", fd) < 0)
        g_error("no memory");
    return c;
}

/* What it starts with; an HVM guest may have nothing but firmware. libxl builds in this process, where files have names. */
static bool fill_boot(libxl_domain_build_info *b, const struct vm_config *cfg, const struct boot_images *images,
                      GError **error)
{
    const char *image = images || cfg->type == GUEST_HVM ? cfg->boot.kernel : vm_config_first_image(cfg, error);

    if (!images && !image && cfg->type != GUEST_HVM)
        return false;
    b->kernel = images ? name_of(images->kernel_fd) : libxl_copy(image);
    b->ramdisk = images ? name_of(images->initrd_fd) : libxl_copy(cfg->boot.initrd);
    if (b->kernel)
        b->cmdline = libxl_copy(images ? images->cmdline : cfg->boot.cmdline);
    return true;
}

bool libxl_config_fill(libxl_ctx *ctx, const struct vm_config *cfg, const struct boot_images *images,
                       const char *name, const char *owner, libxl_domain_config *ret, GError **error)
{
    libxl_domain_build_info *b = &ret->b_info;

    fill_create_info(&ret->c_info, cfg, name, owner);
    libxl_domain_build_info_init_type(b, type_of(cfg));
    b->max_memkb = b->target_memkb = cfg->memory.bytes >> 10;
    b->max_vcpus = (int)MAX(cfg->vcpus.max, cfg->vcpus.count);
    if (libxl_cpu_bitmap_alloc(ctx, &b->avail_vcpus, b->max_vcpus)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "libxl: no memory");
        return false;
    }
    for (unsigned i = 0; i < cfg->vcpus.count; i++)
        libxl_bitmap_set(&b->avail_vcpus, (int)i);
    return fill_boot(b, cfg, images, error) && (cfg->type != GUEST_HVM || libxl_hvm_fill(cfg, ret, error));
}
