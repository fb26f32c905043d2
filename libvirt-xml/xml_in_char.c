/*
 * <serial> and <console> to -serial. libvirt writes the first serial port a second time, as a
 * <console> of target type "serial": the same thing, not another one.
 */
#include "libvirt-xml/xml_in_parts.h"

#include <string.h>

/* "on" and "off" of <source mode=... > */
static bool socket_keys(struct xml_in *in, const xmlNode *dev, GString *list, GError **error)
{
    const xmlNode *source = xml_child(dev, "source");
    bool server = xml_attr_is(source, "mode", "bind");

    if (!xml_in_attr_key(list, "path", source, "path"))
        return xml_in_wrong(in, dev, error, "a console on a Unix socket needs <source path=...>");
    if (server) {
        xml_in_key(list, "server", "on");
        xml_in_key(list, "wait", "off");
    }
    return true;
}

static bool backend(struct xml_in *in, const xmlNode *dev, const char *id, GString *list,
                    GError **error)
{
    static const char *const plain[] = {"pty", "null", "stdio", NULL};
    g_autofree char *type = xml_attr(dev, "type");
    const xmlNode *source = xml_child(dev, "source");

    if (!type)
        type = g_strdup("pty");
    if (strcmp(type, "unix") == 0)
        xml_in_key(list, NULL, "socket");
    else if (strcmp(type, "file") == 0 || g_strv_contains(plain, type))
        xml_in_key(list, NULL, type);
    else
        return xml_in_wrong(in, dev, error, "a console of type '%s': pty, file, unix, stdio and null "
                            "are what there is", type);
    xml_in_key(list, "id", id);
    if (strcmp(type, "unix") == 0)
        return socket_keys(in, dev, list, error);
    if (strcmp(type, "file") != 0)
        return true;
    if (!xml_in_attr_key(list, "path", source, "path"))
        return xml_in_wrong(in, dev, error, "a console in a file needs <source path=...>");
    if (xml_attr_is(source, "append", "on"))
        xml_in_key(list, "append", "on");
    return true;
}

static bool one(struct xml_in *in, const xmlNode *dev, GError **error)
{
    const xmlNode *log = xml_child(dev, "log");
    g_autofree char *id = g_strdup_printf("console%u", in->chardevs);
    g_autofree char *use = g_strdup_printf("chardev:%s", id);
    g_autoptr(GString) list = g_string_new(NULL);

    if (!backend(in, dev, id, list, error))
        return false;
    if (xml_in_attr_key(list, "logfile", log, "file") && !xml_attr_is(log, "append", "off"))
        xml_in_key(list, "logappend", "on");
    in->chardevs++;
    xml_in_option(in, "-chardev", list->str);
    xml_in_option(in, "-serial", use);
    return true;
}

static bool is_serial(const xmlNode *console)
{
    g_autofree char *type = xml_attr(xml_child(console, "target"), "type");

    return !type || strcmp(type, "serial") == 0;
}

bool xml_in_consoles(struct xml_in *in, const xmlNode *devices, GError **error)
{
    bool first = true;

    for (const xmlNode *n = xml_child(devices, "serial"); n; n = xml_next(n)) {
        if (!one(in, n, error))
            return false;
    }
    for (const xmlNode *n = xml_child(devices, "console"); n; n = xml_next(n)) {
        bool again = first && in->chardevs && is_serial(n);
        first = false;
        if (!again && !one(in, n, error))
            return false;
    }
    if (!in->chardevs)
        xml_in_option(in, "-serial", "none");
    return true;
}
