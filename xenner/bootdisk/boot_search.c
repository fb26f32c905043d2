#include "xenner/bootdisk/boot_search.h"
#include "xenner/bootdisk/grub_cfg.h"
#include "xenner/bootdisk/partitions.h"

#include <glib.h>

#define MAX_CFG (256u << 10) /* bytes of a grub.cfg that are looked at */

/* What is known of some kernels. */
struct verdict {
    enum kernel_width width;
    bool mixed;
};

static void add(struct verdict *v, enum kernel_width width)
{
    v->mixed |= v->width != KERNEL_UNKNOWN && v->width != width;
    v->width = width;
}

static void look_at(struct ext_files *e, const char *path, struct verdict *v)
{
    char head[KERNEL_WIDTH_BYTES];
    int n = ext_files_read(e, path, head, sizeof(head));

    if (n < 0)
        return; /* an entry of the menu that can't be started */
    enum kernel_width width = kernel_width(head, (size_t)n);
    if (width == KERNEL_UNKNOWN)
        v->mixed = true;
    else
        add(v, width);
}

static bool on_name(void *opaque, const char *name)
{
    GPtrArray *paths = opaque;

    if (g_str_has_prefix(name, "vmlinuz"))
        g_ptr_array_add(paths, g_strdup(name));
    return paths->len < GRUB_CFG_MAX_KERNELS;
}

static void look_at_all(struct ext_files *e, const char *dir, struct verdict *v)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);

    ext_files_list(e, dir, on_name, names);
    for (guint i = 0; i < names->len; i++) {
        g_autofree char *path = g_strdup_printf("%s/%s", dir, (char *)g_ptr_array_index(names, i));
        look_at(e, path, v);
    }
}

static bool search_files(void *opaque, struct ext_files *e, const char *dir)
{
    enum kernel_width *ret = opaque;
    g_autofree char *path = g_strdup_printf("%s/grub/grub.cfg", dir), *text = g_malloc(MAX_CFG + 1);
    struct verdict v = {KERNEL_UNKNOWN, false};
    int n = ext_files_read(e, path, text, MAX_CFG);

    if (n < 0)
        return false;
    text[n] = '\0';
    g_autoptr(GPtrArray) kernels = grub_cfg_kernels(text);
    for (guint i = 0; i < kernels->len; i++)
        look_at(e, g_ptr_array_index(kernels, i), &v);
    if (!kernels->len)
        look_at_all(e, dir, &v);
    *ret = v.mixed ? KERNEL_UNKNOWN : v.width;
    return true;
}

static bool search_disk(const struct disk_reader *disk, const char *dir, boot_search_fn *look, void *opaque)
{
    struct disk_reader parts[PARTITIONS_MAX];
    unsigned n = partitions_find(disk, parts);
    bool found = false;

    for (unsigned i = 0; i < n && !found; i++) {
        struct ext_files *e = ext_files_open(&parts[i]);
        found = e && look(opaque, e, dir);
        ext_files_free(e);
    }
    return found;
}

bool boot_search_each(const struct disk_reader *disks, unsigned n, boot_search_fn *look, void *opaque)
{
    static const char *const dirs[] = {"/boot", ""};

    for (unsigned d = 0; d < G_N_ELEMENTS(dirs); d++) {
        for (unsigned i = 0; i < n; i++) {
            if (search_disk(&disks[i], dirs[d], look, opaque))
                return true;
        }
    }
    return false;
}

enum kernel_width boot_search(const struct disk_reader *disks, unsigned n)
{
    enum kernel_width width = KERNEL_UNKNOWN;

    boot_search_each(disks, n, search_files, &width);
    return width;
}
