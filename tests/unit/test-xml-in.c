/* xml_in*.c: which command line a domain becomes. */
#include "libvirt-xml/argv_text.h"
#include "libvirt-xml/xml_in.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#define HEAD "<domain type='qemu'><memory unit='MiB'>64</memory>"
#define LINE "xenner -accel tcg -m 64 -nodefaults "

/* The words joined by blanks, or the error in brackets; notes counted. */
static char *translated(const char *xml, unsigned *ret_notes)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(domain_xml) doc = domain_xml_parse(xml, strlen(xml), "f", &error);
    g_autoptr(GPtrArray) argv = NULL, notes = NULL;

    if (!doc)
        fail_msg("%s", error->message);
    if (!domain_to_argv(doc, "f", &argv, &notes, &error))
        return g_strdup_printf("[%s]", error->message);
    *ret_notes = notes->len;
    g_ptr_array_add(argv, NULL);
    return g_strjoinv(" ", (char **)argv->pdata);
}

static void assert_line(const char *xml, const char *line, unsigned notes)
{
    unsigned n = 0;
    g_autofree char *got = translated(xml, &n);

    assert_string_equal(got, line);
    assert_int_equal(n, notes);
}

/* The part of <devices>, and what it adds. */
static void assert_device(const char *xml, const char *words, unsigned notes)
{
    g_autofree char *whole = g_strconcat(HEAD "<devices>", xml, "</devices></domain>", NULL);
    g_autofree char *line = words[0] == '[' ? g_strdup(words) : g_strconcat(LINE, words, NULL);

    assert_line(whole, line, notes);
}

static void whole_domain(void **state)
{
    assert_line("<domain type='kvm'><name>a,b</name>"
                "<uuid>4DEA24B3-1d52-d8f3-2516-782e98a23fa0</uuid><memory>262144</memory>"
                "<currentMemory>131072</currentMemory><vcpu current='2'>4</vcpu>"
                "<cpu><topology sockets='2' cores='2' threads='1'/></cpu>"
                "<os><type>hvm</type><kernel> /k </kernel><initrd>/i</initrd>"
                "<cmdline>console=hvc0 x</cmdline></os><on_reboot>destroy</on_reboot>"
                "<on_crash>preserve</on_crash><devices><emulator>/x/xenner</emulator></devices>"
                "</domain>",
                "/x/xenner -name guest=a,,b -uuid 4DEA24B3-1d52-d8f3-2516-782e98a23fa0 -accel kvm "
                "-m 256 -smp 2,maxcpus=4,sockets=2,cores=2,threads=1 -nodefaults -kernel /k "
                "-initrd /i -append console=hvc0 x -no-reboot -action panic=pause -serial none", 1);
}

static void memory_units(void **state)
{
    static const char *const cases[][3] = {
        {"KiB", "65536", "64"}, {"k", "65537", "65537k"}, {"b", "67108865", "65537k"},
        {"MB", "128", "125000k"}, {"GiB", "2", "2048"}, {"TiB", "1", "1048576"}};
    static const char *const bad[][2] = {{"yards", "1"}, {"KiB", "-1"}, {"KiB", ""}, {"KiB", "many"},
                                         {"TiB", "99999999999999999"}};

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *xml = g_strdup_printf(
            "<domain type='qemu'><memory unit='%s'>%s</memory></domain>", cases[i][0], cases[i][1]);
        g_autofree char *line = g_strdup_printf("xenner -accel tcg -m %s -nodefaults -serial none",
                                                cases[i][2]);
        assert_line(xml, line, 0);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *xml = g_strdup_printf(
            "<domain type='qemu'>\n<memory unit='%s'>%s</memory></domain>", bad[i][0], bad[i][1]);
        assert_line(xml, "[f:2: <memory> is not an amount of memory]", 0);
    }
}

static void disks(void **state)
{
    assert_device("<disk type='file'><driver type='qcow2' cache='none' io='threads' "
                  "discard='unmap' detect_zeroes='unmap'/><source file='/a,b'/>"
                  "<target dev='xvda' bus='xen'/></disk>",
                  "-drive file=/a,,b,format=qcow2,cache=none,aio=threads,discard=unmap,"
                  "detect-zeroes=unmap -serial none", 0);
    assert_device("<disk device='cdrom'><source file='/c'/><target dev='hdc'/><readonly/></disk>"
                  "<disk type='block'><source dev='/dev/x'/><target dev='vda'/><readonly/>"
                  "<transient/><iotune><total_bytes_sec>99</total_bytes_sec></iotune></disk>",
                  "-drive file=/c,format=raw,media=cdrom -drive file=/dev/x,format=raw,readonly=on,"
                  "snapshot=on,throttling.bps-total=99 -serial none", 0);
    assert_device("<disk type='file'><source file='/a'/><target dev='vda'/><boot order='3'/><iotune>"
                  "<total_iops_sec>9</total_iops_sec><group_name>g</group_name></iotune></disk>",
                  "-drive file=/a,format=raw,throttling.iops-total=9,throttling.group=g,if=none,id=disk0 "
                  "-device xen-disk,drive=disk0,vdev=xvda,bootindex=2 -serial none", 0);
    assert_device("<disk type='file'><source file='/a'/><target dev='xvdf'/></disk>",
                  "-drive file=/a,format=raw,if=none,id=disk0 -device xen-disk,drive=disk0,"
                  "vdev=xvdf -serial none", 0);
    /* the guest's names stay what they are, whatever is between them */
    assert_device("<disk type='file'><source file='/a'/><target dev='vda'/></disk><disk "
                  "type='file'><source file='/b'/><target dev='xvda'/></disk><disk type='file'>"
                  "<source file='/c'/><target dev='xvdb'/></disk>",
                  "-drive file=/a,format=raw,if=none,id=disk0 -device xen-disk,drive=disk0,vdev=xvdc "
                  "-drive file=/b,format=raw -drive file=/c,format=raw -serial none", 0);
    assert_device("<disk type='network'><source protocol='nbd' name='e'><host name='h' "
                  "port='10810'/></source></disk>",
                  "-drive file=nbd://h:10810/e,format=raw -serial none", 0);
    assert_device("<disk device='cdrom'/>", "-serial none", 1);
    assert_device("<disk/>", "[f:1: a disk without <source>]", 0);
    assert_device("<disk type='file'><source dev='/x'/></disk>",
                  "[f:1: <source> of a disk of type 'file' without 'file']", 0);
    assert_device("<disk type='network'><source protocol='rbd'/></disk>",
                  "[f:1: a disk over 'rbd' is not for xenner's command line]", 0);
    assert_device("<disk><source file='/a'><encryption/></source></disk>",
                  "[f:1: encrypted disks are not supported]", 0);
    assert_device("<disk><driver cache='lots'/><source file='/a'/></disk>",
                  "[f: xenner refuses it: -drive file=/a,cache=lots,format=raw: invalid cache option]",
                  0);
}

static void networks(void **state)
{
    assert_device("<interface type='bridge'><mac address='00:16:3e:00:00:01'/>"
                  "<source bridge='br1'/></interface>",
                  "-nic bridge,br=br1,mac=00:16:3e:00:00:01 -serial none", 0);
    assert_device("<interface type='network'><source network='default'/></interface>",
                  "-nic bridge,br=virbr0 -serial none", 1);
    assert_device("<interface type='network'><source network='lan'/></interface>",
                  "[f:1: only libvirt knows the bridge of network 'lan'; say <interface "
                  "type='bridge'>]", 0);
    assert_device("<interface type='ethernet'><target dev='t0'/></interface>",
                  "-nic tap,ifname=t0,script=no,downscript=no -serial none", 0);
    assert_device("<interface type='udp'><source address='1.2.3.4' port='5'>"
                  "<local address='5.6.7.8' port='9'/></source></interface>",
                  "-nic socket,udp=1.2.3.4:5,localaddr=5.6.7.8:9 -serial none", 0);
    assert_device("<interface type='hostdev'/>",
                  "[f:1: an <interface> of type 'hostdev' has no meaning for a PV guest's network]", 0);
    assert_device("<interface type='user'><mac address='01:16:3e:00:00:01'/></interface>",
                  "[f: xenner refuses it: -nic user,mac=01:16:3e:00:00:01: NIC cannot have "
                  "multicast MAC address (odd 1st byte)]", 0);
}

/* libvirt writes the first serial port twice. */
static void consoles(void **state)
{
    assert_device("<serial type='pty'><log file='/l'/></serial>"
                  "<console type='pty'><target type='serial'/></console>"
                  "<console type='file'><source path='/f' append='on'/><target type='virtio'/>"
                  "</console>",
                  "-chardev pty,id=console0,logfile=/l,logappend=on -serial chardev:console0 "
                  "-chardev file,id=console1,path=/f,append=on -serial chardev:console1", 0);
    assert_device("<console type='unix'><source mode='bind' path='/s'/></console>",
                  "-chardev socket,id=console0,path=/s,server=on,wait=off -serial chardev:console0", 0);
    assert_device("<console type='tcp'/>", "[f:1: a console of type 'tcp': pty, file, unix, stdio "
                  "and null are what there is]", 0);
    assert_device("<serial type='unix'/>",
                  "[f:1: a console on a Unix socket needs <source path=...>]", 0);
}

static void screens(void **state)
{
    assert_device("<graphics type='vnc' port='5903' listen='::1' sharePolicy='ignore' keymap='de'/>"
                  "<input type='keyboard' bus='ps2'/><input type='mouse' bus='usb'/>",
                  "-serial none -vnc [::1]:3,share=ignore -k de -vga std -device usb-mouse", 0);
    assert_device("<graphics type='vnc' port='-1'><listen type='address' address='0.0.0.0'/>"
                  "</graphics><video><model type='none'/></video>",
                  "-serial none -vnc 0.0.0.0:0,to=99 -vga none", 0);
    assert_device("<graphics type='vnc' passwd='s'><listen type='socket' socket='/v,w'/></graphics>",
                  "-serial none -vnc unix:/v,,w,password=on -vga std", 1);
    assert_device("<graphics type='spice'/>", "-serial none -vga std", 1);
    assert_device("<graphics type='vnc' port='80'/>",
                  "[f:1: port='80': VNC ports are 5900 to 65535]", 0);
}

static void others(void **state)
{
    assert_line("<domain type='qemu' xmlns:qemu='" DOMAIN_XML_QEMU_NS "'><memory>65536</memory>"
                "<commandline><arg value='-no'/></commandline>"
                "<qemu:commandline><qemu:arg value='-d'/><qemu:arg value='all'/></qemu:commandline>"
                "</domain>",
                LINE "-serial none -d all", 0);
    assert_line("<domain type='qemu'/>", "[f:1: <memory> is missing]", 0);
    assert_line("<domain type='xen'><memory>65536</memory></domain>",
                "xenner -m 64 -nodefaults -serial none", 0);
    assert_line("<domain type='vbox'/>",
                "[f:1: domain type 'vbox': xenner is for qemu, kvm and xen]", 0);
    assert_line("<domain type='qemu'><memory>4096</memory></domain>",
                "[f: xenner refuses it: -m: 4096 KiB is too little, a guest has at least 16 MiB]", 0);
    assert_line(HEAD "<vcpu>99</vcpu></domain>",
                "[f: xenner refuses it: -smp: a guest has 1 to 32 vCPUs]", 0);
}

static void absurd_sizes(void **state)
{
    g_autoptr(GString) many = g_string_new(HEAD "<devices>");

    for (unsigned i = 0; i < 257; i++)
        g_string_append(many, "<input type='mouse' bus='usb'/>");
    g_string_append(many, "</devices></domain>");
    assert_line(many->str, "[f:1: more than 256 devices]", 0);
}

static void shell_text(void **state)
{
    const char *const words[] = {"xenner", "-append", "a b='c'", "-S", "-name", ""};
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    g_auto(GStrv) back = NULL;

    for (unsigned i = 0; i < G_N_ELEMENTS(words); i++)
        g_ptr_array_add(argv, (char *)words[i]);
    g_autofree char *text = argv_to_text(argv);
    assert_string_equal(text, "xenner \\\n    -append 'a b='\\''c'\\''' \\\n    -S \\\n    -name ''\n");
    assert_true(g_shell_parse_argv(text, NULL, &back, NULL));
    assert_int_equal(g_strv_length(back), G_N_ELEMENTS(words));
    assert_string_equal(back[2], words[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_domain), cmocka_unit_test(memory_units), cmocka_unit_test(disks),
        cmocka_unit_test(networks),     cmocka_unit_test(consoles),     cmocka_unit_test(screens),
        cmocka_unit_test(others),       cmocka_unit_test(absurd_sizes), cmocka_unit_test(shell_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
