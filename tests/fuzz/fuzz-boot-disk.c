/*
 * Any bytes as a guest's disk: searched for kernels without harm, and its partitions lie inside it. And as a boot
 * menu: what is to be started has paths, and nothing else has.
 */
#include "fuzz.h"

#include "../unit/disk_maker.h"

#include "xenner/bootdisk/boot_load.h"
#include "xenner/bootdisk/boot_search.h"
#include "xenner/bootdisk/grub_menu.h"
#include "xenner/bootdisk/partitions.h"

#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void check_partitions(const struct disk_reader *disk)
{
    struct disk_reader parts[PARTITIONS_MAX];
    unsigned n = partitions_find(disk, parts);

    for (unsigned i = 0; i < n; i++) {
        if (parts[i].start > disk->bytes || parts[i].bytes > disk->bytes - parts[i].start)
            abort();
    }
}

static bool exists(void *opaque, const char *path)
{
    return strlen(path) % 2;
}

static void check_menu(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    const struct grub_menu_input in = {text, text, "/boot/grub", exists, NULL};
    struct grub_entry e = {0};
    const char *why = NULL;
    bool ok = grub_menu_default(&in, &e, &why);

    if (ok ? why || e.kernel[0] != '/' || !e.initrds || !e.cmdline : !why || e.kernel)
        abort();
    grub_entry_clear(&e);
}

static void check_load(const struct disk_reader *disk)
{
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    const struct boot_load_files files = {null, null, 1 << 20, 1 << 20};
    struct boot_load l;
    bool ok = boot_load(disk, 1, &files, &l);

    if (null < 0 || (ok ? !l.kernel || l.why : !l.why || l.kernel))
        abort();
    boot_load_clear(&l);
    close(null);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fd = memfd_create("disk", MFD_CLOEXEC);
    const struct disk_reader disk = {fd, 0, size};

    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    check_partitions(&disk);
    unsigned width = boot_search(&disk, 1);
    if (width > KERNEL_64)
        abort();
    check_load(&disk);
    check_menu(data, size);
    close(fd);
    return 0;
}

static void add_disk(const char *dir, const char *name, fuzz_seed_fn add, void *opaque)
{
    g_autofree char *path = g_build_filename(dir, "disk", NULL), *data = NULL;
    gsize len;

    g_assert(g_file_get_contents(path, &data, &len, NULL));
    add(opaque, name, data, len);
    unlink(path);
}

void fuzz_seeds(fuzz_seed_fn add, void *opaque)
{
    static const char cfg[] =
        "set default=\"${saved_entry}\"\nif [ -s $prefix/grubenv -a x$a = x ]; then load_env\nelif true; then b=1; fi\n"
        "function f {\n:\n}\nsubmenu 'x>' $o 'y' { menuentry z --id k { linux (hd0)/vmlinuz-1\n}\n"
        "menuentry \"q\\\"$b\" {\nlinux '/boot/other' ro; initrd /boot/other /vmlinuz-1\n}\n}\n";
    static const char env[] = "# GRUB Environment Block\nsaved_entry=x>>>q\"1\n####";
    char *dir = disk_maker_dir();

    add(opaque, "cfg", cfg, sizeof(cfg) - 1);
    add(opaque, "env", env, sizeof(env) - 1);
    disk_maker_file(dir, "boot/grub/grub.cfg", cfg, sizeof(cfg) - 1);
    disk_maker_file(dir, "boot/grub/grubenv", env, sizeof(env) - 1);
    disk_maker_link(dir, "vmlinuz-1", "boot/vmlinuz-1");
    disk_maker_bzimage(dir, "boot/vmlinuz-1", 0x20c, 0);
    disk_maker_elf(dir, "boot/other", ELFCLASS32, EM_386);
    disk_maker_ext(dir, "ext2 -N 32", 96, 0);
    add_disk(dir, "ext2", add, opaque);
    disk_maker_ext(dir, "ext4 -N 32 -O ^has_journal,inline_data", 256, 0);
    add_disk(dir, "ext4", add, opaque);
    disk_maker_table(dir, 1, "start=63,size=512,type=83\\nstart=600,size=1000,type=5\\n");
    disk_maker_ext(dir, "ext2 -N 32", 96, 63 * 512);
    add_disk(dir, "mbr", add, opaque);
    disk_maker_end(dir);
}
