/* vivm show: a definition, in the form that one asks for. */
#include "libvirt-xml/argv_text.h"
#include "libvirt-xml/xml_check.h"
#include "libvirt-xml/xml_in.h"
#include "vivm/vivm.h"

#include <stdio.h>
#include <string.h>

static void line(const char *what, const char *value)
{
    if (value && *value)
        printf("%-10s %s\n", what, value);
}

static void text_line(const char *what, const xmlNode *domain, const char *path)
{
    g_autofree char *value = xml_text(xml_find(domain, path));

    line(what, value);
}

static char *first_attr(const xmlNode *element)
{
    static const char *const names[] = {"file", "dev", "name", "bridge", "network", "path"};
    char *value = NULL;

    for (unsigned i = 0; i < G_N_ELEMENTS(names) && !value; i++)
        value = xml_attr(element, names[i]);
    return value;
}

static void device_lines(const char *what, const xmlNode *devices, const char *element)
{
    for (const xmlNode *n = xml_child(devices, element); n; n = xml_next(n)) {
        g_autofree char *dev = xml_attr(xml_child(n, "target"), "dev"), *type = xml_attr(n, "type");
        g_autofree char *source = first_attr(xml_child(n, "source"));
        g_autofree char *value = g_strdup_printf("%s%s%s", dev ? dev : type ? type : "",
                                                 source ? " " : "", source ? source : "");
        line(what, value);
    }
}

static void summary(vir_domain *dom, const domain_xml *doc)
{
    const xmlNode *domain = xmlDocGetRootElement(doc), *devices = xml_child(domain, "devices");
    uint64_t bytes;

    text_line("name", domain, "name");
    text_line("uuid", domain, "uuid");
    line("state", virDomainIsActive(dom) == 1 ? "running" : "off");
    if (xml_memory(xml_child(domain, "memory"), &bytes))
        printf("%-10s %" G_GUINT64_FORMAT " MiB\n", "memory", bytes >> 20);
    text_line("vcpus", domain, "vcpu");
    text_line("emulator", devices, "emulator");
    text_line("kernel", domain, "os/kernel");
    text_line("initrd", domain, "os/initrd");
    text_line("append", domain, "os/cmdline");
    device_lines("disk", devices, "disk");
    device_lines("nic", devices, "interface");
    device_lines("screen", devices, "graphics");
    g_autoptr(GPtrArray) issues = domain_check(doc, false);
    for (guint i = 0; i < issues->len; i++) {
        const struct xml_issue *issue = g_ptr_array_index(issues, i);
        line(issue->level == XML_ISSUE_ERROR ? "error" : "note", issue->text);
    }
}

static bool command_line(const domain_xml *doc, const char *name, GError **error)
{
    g_autoptr(GPtrArray) words = NULL, notes = NULL;

    if (!domain_to_argv(doc, name, &words, &notes, error))
        return false;
    g_autofree char *text = argv_to_text(words);
    fputs(text, stdout);
    return true;
}

int cmd_show(const char *uri, int argc, char **argv)
{
    gboolean xml = FALSE, words = FALSE, live = FALSE;
    const GOptionEntry entries[] = {
        {"xml", 'x', 0, G_OPTION_ARG_NONE, &xml, "the XML", NULL},
        {"argv", 'a', 0, G_OPTION_ARG_NONE, &words, "the xenner command line", NULL},
        {"live", 'l', 0, G_OPTION_ARG_NONE, &live, "as it runs, not as of the next start", NULL},
        {NULL}};
    g_autoptr(GError) error = NULL;
    g_auto(vivm_target_auto) t = {0};

    if (!vivm_target(&t, entries, uri, argc, argv))
        return VIVM_BAD;
    g_autofree char *text = conn_xml(t.dom, !live, &error);
    g_autoptr(domain_xml) doc = text ? domain_xml_parse(text, strlen(text), t.name, &error) : NULL;
    if (!doc)
        return vivm_complain(error);
    if (xml)
        fputs(text, stdout);
    else if (!words)
        summary(t.dom, doc);
    else if (!command_line(doc, t.name, &error))
        return vivm_complain(error);
    return VIVM_OK;
}
