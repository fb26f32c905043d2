/* xml_check.c, check_rules.c: what is said about a domain, and on which line. */
#include "libvirt-xml/check_rules.h"
#include "libvirt-xml/xml_check.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

/* Line 1 is <domain>, line 2 the subject. */
static GPtrArray *checked(const char *xml)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(domain_xml) doc = domain_xml_parse(xml, strlen(xml), "f", &error);

    if (!doc)
        fail_msg("%s: %s", xml, error->message);
    return domain_check(doc, false);
}

static char *with(const char *domain_part, const char *device_part)
{
    return g_strdup_printf("<domain type='qemu'><memory>65536</memory><os><type>hvm</type>"
                           "<kernel>/k</kernel><cmdline>console=hvc0</cmdline></os>\n%s<devices>"
                           "<emulator>/usr/bin/xenner</emulator>%s</devices></domain>", domain_part,
                           device_part);
}

static void assert_issue(const char *xml, enum xml_issue_level level, const char *text)
{
    g_autoptr(GPtrArray) issues = checked(xml);

    if (issues->len != 1)
        fail_msg("%u issues, not one: %s", issues->len, xml);
    const struct xml_issue *issue = g_ptr_array_index(issues, 0);
    if (issue->line != 2 || issue->level != level || !strstr(issue->text, text))
        fail_msg("line %ld, level %d: '%s', not '%s'", issue->line, (int)issue->level, issue->text,
                 text);
}

static void assert_device(const char *part, const char *text)
{
    g_autofree char *xml = with("", part);

    assert_issue(xml, XML_ISSUE_ERROR, text);
}

static void good(void **state)
{
    g_autofree char *xml = with(
        "<cpu mode='host-model'/><cpu/>",
        "<disk type='file' device='disk'><driver name='qemu'/><source file='/d'/><target dev='xvda' "
        "bus='virtio'/></disk><interface type='user'><model type='netfront'/></interface>"
        "<serial type='pty'/><graphics type='vnc'/><video><model type='vga'/></video>"
        "<memballoon model='virtio'/><input type='tablet' bus='usb'/>");
    g_autoptr(GPtrArray) issues = checked(xml);

    assert_int_equal(domain_check_errors(issues), 0);
    assert_int_equal(issues->len, 1); /* the CPU's mode */
    g_autofree char *text = xml_issue_text(g_ptr_array_index(issues, 0), "x.xml");
    assert_string_equal(text, "x.xml:2: note: a PV guest sees the accelerator's own CPU: "
                              "mode='host-model' has no effect");
}

static void devices(void **state)
{
    assert_device("<disk><source file='/d'/><target dev='xvda' bus='xen'/></disk>",
                  "disk bus 'xen' will be refused by libvirt's QEMU driver: say bus='virtio'");
    assert_device("<disk><driver name='phy'/><source file='/d'/></disk>", "disk driver 'phy'");
    assert_device("<disk><source file='/d'/><transient/></disk>", "for <transient/>, which it can't");
    assert_device("<disk device='cdrom'><source file='/d'/><target dev='vda' bus='virtio'/></disk>",
                  "a CD-ROM on bus 'virtio' will be refused by libvirt");
    assert_device("<disk device='lun'><source file='/d'/></disk>", "no disk device 'lun'");
    assert_device("<console><target type='xen'/></console>", "console target 'xen'");
    assert_device("<serial type='tcp'/>", "a console of type 'tcp' is refused by xenner");
    assert_device("<video><model type='xen'/></video>", "video model 'xen'");
    assert_device("<input type='mouse' bus='xen'/>", "input bus 'xen'");
    assert_device("<memballoon model='xen'/>", "memballoon model 'xen'");
    assert_device("<interface type='user'><model type='e1000'/></interface>", "NIC model 'e1000'");
    assert_device("<interface type='hostdev'/>", "an interface of type 'hostdev'");
    assert_device("<hostdev/>", "passes no host devices through");
    assert_device("<tpm/>", "no such device, and xenner refuses it: <tpm>");
    assert_device("<graphics type='spice'/>", "graphics of type 'spice'");
}

static void outside_devices(void **state)
{
    static const char *const cases[][2] = {
        {"<cpu mode='host-passthrough'/>", "'host-passthrough' will be refused by libvirt"},
        {"<cpu><numa/></cpu>", "no NUMA nodes"},
        {"<memoryBacking><hugepages/></memoryBacking>", "refuses <hugepages>"},
        {"<on_crash>rename-restart</on_crash>", "on_crash 'rename-restart'"}};

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *xml = with(cases[i][0], "");
        assert_issue(xml, XML_ISSUE_ERROR, cases[i][1]);
    }
}

static void identity(void **state)
{
    static const char *const cases[][3] = {
        {"domain type='xen'", "type", "domain type 'xen' will be refused"},
        {"domain type='qemu'", "type machine='xenpv'", "no PCI bus in machine 'xenpv'"},
        {"domain type='qemu'", "type machine='xenfv'", "no PCI bus in machine 'xenfv'"},
        {"domain type='qemu'", "type machine='q35'", "machine 'q35' will be refused"},
        {"domain type='qemu'", "type arch='aarch64'", "arch 'aarch64' will be refused"}};

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *xml = g_strdup_printf(
            "\n<%s><memory>65536</memory><os><%s>hvm</type><kernel>/k</kernel></os><devices>"
            "<emulator>/x</emulator><video/></devices></domain>", cases[i][0], cases[i][1]);
        assert_issue(xml, XML_ISSUE_ERROR, cases[i][2]);
    }
    assert_issue("\n<domain type='qemu'><memory>65536</memory><os><type>linux</type>"
                 "<kernel>/k</kernel></os><devices><emulator>/x</emulator></devices></domain>",
                 XML_ISSUE_ERROR, "os type 'linux' will be refused");
}

static void emulators(void **state)
{
    static const char *const cases[][2] = {
        {"", "without <emulator> libvirt runs QEMU"},
        {"<emulator>/usr/bin/qemu-system-x86_64</emulator>", "is not xenner"},
        {"<emulator>xenner</emulator>", "not an absolute path"}};

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *xml = g_strdup_printf(
            "\n<domain type='qemu'><memory>65536</memory><os><type>hvm</type><kernel>/k</kernel></os>"
            "<devices>%s</devices></domain>", cases[i][0]);
        assert_issue(xml, XML_ISSUE_ERROR, cases[i][1]);
    }
}

static void vhost(void **state)
{
    assert_issue("<domain type='kvm'><memory>65536</memory><os><type>hvm</type><kernel>/k</kernel></os>"
                 "<devices><emulator>/x</emulator><video/>\n<interface type='bridge'><source bridge='b'/>"
                 "<model type='virtio'/></interface></devices></domain>",
                 XML_ISSUE_NOTE, "/dev/vhost-net");
}

/* What the option parser says, with the element's line when there is one. */
static void xenners_own(void **state)
{
    assert_device("<interface type='network'><source network='lan'/></interface>",
                  "only libvirt knows the bridge");
    assert_issue("\n<domain type='qemu'><memory>65536</memory><vcpu>64</vcpu><os><type>hvm</type>"
                 "<kernel>/k</kernel></os><devices><emulator>/x</emulator></devices></domain>",
                 XML_ISSUE_ERROR, "-smp: a guest has 1 to 32 vCPUs");
}

static void notes(void **state)
{
    static const char *const cases[][2] = {
        {"console=ttyS0", "its console is hvc0"},
        {"quiet", "without console=hvc0"},
        {"console=hvc0 root=/dev/vda1", "disks are xvda"}};

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *xml = g_strdup_printf(
            "<domain type='qemu'><memory>65536</memory><os><type>hvm</type><kernel>/k</kernel>\n"
            "<cmdline>%s</cmdline></os><devices><emulator>/x</emulator></devices></domain>",
            cases[i][0]);
        assert_issue(xml, XML_ISSUE_NOTE, cases[i][1]);
    }
}

/* Each rule's place is one that the walk comes to; a typing error in the table shows here. */
static void table(void **state)
{
    for (unsigned i = 0; i < check_rules_count; i++) {
        const struct check_rule *rule = &check_rules[i];
        assert_true(strlen(rule->path) < 64);
        assert_true(!rule->attr || *rule->attr);
        assert_non_null(rule->text);
        if (rule->values && *rule->values == '!' && !strstr(rule->text, "$"))
            fail_msg("rule %u does not name the value that it refuses", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good),     cmocka_unit_test(devices),   cmocka_unit_test(outside_devices),
        cmocka_unit_test(identity), cmocka_unit_test(emulators), cmocka_unit_test(xenners_own),
        cmocka_unit_test(notes),    cmocka_unit_test(table),     cmocka_unit_test(vhost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
