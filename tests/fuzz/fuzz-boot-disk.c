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

static void check_entry(bool ok, struct grub_entry *e, const char *why)
{
    if (ok ? why || e->kernel[0] != '/' || !e->initrds || !e->cmdline : !why || e->kernel)
        abort();
    grub_entry_clear(e);
}

/* What is in the quotes behind the last "menuentry"; the caller's. */
static char *last_title(const char *text)
{
    const char *at = g_strrstr(text, "menuentry"), *begin = at ? strpbrk(at, "'\"") : NULL;

    return begin ? g_strndup(begin + 1, strcspn(begin + 1, "'\"")) : g_strdup("z");
}

static void check_menu(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    const struct grub_menu_input in = {text, text, "/boot/grub", exists, NULL, "1-2", "own"};
    g_autofree char *title = last_title(text);
    struct grub_entry e = {0};
    const char *why = NULL;

    bool ok = grub_menu_default(&in, &e, &why);
    check_entry(ok, &e, why);
    ok = grub_menu_entry(&in, title, &e, &why);
    if (ok && strpbrk(e.cmdline, "\x01\x02")) /* what stands for values that are not known */
        abort();
    check_entry(ok, &e, why);
}

static void check_load(const struct disk_reader *disk, const char *title)
{
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    const struct boot_load_files files = {null, null, 1 << 20, 1 << 20};
    struct boot_load l;
    bool ok = boot_load(disk, 1, title, &files, &l);

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
    check_load(&disk, NULL);
    check_load(&disk, "z");
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
    static const char strict[] =
        "search -s -l own\nif [ -s $prefix/grubenv ]; then load_env\nelif x; then a=$b; fi\n"
        "submenu 'x' $menuentry_id_option y { menuentry 'z' {\nset root=hd0; search --fs-uuid --set=root --hint=a 1-2\n"
        "if [ $grub_cpu = x86_64 ]; then load_video; c=1; fi\nlinux ($root)/vmlinuz-1 a=$c\ninitrd /boot/other\n}\n}\n";
    static const char env[] = "# GRUB Environment Block\nsaved_entry=x>>>q\"1\n####";
    char *dir = disk_maker_dir();

    add(opaque, "cfg", cfg, sizeof(cfg) - 1);
    add(opaque, "strict", strict, sizeof(strict) - 1);
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
