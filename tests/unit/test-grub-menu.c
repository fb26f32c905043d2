/* What GRUB would start: from grub-mkconfig's output, from menus written by hand, and from nonsense. */
#include "xenner/bootdisk/grub_menu.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#define UUID "0b1e8e5c-1111-4222-8333-444455556666"

/* The form of Debian's grub-mkconfig. */
static const char mkconfig[] =
    "# DO NOT EDIT\n"
    "### BEGIN /etc/grub.d/00_header ###\n"
    "if [ -s $prefix/grubenv ]; then\n  set have_grubenv=true\n  load_env\nfi\n"
    "if [ \"${next_entry}\" ] ; then\n   set default=\"${next_entry}\"\n   set next_entry=\n"
    "   save_env next_entry\n   set boot_once=true\nelse\n   set default=\"%s\"\nfi\n\n"
    "if [ x\"${feature_menuentry_id}\" = xy ]; then\n  menuentry_id_option=\"--id\"\n"
    "else\n  menuentry_id_option=\"\"\nfi\n\nexport menuentry_id_option\n\n"
    "if [ \"${prev_saved_entry}\" ]; then\n  set saved_entry=\"${prev_saved_entry}\"\n"
    "  save_env saved_entry\n  set boot_once=true\nfi\n\n"
    "function savedefault {\n  if [ -z \"${boot_once}\" ]; then\n    saved_entry=\"${chosen}\"\n"
    "    save_env saved_entry\n  fi\n}\n"
    "function load_video {\n  if [ x$feature_all_video_module = xy ]; then\n    insmod all_video\n"
    "  else\n    insmod vbe\n  fi\n}\n\n"
    "if [ x$feature_default_font_path = xy ] ; then\n   font=unicode\nelse\ninsmod ext2\n"
    "set root='hd0,msdos1'\n    font=\"/usr/share/grub/unicode.pf2\"\nfi\n"
    "if loadfont $font ; then\n  set gfxmode=auto\n  load_video\n  insmod gfxterm\n"
    "  set locale_dir=$prefix/locale\nfi\nterminal_output gfxterm\n"
    "if [ \"${recordfail}\" = 1 ] ; then\n  set timeout=30\nelse\n"
    "  if [ x$feature_timeout_style = xy ] ; then\n    set timeout_style=menu\n    set timeout=5\n"
    "  # Fallback normal timeout code in case the timeout_style feature is\n  # unavailable.\n"
    "  else\n    set timeout=5\n  fi\nfi\n"
    "### END /etc/grub.d/00_header ###\n\n"
    "function gfxmode {\n\tset gfxpayload=\"${1}\"\n}\nset linux_gfx_mode=\nexport linux_gfx_mode\n"
    "menuentry 'Debian GNU/Linux' --class debian --class gnu-linux --class os "
    "$menuentry_id_option 'gnulinux-simple-" UUID "' {\n"
    "\tload_video\n\tinsmod gzio\n"
    "\tif [ x$grub_platform = xxen ]; then insmod xzio; insmod lzopio; fi\n"
    "\tset root='hd0,msdos1'\n"
    "\tif [ x$feature_platform_search_hint = xy ]; then\n"
    "\t  search --no-floppy --fs-uuid --set=root --hint='hd0,msdos1'  " UUID "\n"
    "\telse\n\t  search --no-floppy --fs-uuid --set=root " UUID "\n\tfi\n"
    "\techo\t'Loading Linux 6.1.0-18-amd64 ...'\n"
    "\tlinux\t/boot/vmlinuz-6.1.0-18-amd64 root=UUID=" UUID " ro  quiet\n"
    "\techo\t'Loading initial ramdisk ...'\n\tinitrd\t/boot/initrd.img-6.1.0-18-amd64\n}\n"
    "submenu 'Advanced options for Debian GNU/Linux' $menuentry_id_option 'gnulinux-advanced-" UUID
    "' {\n"
    "\tmenuentry 'Debian GNU/Linux, with Linux 6.1.0-18-amd64' --class os "
    "$menuentry_id_option 'gnulinux-6.1.0-18' {\n\t\tlinux /boot/vmlinuz-6.1.0-18-amd64 advanced\n"
    "\t\tinitrd /boot/initrd.img-6.1.0-18-amd64\n\t}\n"
    "\tmenuentry 'Debian GNU/Linux, with Linux 6.1.0-17-amd64 (recovery mode)' "
    "$menuentry_id_option 'gnulinux-6.1.0-17-recovery' {\n"
    "\t\tlinux /boot/vmlinuz-6.1.0-17-amd64 single\n\t}\n}\n"
    "if [ \"$grub_platform\" = \"efi\" ]; then\n\tmenuentry 'Firmware' { fwsetup }\nfi\n"
    "if [ -f  ${config_directory}/custom.cfg ]; then\n  source ${config_directory}/custom.cfg\n"
    "elif [ -z \"${config_directory}\" -a -f  $prefix/custom.cfg ]; then\n"
    "  source $prefix/custom.cfg\nfi\n";

static bool only_grubenv(void *opaque, const char *path)
{
    return opaque && strcmp(path, "/boot/grub/grubenv") == 0;
}

/* "kernel|initrd|initrd|command line", or "E: why"; the caller's. */
static char *evaluate(const char *cfg, const char *env)
{
    const struct grub_menu_input in = {cfg, env, "/boot/grub", only_grubenv, (gpointer)env};
    struct grub_entry e = {0};
    const char *why = NULL;

    if (!grub_menu_default(&in, &e, &why)) {
        assert_non_null(why);
        return g_strconcat("E: ", why, NULL);
    }
    g_autoptr(GString) s = g_string_new(e.kernel);
    for (guint i = 0; i < e.initrds->len; i++)
        g_string_append_printf(s, "|%s", (char *)g_ptr_array_index(e.initrds, i));
    g_string_append_printf(s, "|%s", e.cmdline);
    grub_entry_clear(&e);
    return g_string_free(g_steal_pointer(&s), FALSE);
}

static void gives_env(const char *cfg, const char *env, const char *want)
{
    g_autofree char *got = evaluate(cfg, env);

    assert_string_equal(got, want);
}

static void gives(const char *cfg, const char *want)
{
    gives_env(cfg, NULL, want);
}

static void mkconfig_gives(const char *name, const char *env, const char *want)
{
    g_auto(GStrv) parts = g_strsplit(mkconfig, "%s", 2);
    g_autofree char *cfg = g_strjoinv(name, parts);

    gives_env(cfg, env, want);
}

#define FIRST "/boot/vmlinuz-6.1.0-18-amd64|/boot/initrd.img-6.1.0-18-amd64|root=UUID=" UUID " ro quiet"
#define ADVANCED "/boot/vmlinuz-6.1.0-18-amd64|/boot/initrd.img-6.1.0-18-amd64|advanced"
#define RECOVERY "/boot/vmlinuz-6.1.0-17-amd64|single"

static void test_mkconfig(void **state)
{
    mkconfig_gives("0", NULL, FIRST);
    mkconfig_gives("Debian GNU/Linux", NULL, FIRST);
    mkconfig_gives("7", NULL, FIRST);
    mkconfig_gives("no such title", NULL, FIRST);
    mkconfig_gives("1", NULL, ADVANCED);
    mkconfig_gives("1>0", NULL, ADVANCED);
    mkconfig_gives("1>1", NULL, RECOVERY);
    mkconfig_gives("gnulinux-advanced-" UUID ">gnulinux-6.1.0-17-recovery", NULL, RECOVERY);
    mkconfig_gives("Advanced options for Debian GNU/Linux>"
                   "Debian GNU/Linux, with Linux 6.1.0-17-amd64 (recovery mode)", NULL, RECOVERY);
}

static void test_grubenv(void **state)
{
#define HEAD "# GRUB Environment Block\n# a comment with an = in it\n"
    mkconfig_gives("${saved_entry}", NULL, FIRST);
    mkconfig_gives("${saved_entry}", HEAD "saved_entry=1>1\n#####", RECOVERY);
    mkconfig_gives("${saved_entry}", HEAD "next_entry=1>1\nsaved_entry=1>0\n###", ADVANCED);
    mkconfig_gives("0", HEAD "next_entry=1>1\n###", FIRST);
    mkconfig_gives("${saved_entry}", "saved_entry=1>1\n", FIRST);
    gives_env("load_env\nset default=saved\nmenuentry a { linux /a\n}\nmenuentry 'b\\c' { linux /b\n}\n",
              HEAD "x=1\nsaved_entry=b\\\\c\n", "/b|");
    gives_env("if load_env -f /other; then linux /a; else linux /b; fi; boot", HEAD, "/b|");
}

static void test_words(void **state)
{
    gives("linux /k a\\ b 'c d' \"e f\" g'h'\"i\" \\$x '$x' \"\\$x\" \"\\n\" # gone\nboot\n",
          "/k|\"a b\" \"c d\" \"e f\" ghi $x $x $x \\\\n");
    gives("set x=1\nset y='a  b'\nlinux /k $x ${x}2 $y \"$y\" $none \"$none\" z$none\nboot\n",
          "/k|1 12 a b \"a  b\"  z");
    gives("x=5; y=$x$x; linux /k \\\n $y#no \"q\\\nr\"; initrd (hd0)/a ($root)/b\r\nboot", "/k|/a|/b|55#no qr");
    gives("linux /k $ x$ 'a'\\'b $\"hello\"; boot", "/k|$ x$ a\\'b hello");
    gives("linux16 /k a\ninitrd16 /i\nboot", "/k|/i|a");
    gives("linuxefi /old\ninitrdefi /i\nlinux /k\nboot\nlinux /late\n", "/k|");
}

static void condition(const char *text, bool want)
{
    g_autofree char *cfg = g_strdup_printf(
        "e=\na=1\nif %s; then linux /yes; else linux /no; fi\nboot\n", text);

    gives(cfg, want ? "/yes|" : "/no|");
}

static void test_conditions(void **state)
{
    condition("[ 1 = 1 ]", true);
    condition("[ 1 == 2 ]", false);
    condition("[ 1 != 2 ]", true);
    condition("[ $a ]", true);
    condition("[ $e ]", false);
    condition("[ \"$e\" ]", false);
    condition("[ -n \"$a\" ]", true);
    condition("[ -n \"$e\" ]", false);
    condition("[ -z \"$e\" ]", true);
    condition("[ ! -z \"$e\" ]", false);
    condition("[ ! $e ]", true);
    condition("[ -f /boot/grub/grubenv ]", false);
    condition("[ 1 = 2 -o 1 = 1 ]", true);
    condition("[ 1 = 1 -a 1 = 2 -o $a = 1 ]", true);
    condition("[ 1 = 1 -o 1 = 2 -a 1 = 2 ]", true);
    condition("[ 1 = 2 -a 1 = 1 ]", false);
    condition("test $a = 1", true);
    condition("true", true);
    condition("false", false);
    condition("insmod ext2", false);
    condition("false; true", true);
    condition("! false", true);
    condition("set x=y", true);
    gives("if false; then x=1\nelif true\nthen\nx=2\nelif true; then x=3; else x=4; fi\n"
          "linux /k $x\nboot", "/k|2");
    gives("if false; then if true; then x=1; else x=2; fi; else if false; then x=3; else x=4; fi; fi\n"
          "linux /k $x\nboot", "/k|4");
}

static void test_menus(void **state)
{
    gives("menuentry one { linux /1\n}\nmenuentry two { linux /2\n}\nset default=1\n", "/2|");
    gives("default='a>>b'\nmenuentry x { linux /1\n}\nmenuentry 'a>b' { linux /2\n}\n", "/2|");
    gives("default=k\nmenuentry x {\n}\nmenuentry y --id=k --unrestricted {\nlinux /2 $chosen }\n", "/2|y");
    gives("if true; then\nmenuentry x {\nif true; then linux /k; fi\n}\nfi\n", "/k|");
    gives("menuentry x {\nlinux /k\ninitrd /a /b/c\n}", "/k|/a|/b/c|");
    gives("if false; then for i in 1 2; do if x; then y; fi; done; fi\nmenuentry x { linux /k\n}", "/k|");
    gives("function f\n{ linux /no; }\nmenuentry x { linux /k\nf\n}", "/k|");
}

static void test_not_understood(void **state)
{
    gives("", "E: has no entries");
    gives("insmod ext2\n", "E: has no entries");
    gives("linux /k\n", "E: has no entries");
    gives("submenu a {\n}\n", "E: has no entries");
    gives("menuentry a { chainloader +1\n}\n", "E: does something else than start Linux");
    gives("halt\nlinux /k\nboot\n", "E: does something else than start Linux");
    gives("if [ a = b ]; then reboot; fi\nmenuentry a { linux /k\n}\n", "/k|");
    gives("menuentry a { linux k\n}\n", "E: starts something else than Linux");
    gives("menuentry a { linux\n}\n", "E: starts something else than Linux");
    gives("menuentry a { linux /k\ninitrd newc:x:/y\n}\n", "E: has an initrd that is not understood");
    gives("for i in a b; do menuentry $i { linux /$i\n}\ndone\n", "E: has a loop");
    gives("while true; do x; done\n", "E: has a loop");
    gives("configfile /x\nmenuentry a { linux /k\n}\n", "E: goes on in another file");
    gives("blscfg\n", "E: goes on in another file");
    gives("if [ 1 -lt 2 ]; then x; fi\n", "E: has a condition that is not understood");
    gives("if [ -d /x ]; then x; fi\n", "E: has a condition that is not understood");
    gives("if [ 1 = 1; then x; fi\n", "E: has a condition that is not understood");
    gives("if true; then menuentry a { linux /k\n}\n", "E: has an if without its end");
    gives("if true; menuentry a { linux /k\n}\nfi", "E: has an if without its end");
    gives("fi\nmenuentry a { linux /k\n}\n", "E: has a list without its end");
    gives("}\nmenuentry a { linux /k\n}\n", "E: has a list without its end");
    gives("menuentry a { linux /k\n", "E: has a list without its end");
    gives("function f\nx\n", "E: has a function without a body");
    gives("linux /k 'x\nboot\n", "E: is not GRUB's language");
    gives("linux /k \"x\nboot\n", "E: is not GRUB's language");
    gives("linux /k ${x\nboot\n", "E: is not GRUB's language");
    gives("a | b\n", "E: is not GRUB's language");
}

/* What would grow without end, and what would recurse. */
static void test_limits(void **state)
{
    g_autoptr(GString) s = g_string_new("x=aaaaaaaaaaaaaaaa\n");

    for (unsigned i = 0; i < 64; i++)
        g_string_append(s, "x=$x$x\n");
    gives(s->str, "E: is too much");
    g_string_truncate(s, 0);
    for (unsigned i = 0; i < 50000; i++)
        g_string_append(s, "if ");
    gives(s->str, "E: is too deep");
    g_string_truncate(s, 0);
    for (unsigned i = 0; i < 100000; i++)
        g_string_append(s, "x {");
    gives(s->str, "E: has a list without its end");
    g_string_truncate(s, 0);
    for (unsigned i = 0; i < 100; i++)
        g_string_append(s, "submenu a {\n");
    for (unsigned i = 0; i < 100; i++)
        g_string_append(s, "}");
    gives(s->str, "E: has no entries");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mkconfig),   cmocka_unit_test(test_grubenv),
        cmocka_unit_test(test_words),      cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_menus),      cmocka_unit_test(test_not_understood),
        cmocka_unit_test(test_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
