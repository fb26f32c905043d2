/* <interface> to -nic. */
#include "libvirt-xml/xml_in_parts.h"

#include <string.h>

/* The bridge of libvirt's own network has a fixed name; those of others only libvirtd knows. */
static bool network(struct xml_in *in, const xmlNode *interface, GString *list, GError **error)
{
    const xmlNode *source = xml_child(interface, "source");
    g_autofree char *name = xml_attr(source, "network");

    if (g_strcmp0(name, "default") != 0)
        return xml_in_wrong(in, interface, error,
                            "only libvirt knows the bridge of network '%s'; say <interface "
                            "type='bridge'>", name ? name : "");
    xml_in_note(in, interface, "network 'default': its bridge, virbr0, is there while libvirtd has "
                "the network active");
    xml_in_key(list, NULL, "bridge");
    xml_in_key(list, "br", "virbr0");
    return true;
}

static void bridge(const xmlNode *interface, GString *list)
{
    xml_in_key(list, NULL, "bridge");
    xml_in_attr_key(list, "br", xml_child(interface, "source"), "bridge");
}

/* A tap: libvirt makes it, or takes one that is there (managed='no'). */
static void ethernet(struct xml_in *in, const xmlNode *interface, GString *list)
{
    const xmlNode *script = xml_child(interface, "script");

    xml_in_key(list, NULL, "tap");
    xml_in_attr_key(list, "ifname", xml_child(interface, "target"), "dev");
    if (!xml_in_attr_key(list, "script", script, "path"))
        xml_in_key(list, "script", "no");
    xml_in_key(list, "downscript", "no");
}

static void address_port(GString *list, const char *key, const xmlNode *element, bool with_address)
{
    g_autofree char *address = xml_attr(element, "address"), *port = xml_attr(element, "port");
    g_autofree char *both = g_strdup_printf("%s:%s", with_address && address ? address : "",
                                            port ? port : "");

    xml_in_key(list, key, both);
}

static void socket_type(const xmlNode *interface, const char *type, GString *list)
{
    const xmlNode *source = xml_child(interface, "source");

    xml_in_key(list, NULL, "socket");
    if (strcmp(type, "server") == 0) {
        address_port(list, "listen", source, true);
    } else if (strcmp(type, "client") == 0) {
        address_port(list, "connect", source, true);
    } else if (strcmp(type, "mcast") == 0) {
        address_port(list, "mcast", source, true);
    } else {
        address_port(list, "udp", source, true);
        address_port(list, "localaddr", xml_child(source, "local"), true);
    }
}

static bool kind(struct xml_in *in, const xmlNode *interface, GString *list, GError **error)
{
    static const char *const sockets[] = {"server", "client", "mcast", "udp", NULL};
    g_autofree char *type = xml_attr(interface, "type");

    if (!type)
        return xml_in_wrong(in, interface, error, "an <interface> without 'type'");
    if (strcmp(type, "network") == 0)
        return network(in, interface, list, error);
    if (strcmp(type, "user") == 0)
        xml_in_key(list, NULL, xml_attr_is(xml_child(interface, "backend"), "type", "passt") ? "passt"
                                                                                       : "user");
    else if (strcmp(type, "bridge") == 0)
        bridge(interface, list);
    else if (strcmp(type, "ethernet") == 0)
        ethernet(in, interface, list);
    else if (g_strv_contains(sockets, type))
        socket_type(interface, type, list);
    else
        return xml_in_wrong(in, interface, error, "an <interface> of type '%s' has no meaning for a "
                            "PV guest's network", type);
    return true;
}

bool xml_in_interface(struct xml_in *in, const xmlNode *interface, GError **error)
{
    g_autoptr(GString) list = g_string_new(NULL);

    if (!kind(in, interface, list, error))
        return false;
    xml_in_attr_key(list, "mac", xml_child(interface, "mac"), "address");
    xml_in_option(in, "-nic", list->str);
    return true;
}
