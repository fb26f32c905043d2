/*
 * Any bytes as a domain XML: refused in one line, or checked and translated; and a command line that
 * comes out gives a domain whose own command line is stable.
 */
#include "fuzz.h"

#include "libvirt-xml/xml_check.h"
#include "libvirt-xml/xml_in.h"
#include "libvirt-xml/xml_out.h"
#include "qemu-compat/options.h"

#include <stdlib.h>
#include <string.h>

static void check_line(const char *text)
{
    if (!text || !*text || !g_utf8_validate(text, -1, NULL))
        abort();
    for (const char *c = text; *c; c++) {
        if (g_ascii_iscntrl(*c))
            abort();
    }
}

static void check_issues(const domain_xml *doc)
{
    g_autoptr(GPtrArray) issues = domain_check(doc, false);

    for (guint i = 0; i < issues->len; i++)
        check_line(((struct xml_issue *)g_ptr_array_index(issues, i))->text);
}

/* NULL: refused. */
static GPtrArray *to_argv(const domain_xml *doc)
{
    g_autoptr(GPtrArray) notes = NULL;
    g_autoptr(GError) error = NULL;
    GPtrArray *argv = NULL;

    if (!domain_to_argv(doc, "f", &argv, &notes, &error))
        check_line(error->message);
    return argv;
}

/* What to_argv gave is a command line; it may have texts that XML can't hold, by <qemu:arg>. */
static void there_and_back(const GPtrArray *argv)
{
    g_autoptr(GPtrArray) notes = NULL, again = NULL;
    g_autoptr(GError) error = NULL;
    struct vm_config *cfg;
    struct front_request req;

    if (!qemu_options_parse((int)argv->len, (char *const *)argv->pdata, &cfg, &req, &error))
        abort();
    g_autoptr(domain_xml) doc = req.help || cfg->none
                                    ? NULL
                                    : domain_from_config(cfg, "/usr/bin/xenner", &notes, &error);
    vm_config_free(cfg);
    front_request_clear(&req);
    if (!doc) {
        if (error)
            check_line(error->message);
        return;
    }
    g_autofree char *text = domain_xml_text(doc);
    g_autoptr(domain_xml) read = domain_xml_parse(text, strlen(text), "f", &error);
    if (!read && strlen(text) < DOMAIN_XML_MAX)
        abort();
    if (read)
        again = to_argv(read);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(domain_xml) doc = domain_xml_parse((const char *)data, size, "f", &error);

    if (!doc) {
        check_line(error->message);
        return 0;
    }
    check_issues(doc);
    g_autoptr(GPtrArray) argv = to_argv(doc);
    if (argv)
        there_and_back(argv);
    return 0;
}

void fuzz_seeds(fuzz_seed_fn add, void *opaque)
{
    static const char *const texts[] = {
        "<domain type='qemu'><name>a,b</name><memory unit='MiB'>64</memory><vcpu current='1'>2</vcpu>"
        "<os><type arch='x86_64' machine='pc'>hvm</type><kernel>/k</kernel><cmdline>x y</cmdline></os>"
        "<devices><emulator>/x</emulator></devices></domain>",
        "<domain type='kvm'><memory>65536</memory><devices><disk type='file' device='disk'><driver "
        "name='qemu' type='qcow2' cache='none'/><source file='/a,b'/><target dev='xvdc' bus='xen'/>"
        "<iotune><read_iops_sec>5</read_iops_sec></iotune></disk><disk device='cdrom'><source "
        "file='/c'/></disk></devices></domain>",
        "<domain type='qemu'><memory>65536</memory><devices><interface type='user'><mac "
        "address='00:16:3e:00:00:01'/></interface><interface type='bridge'><source bridge='b'/>"
        "</interface><interface type='udp'><source address='1.2.3.4' port='5'><local port='6'/>"
        "</source></interface></devices></domain>",
        "<domain type='qemu'><memory>65536</memory><devices><serial type='pty'><log file='/l'/>"
        "</serial><console type='unix'><source mode='bind' path='/s'/><target type='virtio'/>"
        "</console><graphics type='vnc' port='5901' keymap='de'><listen type='socket' socket='/v'/>"
        "</graphics><video><model type='vga'/></video><input type='mouse' bus='usb'/></devices>"
        "</domain>",
        "<domain xmlns:qemu='" DOMAIN_XML_QEMU_NS "' type='xen'><memory unit='b'>99999999</memory>"
        "<qemu:commandline><qemu:arg value='-nic'/><qemu:arg value='user,hostname=&#65;'/>"
        "</qemu:commandline></domain>",
        "<!DOCTYPE d [<!ENTITY a 'aa'><!ENTITY b '&a;&a;'>]><domain>&b;</domain>",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autofree char *name = g_strdup_printf("xml%zu", i);
        add(opaque, name, texts[i], strlen(texts[i]));
    }
}
