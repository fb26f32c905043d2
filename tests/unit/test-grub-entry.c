/* What GRUB would start as the entry of a title: only where nothing about it is left open. */
#include "xenner/bootdisk/grub_menu.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#define UUID  "0b1e8e5c-1111-4222-8333-44445555abcd"
#define OTHER "0b1e8e5c-1111-4222-8333-44445555abce"

#define SEARCH(uuid)                                                                                \
    "set root='hd0,msdos1'\nif [ x$feature_platform_search_hint = xy ]; then\n"                      \
    "  search --no-floppy --fs-uuid --set=root --hint-bios=hd0,msdos1 --hint='hd0,msdos1'  " uuid "\n" \
    "else\n  search --no-floppy --fs-uuid --set=root " uuid "\nfi\n"

#define LINUX(name, args)                                                                            \
    "\techo\t'Loading Linux " name " ...'\n\tlinux\t/boot/vmlinuz-" name " root=UUID=" UUID " ro " args \
    "\n\techo\t'Loading initial ramdisk ...'\n\tinitrd\t/boot/initrd.img-" name "\n"

#define ENTRY(indent, title, name, args)                                                              \
    indent "menuentry '" title "' --class debian --class gnu-linux --class gnu --class os "            \
           "$menuentry_id_option 'gnulinux-" name "-" UUID "' {\n"                                      \
           "\tload_video\n\tgfxmode $linux_gfx_mode\n\tinsmod gzio\n"                                  \
           "\tif [ x$grub_platform = xxen ]; then insmod xzio; insmod lzopio; fi\n"                    \
           "\tinsmod part_msdos\n\tinsmod ext2\n" SEARCH(UUID) LINUX(name, args) "}\n"

/* The form of Debian's grub-mkconfig; the background is on a file system of its own. */
static const char debian[] =
    "### BEGIN /etc/grub.d/00_header ###\n"
    "if [ -s $prefix/grubenv ]; then\n  set have_grubenv=true\n  load_env\nfi\n"
    "if [ \"${next_entry}\" ] ; then\n   set default=\"${next_entry}\"\n   set next_entry=\n"
    "   save_env next_entry\n   set boot_once=true\nelse\n   set default=\"0\"\nfi\n"
    "if [ x\"${feature_menuentry_id}\" = xy ]; then\n  menuentry_id_option=\"--id\"\n"
    "else\n  menuentry_id_option=\"\"\nfi\nexport menuentry_id_option\n"
    "if [ \"${prev_saved_entry}\" ]; then\n  set saved_entry=\"${prev_saved_entry}\"\n"
    "  save_env saved_entry\n  set prev_saved_entry=\n  save_env prev_saved_entry\n  set boot_once=true\nfi\n"
    "function savedefault {\n  if [ -z \"${boot_once}\" ]; then\n    saved_entry=\"${chosen}\"\n"
    "    save_env saved_entry\n  fi\n}\n"
    "function load_video {\n  if [ x$feature_all_video_module = xy ]; then\n    insmod all_video\n"
    "  else\n    insmod efi_gop\n    insmod vga\n  fi\n}\n"
    "if [ x$feature_default_font_path = xy ] ; then\n   font=unicode\nelse\ninsmod part_msdos\n"
    SEARCH(OTHER) "    font=\"/usr/share/grub/unicode.pf2\"\nfi\n"
    "if loadfont $font ; then\n  set gfxmode=auto\n  load_video\n  insmod gfxterm\n"
    "  set locale_dir=$prefix/locale\n  set lang=en_US\n  insmod gettext\nfi\nterminal_output gfxterm\n"
    "if [ \"${recordfail}\" = 1 ] ; then\n  set timeout=30\nelse\n"
    "  if [ x$feature_timeout_style = xy ] ; then\n    set timeout_style=menu\n    set timeout=5\n"
    "  else\n    set timeout=5\n  fi\nfi\n"
    "### BEGIN /etc/grub.d/05_debian_theme ###\ninsmod part_msdos\ninsmod ext2\n" SEARCH(OTHER)
    "insmod png\nif background_image /usr/share/images/grub.png; then\n"
    "  set color_normal=white/black\nelse\n  set menu_color_normal=cyan/blue\nfi\n"
    "### BEGIN /etc/grub.d/10_linux ###\n"
    "function gfxmode {\n\tset gfxpayload=\"${1}\"\n}\nset linux_gfx_mode=\nexport linux_gfx_mode\n"
    ENTRY("", "Debian GNU/Linux", "6.1.0-18-amd64", " quiet")
    "submenu 'Advanced options for Debian GNU/Linux' $menuentry_id_option 'gnulinux-advanced-" UUID "' {\n"
    ENTRY("\t", "Debian GNU/Linux, with Linux 6.1.0-18-amd64", "6.1.0-18-amd64", " quiet")
    ENTRY("\t", "Debian GNU/Linux, with Linux 6.1.0-18-amd64 (recovery mode)", "6.1.0-18-amd64", "single ")
    "}\n"
    "### BEGIN /etc/grub.d/30_uefi-firmware ###\n"
    "if [ \"$grub_platform\" = \"efi\" ]; then\n\tmenuentry 'UEFI Firmware Settings' { fwsetup }\nfi\n"
    "### BEGIN /etc/grub.d/41_custom ###\n"
    "if [ -f  ${config_directory}/custom.cfg ]; then\n  source ${config_directory}/custom.cfg\n"
    "elif [ -z \"${config_directory}\" -a -f  $prefix/custom.cfg ]; then\n"
    "  source $prefix/custom.cfg\nfi\n";

static bool is_there(void *opaque, const char *path)
{
    return strcmp(path, "/boot/grub/grubenv") == 0 || strcmp(path, "/there") == 0;
}

/* "kernel|initrd|command line", or "E: why". */
static void entry_env_gives(const char *cfg, const char *env, const char *title, const char *want)
{
    const struct grub_menu_input in = {cfg, env, "/boot/grub", is_there, NULL, UUID, "own"};
    g_autoptr(GString) got = g_string_new(NULL);
    struct grub_entry e = {0};
    const char *why = NULL;

    if (grub_menu_entry(&in, title, &e, &why)) {
        g_string_append(got, e.kernel);
        for (guint i = 0; i < e.initrds->len; i++)
            g_string_append_printf(got, "|%s", (char *)g_ptr_array_index(e.initrds, i));
        g_string_append_printf(got, "|%s", e.cmdline);
    } else {
        assert_null(e.kernel);
        g_string_append_printf(got, "E: %s", why);
    }
    assert_string_equal(got->str, want);
    grub_entry_clear(&e);
}

static void entry_gives(const char *cfg, const char *title, const char *want)
{
    entry_env_gives(cfg, "# GRUB Environment Block\n####", title, want);
}

/* As the only entry of a menu, behind some commands. */
static void body_behind_gives(const char *before, const char *body, const char *want)
{
    g_autofree char *cfg = g_strdup_printf("%s\nmenuentry 'x' --id a {\n%s\n}\n", before, body);

    entry_gives(cfg, "x", want);
}

static void body_gives(const char *body, const char *want)
{
    body_behind_gives("", body, want);
}

#define IMAGES "/boot/vmlinuz-6.1.0-18-amd64|/boot/initrd.img-6.1.0-18-amd64|root=UUID=" UUID " ro "

static void test_debian(void **state)
{
#define D "Debian GNU/Linux"
    entry_gives(debian, D, IMAGES "quiet");
    entry_gives(debian, D ", with Linux 6.1.0-18-amd64", IMAGES "quiet");
    entry_gives(debian, D ", with Linux 6.1.0-18-amd64 (recovery mode)", IMAGES "single");
    entry_gives(debian, "Advanced options for " D, "E: has a menu of that name");
    entry_gives(debian, "UEFI Firmware Settings", "E: has no entry of that name");
    entry_gives(debian, "0", "E: has no entry of that name");
    entry_gives(debian, "gnulinux-6.1.0-18-amd64-" UUID, "E: has no entry of that name");
    entry_env_gives(debian, "# GRUB Environment Block\nnext_entry=1\nsaved_entry=1>1\n#", D, IMAGES "quiet");
    entry_env_gives(debian, NULL, D, IMAGES "quiet");
}

static void test_titles(void **state)
{
    static const char twice[] = "E: has two entries of that name";

    entry_gives("menuentry a { linux /1\n}\nmenuentry b { linux /2\n}\n", "b", "/2|");
    entry_gives("menuentry a { linux /1\n}\nmenuentry a { linux /2\n}\n", "a", twice);
    entry_gives("menuentry a { linux /1\n}\nsubmenu b { menuentry a { linux /2\n}\n}\n", "a", twice);
    entry_gives("submenu a { menuentry a { linux /2\n}\n}\n", "a", twice);
    entry_gives("submenu a { submenu b { menuentry 'c d' { linux /2\n}\n}\n}\n", "c d", "/2|");
    entry_gives("menuentry a { menuentry b { linux /2\n}\n}\n", "b", "E: has no entry of that name");
    entry_gives("menuentry a { menuentry b { linux /2\n}\n}\n", "a", "E: has a command that only GRUB knows");
    entry_gives("t=a\nmenuentry $t { linux /1\n}\n", "a", "/1|");
    entry_gives("menuentry $t { linux /1\n}\nmenuentry a { linux /1\n}\n", "a", "E: depends on a variable");
    entry_gives("t=a\nsubmenu b { menuentry $t { linux /1\n}\n}\n", "a", "E: depends on a variable");
    entry_gives("if hwmatch x; then menuentry b { x\n}\nfi\nmenuentry a { linux /1\n}\n", "a",
                "E: has an entry that may not be there");
    entry_gives("if [ $x = 1 ]; then true; else menuentry b { x\n}\nfi\nmenuentry a { linux /1\n}\n", "a",
                "E: has an entry that may not be there");
    entry_gives("function f { menuentry b { x\n}\n}\nmenuentry a { linux /1\n}\n", "a",
                "E: has an entry that may not be there");
    entry_gives("hiddenentry a { linux /2\n}\nmenuentry a { linux /1\n}\n", "a",
                "E: has a command that only GRUB knows");
    entry_gives("if hwmatch x; then source /y; fi\nmenuentry a { linux /1\n}\n", "a",
                "E: goes on in another file");
    entry_gives("linux /1\nboot\nmenuentry a { linux /1\n}\n", "a", "E: starts something before there is a menu");
    entry_gives("linux /1 'x\n", "a", "E: is not GRUB's language");
}

static void test_commands(void **state)
{
    static const char unknown[] = "E: has a command that only GRUB knows";

    body_gives("savedefault\nlinux /k", unknown);
    body_gives("recordfail\nlinux /k", unknown);
    body_gives("linux /k\nsave_env x", unknown);
    body_gives("load_env\nlinux /k", unknown);
    body_gives("linux /k\nboot", unknown);
    body_gives("function f {\n}\nlinux /k", unknown);
    body_gives("if [ 1 = 2 ]; then savedefault; fi\nlinux /k", "/k|");
    body_gives("if [ 1 = 1 ]; then savedefault; fi\nlinux /k", unknown);
    body_gives("x=1; set y=2; export x; unset y; true; clear; echo $z; insmod $z; linux /k $x $y", "/k|1");
    body_gives("if insmod x; then linux /k; fi", "E: has a condition that only GRUB knows");
    body_gives("if test -f /there; then linux /k; fi", "/k|");
    body_gives("if test -f /not; then linux /k; fi", "E: has a condition that only GRUB knows");
    body_gives("for i in a; do linux /k; done", unknown);
    body_gives("halt", unknown);
    body_gives("linux k", "E: starts something else than Linux");
    body_gives("linux /k*", "E: has a name that only GRUB can complete");
    body_gives("initrd /i\nlinux /k", "E: has an initrd before its kernel");
    body_gives("echo", "E: starts something else than Linux");
    body_behind_gives("linux /k", "initrd /i", "E: has an initrd before its kernel");
    entry_env_gives("load_env\nmenuentry a { linux /k\n}\n", "# GRUB Environment Block\nsuperusers=me\n", "a",
                    "E: may ask for a password");
    entry_env_gives("load_env\nmenuentry a { linux /k\n}\n", "# GRUB Environment Block\nx=me\n", "a", "/k|");
    body_behind_gives("set superusers=me", "linux /k", "E: may ask for a password");
    body_behind_gives("if hwmatch; then superusers=me; fi", "linux /k", "E: may ask for a password");
    body_behind_gives("set check_signatures=enforce", "linux /k", "E: may check signatures");
}

static void test_root(void **state)
{
    static const char elsewhere[] = "E: starts from another file system";

    body_gives("search --no-floppy --fs-uuid --set=root " OTHER "\nlinux /k", elsewhere);
    body_gives("search --no-floppy --fs-uuid --set=x " OTHER "\nlinux /k", elsewhere);
    body_gives("search -n -u -s 0B1E8E5C-1111-4222-8333-44445555ABCD\nlinux /k", "/k|");
    body_gives("search --label own --set\nlinux /k", "/k|");
    body_gives("search --label OWN --set\nlinux /k", elsewhere);
    body_gives("search --set=root --label own --hint-efi hd0,gpt1 -h x\nlinux /k", "/k|");
    body_gives("search --file --set=root /there\nlinux /k", elsewhere);
    body_gives("search --set=root --label --fs-uuid own\nlinux /k", elsewhere);
    body_gives("search --set=root own\nlinux /k", elsewhere);
    body_gives("set root='hd0,msdos1'\nlinux /k", elsewhere);
    body_gives("set root=hd1 x\nlinux /k", "E: has a command that only GRUB knows");
    body_behind_gives("set root=hd1 x", "linux /k", elsewhere);
    body_behind_gives("load_env x", "search -s -l own\nlinux /k", "E: may ask for a password");
    body_behind_gives("function f {\nload_env\n}", "linux /k", "/k|");
    body_behind_gives("function f {\nload_env -f x\n}", "linux /k", "E: has a function that loads variables");
    body_gives("root=hd1\nsearch -s -l own\nlinux /k", "/k|");
    body_gives("search -s -l own\nset root=hd1\nlinux /k", elsewhere);
    body_gives("linux /k\nset root=hd1\ninitrd /i", elsewhere);
    body_gives("linux (hd0,1)/k", elsewhere);
    body_gives("linux ($root)/k\ninitrd ($root)/i", "/k|/i|");
    body_gives("linux /k\ninitrd $prefix/i", elsewhere);
    body_behind_gives("if [ -s $prefix/grubenv ]; then true; else root=hd1; fi", "linux /k", elsewhere);
    body_behind_gives("if [ -s $prefix/other ]; then root=hd1; fi", "linux /k", "/k|");
    body_gives("linux /k\ninitrd /i (hd0)/j", elsewhere);
    body_gives("set root=hd1\nlinux ($root)/k", elsewhere);
    body_gives("search --label own --set=a\nset root=hd1\nlinux ($a)/k", "/k|");

    body_behind_gives("search --no-floppy --label own --set=root", "linux /k", "/k|");
    body_behind_gives("search --no-floppy --label not --set=root", "linux /k", elsewhere);
    body_behind_gives("search --file /x --set=root", "linux /k", elsewhere);
    body_behind_gives("search --label not --set=root", "search --label own --set=root\nlinux /k", "/k|");
    body_behind_gives(SEARCH(UUID), "linux /k", "/k|");
    body_behind_gives(SEARCH(OTHER), "linux /k", elsewhere);
    body_behind_gives("set root=hd0", "linux /k", elsewhere);
    body_behind_gives("if hwmatch x; then root=hd1; fi", "linux /k", elsewhere);
    body_behind_gives("if hwmatch x; then search -s -l own; else search -s -f /x; fi", "linux /k", elsewhere);
    body_behind_gives("function f {\nset root=hd1\n}\nsearch -s -l own", "linux /k", elsewhere);
    body_behind_gives("probe --set=root -u hd0", "linux /k", elsewhere);
    entry_gives("submenu a {\nroot=hd1\nmenuentry b { linux /k\n}\n}\nmenuentry c { linux /k\n}", "b", elsewhere);
    entry_gives("submenu a {\nroot=hd1\nmenuentry b { linux /k\n}\n}\nmenuentry c { linux /k\n}", "c", "/k|");
}

static void test_variables(void **state)
{
    static const char depends[] = "E: depends on a variable";

    body_gives("linux /k $x", depends);
    body_gives("linux /k '$x' \\$x", "/k|$x $x");
    body_gives("x=1\nlinux /k $x", "/k|1");
    body_gives("if [ $grub_platform = xen ]; then x=1; else x=2; fi\nlinux /k $x", "/k|1");
    body_gives("set y=$x\nlinux /k", depends);
    body_gives("linux /k\ninitrd /i$x", depends);
    body_gives("if [ \"$x\" = 1 ]; then true; fi\nlinux /k", depends);
    body_gives("$x linux /k", depends);
    body_gives("linux /k root=$root", depends);
    body_gives("if [ $root = hd0 ]; then true; fi\nlinux /k", "E: has a condition that only GRUB knows");
    body_gives("linux /k $chosen", depends);
    body_behind_gives("set x=1", "linux /k $x", depends);
    body_behind_gives("if hwmatch x; then grub_cpu=i386; fi", "linux /k $grub_cpu", depends);
    body_behind_gives("read grub_cpu", "linux /k $grub_cpu", depends);
    body_behind_gives("load_env -f /other", "linux /k", "E: may ask for a password");
    body_behind_gives("$x", "linux /k", depends);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_debian), cmocka_unit_test(test_titles),    cmocka_unit_test(test_commands),
        cmocka_unit_test(test_root),   cmocka_unit_test(test_variables),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
