#include "libvirt-xml/xml_out_parts.h"
#include "xenner/util/printable.h"

#include <gio/gio.h>
#include <string.h>

/* What XML 1.0 can hold: no control characters but tab and line feed, no surrogates, no U+FFFE. */
static bool holds(const char *text)
{
    if (!g_utf8_validate(text, -1, NULL))
        return false;
    for (const char *c = text; *c; c = g_utf8_next_char(c)) {
        gunichar u = g_utf8_get_char(c);
        if ((u < 0x20 && u != '\t' && u != '\n') || u == 0xfffe || u == 0xffff)
            return false;
    }
    return true;
}

void xml_out_wrong(struct xml_out *out, const char *fmt, ...)
{
    va_list ap;

    if (out->error)
        return;
    va_start(ap, fmt);
    out->error = g_error_new_valist(G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, fmt, ap);
    va_end(ap);
    error_make_printable(out->error);
}

void xml_out_note(struct xml_out *out, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    text_make_printable(&text);
    g_ptr_array_add(out->notes, text);
}

static const xmlChar *checked(struct xml_out *out, const char *text)
{
    if (text && !holds(text)) {
        xml_out_wrong(out, "'%s': not a text that XML can hold", text);
        return (const xmlChar *)"";
    }
    return (const xmlChar *)text;
}

xmlNode *xml_out_child(struct xml_out *out, xmlNode *parent, const char *name, const char *text)
{
    return xmlNewTextChild(parent, NULL, (const xmlChar *)name, checked(out, text));
}

void xml_out_attr(struct xml_out *out, xmlNode *element, const char *name, const char *value)
{
    if (value)
        xmlNewProp(element, (const xmlChar *)name, checked(out, value));
}

void xml_out_attr_number(struct xml_out *out, xmlNode *element, const char *name, uint64_t value)
{
    g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, value);

    xml_out_attr(out, element, name, text);
}

void xml_out_path(struct xml_out *out, xmlNode *element, const char *attr, const char *path)
{
    g_autofree char *full = g_canonicalize_filename(path, NULL);

    if (attr)
        xml_out_attr(out, element, attr, full);
    else
        xmlNodeAddContent(element, checked(out, full));
}

void xml_out_pass(struct xml_out *out, const char *origin)
{
    const char *blank = strchr(origin, ' ');
    g_autofree char *option = blank ? g_strndup(origin, (gsize)(blank - origin)) : g_strdup(origin);

    for (guint i = 0; blank && i + 1 < out->passed->len; i++) {
        if (strcmp(g_ptr_array_index(out->passed, i), option) == 0 &&
            strcmp(g_ptr_array_index(out->passed, i + 1), blank + 1) == 0)
            return;
    }
    g_ptr_array_add(out->passed, g_steal_pointer(&option));
    if (blank)
        g_ptr_array_add(out->passed, g_strdup(blank + 1));
}

static void number_child(struct xml_out *out, xmlNode *parent, const char *name, uint64_t value)
{
    g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, value);

    xml_out_child(out, parent, name, text);
}

static void identity(struct xml_out *out, xmlNode *domain, const struct vm_config *cfg)
{
    bool kvm = cfg->accels && cfg->accels[0] && strcmp(cfg->accels[0], "kvm") == 0;

    xml_out_attr(out, domain, "type", kvm ? "kvm" : "qemu");
    if (cfg->accels && cfg->accels[0] && cfg->accels[1])
        xml_out_note(out, "libvirt takes one accelerator: %s", kvm ? "kvm" : "tcg");
    xml_out_child(out, domain, "name", cfg->name && *cfg->name ? cfg->name : "xenner");
    if (cfg->uuid)
        xml_out_child(out, domain, "uuid", cfg->uuid);
    number_child(out, domain, "memory", cfg->memory.bytes >> 10);
    xml_out_attr(out, domain->last, "unit", "KiB");
    number_child(out, domain, "vcpu", cfg->vcpus.max);
    if (cfg->vcpus.count != cfg->vcpus.max)
        xml_out_attr_number(out, domain->last, "current", cfg->vcpus.count);
}

static void boot(struct xml_out *out, xmlNode *domain, const struct vm_config *cfg)
{
    xmlNode *os = xml_out_child(out, domain, "os", NULL);
    xmlNode *type = xml_out_child(out, os, "type", "hvm");

    xml_out_attr(out, type, "arch", "x86_64");
    xml_out_attr(out, type, "machine", "pc");
    if (!cfg->boot.kernel && cfg->boot.loader) {
        xmlNode *loader = xml_out_child(out, os, "loader", NULL);
        xml_out_attr(out, loader, "type", "rom");
        xml_out_path(out, loader, NULL, cfg->boot.loader);
    }
    if (cfg->boot.kernel)
        xml_out_path(out, xml_out_child(out, os, "kernel", NULL), NULL, cfg->boot.kernel);
    if (cfg->boot.initrd)
        xml_out_path(out, xml_out_child(out, os, "initrd", NULL), NULL, cfg->boot.initrd);
    if (*cfg->boot.cmdline)
        xml_out_child(out, os, "cmdline", cfg->boot.cmdline);
}

static void ends(struct xml_out *out, xmlNode *domain, const struct vm_config *cfg)
{
    xml_out_child(out, domain, "on_reboot", cfg->on.reboot == ACT_POWEROFF ? "destroy" : "restart");
    xml_out_child(out, domain, "on_crash", cfg->on.panic == ACT_RESET   ? "restart"
                                           : cfg->on.panic == ACT_PAUSE ? "preserve"
                                                                        : "destroy");
    if (cfg->on.panic == ACT_NONE)
        xml_out_note(out, "-action panic=none has no form in XML: on_crash is 'destroy'");
}

/* Of -machine, what is xenner's own. */
static void machine(struct xml_out *out, const struct vm_config *cfg)
{
    static const char *const rings[] = {
        [KERNEL_RING_1] = "kernel-ring=1", [KERNEL_RING_3] = "kernel-ring=3"};
    static const char *const tables[] = {
        [USER_TABLES_SHARED] = "user-tables=shared", [USER_TABLES_SPLIT] = "user-tables=split"};
    static const char *const backends[] = {
        [DEVICE_BACKEND_KERNEL] = "kernel", [DEVICE_BACKEND_XENNER] = "xenner"};
    g_autofree char *origin = NULL;

    if (cfg->kernel_ring != KERNEL_RING_AUTO || cfg->user_tables != USER_TABLES_AUTO) {
        const char *ring = rings[cfg->kernel_ring];
        const char *table = tables[cfg->user_tables];
        origin = g_strdup_printf("-machine %s%s%s", ring ? ring : "", ring && table ? "," : "",
                                 table ? table : "");
        xml_out_pass(out, origin);
    }
    if (cfg->boot.direct && !cfg->boot.kernel)
        xml_out_pass(out, "-machine bootloader=direct");
    if (cfg->backends.disk) {
        g_autofree char *disks = g_strdup_printf("-machine disk-backend=%s", backends[cfg->backends.disk]);
        xml_out_pass(out, disks);
    }
    if (cfg->backends.net) {
        g_autofree char *nets = g_strdup_printf("-machine net-backend=%s", backends[cfg->backends.net]);
        xml_out_pass(out, nets);
    }
    if (cfg->debug) {
        g_autofree char *debug = g_strdup_printf("-d %s", cfg->debug);
        xml_out_pass(out, debug);
    }
    if (cfg->debug_file) {
        g_autofree char *full = g_canonicalize_filename(cfg->debug_file, NULL);
        g_autofree char *file = g_strdup_printf("-D %s", full);
        xml_out_pass(out, file);
    }
}

static void left_out(struct xml_out *out, const struct vm_config *cfg)
{
    if (cfg->monitors->len)
        xml_out_note(out, "monitors are left out: libvirt has its own (virsh qemu-monitor-command)");
    if (cfg->pidfile)
        xml_out_note(out, "-pidfile is left out: libvirt has its own");
    if (cfg->start_paused)
        xml_out_note(out, "-S is left out: virsh start --paused");
    if (cfg->confine.runas || cfg->confine.root)
        xml_out_note(out, "-runas and -chroot are left out: libvirt's qemu.conf has user and namespaces");
    if (cfg->soft_quit.on)
        xml_out_note(out, "soft-quit is left out: libvirt asks the guest itself (virsh shutdown)");
}

static void devices(struct xml_out *out, const struct vm_config *cfg, const char *emulator)
{
    xml_out_path(out, xml_out_child(out, out->devices, "emulator", NULL), NULL, emulator);
    for (guint i = 0; i < cfg->disks->len; i++)
        xml_out_disk(out, g_ptr_array_index(cfg->disks, i));
    for (guint i = 0; i < cfg->nics->len; i++)
        xml_out_nic(out, cfg, g_ptr_array_index(cfg->nics, i));
    xml_out_consoles(out, cfg);
    xml_out_screen(out, cfg);
    xml_out_attr(out, xml_out_child(out, out->devices, "memballoon", NULL), "model", "virtio");
}

static void passed_on(struct xml_out *out, xmlNode *domain)
{
    if (!out->passed->len)
        return;
    xmlNs *ns = xmlNewNs(domain, (const xmlChar *)DOMAIN_XML_QEMU_NS, (const xmlChar *)"qemu");
    xmlNode *list = xmlNewChild(domain, ns, (const xmlChar *)"commandline", NULL);
    for (guint i = 0; i < out->passed->len; i++) {
        xmlNode *arg = xmlNewChild(list, ns, (const xmlChar *)"arg", NULL);
        xml_out_attr(out, arg, "value", g_ptr_array_index(out->passed, i));
    }
}

domain_xml *domain_from_config(const struct vm_config *cfg, const char *emulator,
                               GPtrArray **ret_notes, GError **error)
{
    g_autoptr(domain_xml) doc = xmlNewDoc((const xmlChar *)"1.0");
    xmlNode *domain = xmlNewDocNode(doc, NULL, (const xmlChar *)"domain", NULL);
    struct xml_out out = {.passed = g_ptr_array_new_with_free_func(g_free),
                          .notes = g_ptr_array_new_with_free_func(g_free)};

    xmlDocSetRootElement(doc, domain);
    identity(&out, domain, cfg);
    boot(&out, domain, cfg);
    ends(&out, domain, cfg);
    out.devices = xml_out_child(&out, domain, "devices", NULL);
    devices(&out, cfg, emulator);
    machine(&out, cfg);
    left_out(&out, cfg);
    passed_on(&out, domain);
    g_ptr_array_unref(out.passed);
    if (out.error) {
        g_ptr_array_unref(out.notes);
        g_propagate_error(error, out.error);
        return NULL;
    }
    *ret_notes = out.notes;
    return g_steal_pointer(&doc);
}

/* Without the XML declaration, as virsh dumpxml has it. */
char *domain_xml_text(domain_xml *doc)
{
    xmlBuffer *buffer = xmlBufferCreate();

    xmlNodeDump(buffer, doc, xmlDocGetRootElement(doc), 0, 1);
    char *text = g_strconcat((const char *)xmlBufferContent(buffer), "\n", NULL);
    xmlBufferFree(buffer);
    return text;
}
