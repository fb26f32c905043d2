#include "xenguest/xl/xl_command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* "ARGUMENTS", then "W: warning" lines; or "E: error". */
static char *translate(const char *text, enum xl_network network)
{
    g_autoptr(GError) error = NULL;
    AUTO(xlcfg) cfg = xlcfg_parse(text, strlen(text), "guest.cfg", &error);
    struct xl_host host = {"guest.cfg", "/g", "xenbr0", network};
    struct xl_command cmd = {0};
    g_autoptr(GString) out = g_string_new(NULL);

    if (!cfg)
        fail_msg("%s", error->message);
    if (!xl_command(cfg, &host, &cmd, &error)) {
        g_string_printf(out, "E: %s", error->message);
    } else {
        g_autofree char *line = xl_command_text("", cmd.argv);
        g_string_append(out, *line ? line + 1 : line);
        for (guint i = 0; i < cmd.warnings->len; i++)
            g_string_append_printf(out, "\nW: %s", (char *)g_ptr_array_index(cmd.warnings, i));
    }
    xl_command_clear(&cmd);
    return g_string_free(g_steal_pointer(&out), FALSE);
}

static void gives(const char *text, const char *expected)
{
    g_autofree char *out = translate(text, XL_NETWORK_BRIDGE);

    assert_string_equal(out, expected);
}

static void test_base(void **state)
{
    gives("", "");
    gives("name = 'a,b'\nuuid = \"3f8a6e0c-0000-4000-8000-000000000001\"\ntype = 'pv'\n"
          "memory = 1024\nvcpus = 2\nmaxvcpus = 4\nkernel = \"files/kernel\"\nramdisk = '/r d'\n"
          "root = '/dev/xvda1 ro'\nextra = 'console=hvc0'\n",
          "-name guest=a,,b -uuid 3f8a6e0c-0000-4000-8000-000000000001 -m 1024 -smp 2,maxcpus=4 "
          "-kernel /g/files/kernel -initrd '/r d' -append 'root=/dev/xvda1 ro console=hvc0'");
    gives("kernel = 'k'\ncmdline = 'x'\nextra = 'y'\n",
          "-kernel /g/k -append x\nW: guest.cfg:3: root and extra: cmdline is used");
    gives("memory = 256\nmaxmem = 512\n",
          "-m 256\nW: guest.cfg:2: maxmem: the guest keeps the size of 'memory'");
    gives("bootloader = '/usr/bin/pygrub'\nextra = 'x'\n",
          "-machine bootloader=direct\nW: guest.cfg:2: without a kernel the command line is the boot "
          "loader's, on the guest's disk");
    gives("bootloader = 'pvgrub'\n", "");
}

static void test_events(void **state)
{
    gives("on_poweroff = 'destroy'\non_reboot = 'restart'\non_crash = 'destroy'\n", "");
    gives("on_poweroff = 'preserve'\non_reboot = 'destroy'\non_crash = 'coredump-restart'\n",
          "-action shutdown=pause -action reboot=shutdown -action panic=reset\n"
          "W: guest.cfg:3: on_crash: no dump of the guest is made");
    gives("on_poweroff = 'restart'\n",
          "E: guest.cfg:1: on_poweroff = 'restart' is not possible here");
}

#define DISK(format, more, file, vdev)                                                             \
    "-drive if=none,id=disk0,format=" format more ",file=" file                                    \
    " -device xen-disk,drive=disk0,vdev=" vdev

static void test_disks(void **state)
{
    gives("disk = ['phy:/dev/vg/lv,xvda,w']", DISK("raw", "", "/dev/vg/lv", "xvda"));
    gives("disk = ['/a.qcow2,qcow2,xvdb,r']", DISK("qcow2", ",readonly=on", "/a.qcow2", "xvdb"));
    gives("disk = ['format=raw, vdev=xvda, access=rw, target=rel/a,b']",
          DISK("raw", "", "/g/rel/a,,b", "xvda"));
    gives("disk = ['file:/x.iso,hdc:cdrom,r']", DISK("raw", ",media=cdrom", "/x.iso", "hdc"));
    gives("disk = ['tap:qcow2:/x,sda1,w']", DISK("qcow2", "", "/x", "sda1"));
    gives("disk = ['/dev/vg/guest-volume,,hda']", DISK("raw", "", "/dev/vg/guest-volume", "hda"));
    gives("disk = ['vhd:/x,xvda,w']", DISK("vpc", "", "/x", "xvda"));
    gives("disk = ['vdev=xvda, discard, target=/x']", DISK("raw", ",discard=unmap", "/x", "xvda"));
    gives("disk = ['/a,raw,xvda', '/b,raw,xvdb']",
          DISK("raw", "", "/a", "xvda") " -drive if=none,id=disk1,format=raw,file=/b "
                                        "-device xen-disk,drive=disk1,vdev=xvdb");
    gives("disk = [',empty,hdc,cdrom']",
          "\nW: guest.cfg:1: disk: an empty CD-ROM drive is left out");
    gives("disk = ['devtype=cdrom,vdev=hdc']",
          "\nW: guest.cfg:1: disk: an empty CD-ROM drive is left out");
    gives("disk = ['/a,raw,nvme0']", "E: guest.cfg:1: disk: 'nvme0' is no virtual device");
    gives("disk = ['/a,raw,xvda,x']", "E: guest.cfg:1: disk: access 'x' is none of r, ro, w, rw");
    gives("disk = ['/a,raw,xvda,w,more']", "E: guest.cfg:1: disk: what is 'more'?");
    gives("disk = ['script=block-iscsi,vdev=xvda,target=x']",
          "E: guest.cfg:1: disk: 'script' is not possible here");
    gives("disk = 'x'", "E: guest.cfg:1: disk is not a list");
}

static void test_vifs(void **state)
{
    gives("vif = ['mac=00:16:3e:01:02:03, bridge=br7']",
          "-netdev bridge,id=net0,br=br7 -device xen-net-device,netdev=net0,mac=00:16:3e:01:02:03");
    gives("vif = ['mac=00:16:3e:01:02:03,script=vif-nat']",
          "-netdev bridge,id=net0,br=xenbr0 -device "
          "xen-net-device,netdev=net0,mac=00:16:3e:01:02:03\n"
          "W: guest.cfg:1: vif: 'script' is without effect");
    gives("vif = ['backend=net']", "E: guest.cfg:1: vif: 'backend' is not possible here");
    g_autofree char *user = translate("vif = ['']", XL_NETWORK_USER);
    assert_true(
        g_str_has_prefix(user, "-netdev user,id=net0 -device xen-net-device,netdev=net0,mac="));
    g_autofree char *none = translate("vif = ['mac=00:16:3e:01:02:03']", XL_NETWORK_NONE);
    assert_string_equal(none, "-device xen-net-device,mac=00:16:3e:01:02:03");
}

/* An address that nobody chose: Xen's range, the same every time, another one for another guest. */
static void test_macs(void **state)
{
    g_autofree char *a = translate("name='a'\nvif = ['']", XL_NETWORK_NONE);
    g_autofree char *again = translate("name='a'\nvif = ['']", XL_NETWORK_NONE);
    g_autofree char *b = translate("name='b'\nvif = ['']", XL_NETWORK_NONE);
    const char *mac = strstr(a, "mac="), *other = strstr(b, "mac=");

    assert_string_equal(a, again);
    assert_true(g_str_has_prefix(mac, "mac=00:16:3e:"));
    assert_string_not_equal(mac, other);
}

static void test_vfb(void **state)
{
    gives("vfb = ['vnc=1,vnclisten=0.0.0.0,vncdisplay=3,keymap=de']",
          "-vnc 0.0.0.0:3,to=102 -k de");
    gives("vfb = ['vnc=1,vncunused=0']", "-vnc 127.0.0.1:0");
    gives("vfb = ['vnc=1,vnclisten=127.0.0.1:2,vncpasswd=secret']",
          "-vnc 127.0.0.1:2,to=101,password=on");
    gives("vfb = ['sdl=1,vnc=0']", "-vnc none\nW: guest.cfg:1: vfb: 'sdl' is without effect");
}

static void test_types(void **state)
{
    gives("type = 'pvh'\nkernel = 'k'", "-machine xenpvh -kernel /g/k");
    gives("type = 'pvh'\nbuilder = 'hvm'\nvnc = 1",
          "-machine xenpvh\nW: guest.cfg:3: vnc is without effect");
    gives("type = 'pvh'\nbootloader = 'pygrub'", "-machine xenpvh -machine bootloader=direct");
    gives("builder = 'hvm'\nkernel = '/usr/lib/xen/boot/hvmloader'\ndisk = ['/d,,hda,rw']",
          "-machine xenfv -drive if=none,id=disk0,format=raw,file=/d -device xen-disk,drive=disk0,vdev=hda "
          "-vnc 127.0.0.1:0,to=99\nW: guest.cfg:2: kernel: an HVM guest's firmware comes by itself");
    gives("type = 'hvm'\nfirmware = 'ovmf'\nboot = 'dc'\nvga = 'stdvga'\nusbdevice = 'tablet'\nserial = 'pty'\n"
          "vnclisten = '0.0.0.0'\nvncdisplay = 3\nvncunused = 0\nkeymap = 'de'\ndevice_model_version = 'qemu-xen'\n"
          "acpi = 1",
          "-machine xenfv -machine firmware=uefi -boot dc -vga std -usbdevice tablet -vnc 0.0.0.0:3 -k de\n"
          "W: guest.cfg:12: acpi is without effect");
    gives("type = 'hvm'\nvnc = 0\nfirmware = 'bios'", "-machine xenfv");
}

static void test_refused(void **state)
{
    gives("type = 'hvn'", "E: guest.cfg:1: 'hvn' is none of pv, pvh, hvm");
    gives("type = 'hvm'\nvfb = ['vnc=1']",
          "E: guest.cfg:2: vfb: an HVM guest has VGA: vnc, vnclisten and so on are for it");
    gives("type = 'hvm'\nvncpasswd = 'x'", "E: guest.cfg:2: vncpasswd is not possible for an HVM guest");
    gives("type = 'hvm'\nbootloader = 'pygrub'",
          "E: guest.cfg:2: bootloader: an HVM guest's firmware finds its boot loader");
    gives("type = 'hvm'\ndevice_model_version = 'qemu-xen-traditional'",
          "E: guest.cfg:2: device_model_version = 'qemu-xen-traditional' is not possible here");
    gives("usbdevice = 'tablet'", "E: guest.cfg:1: usbdevice is not possible here");
    gives("pci = ['01:00.0']", "E: guest.cfg:1: pci is not possible here");
    gives("pci = []\ncpu_weight = 512\n", "\nW: guest.cfg:2: cpu_weight is without effect");
    gives("memory = 0", "E: guest.cfg:1: memory is 0, not 1 to 4194304");
    gives("uuid = 'x'", "E: guest.cfg:1: uuid: 'x' is none");
    gives("bootloader = 'pypxeboot'", "E: guest.cfg:1: bootloader: 'pypxeboot' can't be run here");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base),    cmocka_unit_test(test_events), cmocka_unit_test(test_disks),
        cmocka_unit_test(test_vifs),    cmocka_unit_test(test_macs),   cmocka_unit_test(test_vfb),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_types),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
