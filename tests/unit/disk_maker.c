#include "disk_maker.h"

#include "xenner/util/remove_tree.h"

#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *disk_maker_dir(void)
{
    char *dir = g_dir_make_tmp("disk-XXXXXX", NULL);

    g_assert(dir);
    return dir;
}

static char *in_tree(const char *dir, const char *path)
{
    char *full = g_strdup_printf("%s/tree/%s", dir, path);
    g_autofree char *parent = g_path_get_dirname(full);

    g_assert(g_mkdir_with_parents(parent, 0755) == 0);
    return full;
}

void disk_maker_file(const char *dir, const char *path, const void *data, gsize len)
{
    g_autofree char *full = in_tree(dir, path);

    g_assert(g_file_set_contents(full, data, (gssize)len, NULL));
}

void disk_maker_link(const char *dir, const char *path, const char *to)
{
    g_autofree char *full = in_tree(dir, path);

    g_assert(symlink(to, full) == 0);
}

/* The shell has mke2fs and sfdisk in its path, which users' often are not. */
static void run(const char *command)
{
    g_autofree char *line = g_strdup_printf("PATH=$PATH:/usr/sbin:/sbin; { %s; } >/dev/null", command);

    g_assert(system(line) == 0);
}

void disk_maker_ext(const char *dir, const char *type, unsigned kib, guint64 offset)
{
    g_autofree char *make = g_strdup_printf(
        "cd '%s' && mkdir -p tree && mke2fs -q -F -t %s -d tree part %uk && "
        "dd if=part of=disk bs=512 seek=%" G_GUINT64_FORMAT " conv=notrunc,sparse status=none && "
        "truncate -s '>%" G_GUINT64_FORMAT "' disk && rm part",
        dir, type, kib, offset / 512, (guint64)(offset + kib * 1024ull));

    run(make);
}

void disk_maker_table(const char *dir, unsigned mib, const char *script)
{
    g_autofree char *make = g_strdup_printf("cd '%s' && truncate -s '>%uM' disk && printf '%s' | sfdisk -q disk",
                                            dir, mib, script);

    run(make);
}

void disk_maker_elf(const char *dir, const char *path, unsigned char class, unsigned machine)
{
    char head[8192] = ELFMAG;

    head[EI_CLASS] = (char)class;
    memcpy(head + offsetof(Elf32_Ehdr, e_machine), &(Elf32_Half){(Elf32_Half)machine}, 2);
    disk_maker_file(dir, path, head, sizeof(head));
}

void disk_maker_bzimage(const char *dir, const char *path, unsigned version, unsigned xloadflags)
{
    char head[8192] = {0};

    memcpy(head + 0x202, "HdrS", 4);
    head[0x206] = (char)version;
    head[0x207] = (char)(version >> 8);
    head[0x236] = (char)xloadflags;
    head[0x237] = (char)(xloadflags >> 8);
    disk_maker_file(dir, path, head, sizeof(head));
}

void disk_maker_end(char *dir)
{
    remove_tree(AT_FDCWD, dir);
    g_free(dir);
}
