#include "xenner/bootdisk/boot_load.h"
#include "xenner/bootdisk/boot_search.h"
#include "xenner/bootdisk/grub_menu.h"

#include <string.h>
#include <unistd.h>

#define MAX_CFG (1u << 20) /* bytes of grub.cfg */
#define MAX_ENV (64u << 10)

struct load {
    const char *title;  /* NULL: by default */
    GArray *identities; /* struct ext_identity of the file systems that were looked at */
    const struct boot_load_files *files;
    struct boot_load *ret;
    bool ok;
};

static void G_GNUC_PRINTF(2, 3) fail(struct load *l, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    l->ret->why = g_strdup_vprintf(format, args);
    va_end(args);
}

static bool exists(void *opaque, const char *path)
{
    char byte;

    return path[0] == '/' && ext_files_read(opaque, path, &byte, 1) == 1;
}

/* NULL: there is none, or it is larger than max - 1 bytes. The caller's. */
static char *read_text(struct ext_files *e, const char *dir, const char *name, unsigned max)
{
    g_autofree char *path = g_strdup_printf("%s/grub/%s", dir, name), *text = g_malloc(max);
    int n = ext_files_read(e, path, text, max);

    if (n < 0 || (unsigned)n >= max)
        return NULL;
    text[n] = '\0';
    return g_steal_pointer(&text);
}

/*
 * What "search" finds by is e's when no file system before it has it too. Calls come for all with "/boot" before
 * there is one with "".
 */
static void identify(struct load *l, struct ext_files *e, const char *dir, struct ext_identity *ret)
{
    unsigned uuids = 0, labels = 0;

    ext_files_identify(e, ret);
    if (*dir)
        g_array_append_val(l->identities, *ret);
    for (guint i = 0; i < l->identities->len; i++) {
        const struct ext_identity *other = &g_array_index(l->identities, struct ext_identity, i);
        uuids += strcmp(other->uuid, ret->uuid) == 0;
        labels += strcmp(other->label, ret->label) == 0;
    }
    if (uuids != 1)
        *ret->uuid = '\0';
    if (labels != 1)
        *ret->label = '\0';
}

static bool evaluate(struct load *l, struct ext_files *e, const char *dir,
                     const struct ext_identity *id, struct grub_entry *ret)
{
    g_autofree char *cfg = read_text(e, dir, "grub.cfg", MAX_CFG);
    g_autofree char *env = read_text(e, dir, "grubenv", MAX_ENV);
    g_autofree char *prefix = g_strdup_printf("%s/grub", dir);
    const struct grub_menu_input in = {cfg, env, prefix, exists, e, *id->uuid ? id->uuid : NULL,
                                       *id->label ? id->label : NULL};
    const char *why;

    if (!cfg)
        fail(l, "grub.cfg is too large");
    else if (!(l->title ? grub_menu_entry(&in, l->title, ret, &why) : grub_menu_default(&in, ret, &why)))
        fail(l, "grub.cfg %s", why);
    else
        return true;
    return false;
}

static bool copy_kernel(struct load *l, struct ext_files *e, const char *path)
{
    if (ext_files_copy(e, path, l->files->kernel, l->files->max_kernel) >= 0)
        return true;
    fail(l, "the kernel '%s' can't be read", path);
    return false;
}

/* Each begins at a multiple of 4 bytes, as Linux expects it of archives one behind the other. */
static bool copy_initrds(struct load *l, struct ext_files *e, const GPtrArray *paths)
{
    const uint64_t max = l->files->max_initrd;
    static const char zeroes[4];
    uint64_t done = 0;

    for (guint i = 0; i < paths->len; i++) {
        const char *path = g_ptr_array_index(paths, i);
        size_t gap = (4 - done % 4) % 4;
        int64_t n = -1;
        if (write(l->files->initrd, zeroes, gap) == (ssize_t)gap && done + gap <= max)
            n = ext_files_copy(e, path, l->files->initrd, max - done - gap);
        if (n < 0) {
            fail(l, "the initrd '%s' can't be read", path);
            return false;
        }
        done += gap + (uint64_t)n;
    }
    return true;
}

static bool look(void *opaque, struct ext_files *e, const char *dir)
{
    g_autofree char *path = g_strdup_printf("%s/grub/grub.cfg", dir);
    struct grub_entry entry = {0};
    struct ext_identity id;
    struct load *l = opaque;
    char byte;

    identify(l, e, dir, &id);
    if (ext_files_read(e, path, &byte, 1) < 0)
        return false;
    l->ok = evaluate(l, e, dir, &id, &entry) && copy_kernel(l, e, entry.kernel) &&
            copy_initrds(l, e, entry.initrds);
    if (l->ok)
        *l->ret = (struct boot_load){.kernel = g_steal_pointer(&entry.kernel),
                                     .cmdline = g_steal_pointer(&entry.cmdline),
                                     .initrd = entry.initrds->len > 0};
    grub_entry_clear(&entry);
    return true;
}

bool boot_load(const struct disk_reader *disks, unsigned n, const char *title,
               const struct boot_load_files *files, struct boot_load *ret)
{
    g_autoptr(GArray) identities = g_array_new(FALSE, FALSE, sizeof(struct ext_identity));
    struct load l = {title, identities, files, ret, false};

    *ret = (struct boot_load){0};
    if (!boot_search_each(disks, n, look, &l))
        fail(&l, "no grub.cfg is on an ext2, ext3 or ext4 file system of a raw disk");
    return l.ok;
}

void boot_load_clear(struct boot_load *l)
{
    g_free(l->kernel);
    g_free(l->cmdline);
    g_free(l->why);
}
