/* <graphics>, <video>, <input> to -vnc, -vga, -device. */
#include "libvirt-xml/xml_in_parts.h"
#include "xenner/config/size.h"

#include <string.h>

#define VNC_BASE 5900

/* Where it listens: a <listen> inside, or the older attribute. */
static char *listen_address(const xmlNode *graphics)
{
    const xmlNode *listen = xml_child(graphics, "listen");
    char *address = xml_attr(listen, "address");

    return address ? address : xml_attr(graphics, "listen");
}

static char *socket_path(const xmlNode *graphics)
{
    const xmlNode *listen = xml_child(graphics, "listen");
    char *path = xml_attr_is(listen, "type", "socket") ? xml_attr(listen, "socket") : NULL;

    return path ? path : xml_attr(graphics, "socket");
}

/* HOST:DISPLAY; without a port of its own it looks for a free one. */
static bool vnc_place(struct xml_in *in, const xmlNode *graphics, GString *list, GError **error)
{
    g_autofree char *path = socket_path(graphics), *host = listen_address(graphics);
    g_autofree char *port = xml_attr(graphics, "port"), *place = NULL;
    bool any = !port || strcmp(port, "-1") == 0 || xml_attr_is(graphics, "autoport", "yes");
    uint64_t n = VNC_BASE;

    if (path) {
        place = g_strdup_printf("unix:%s", path);
        xml_in_key(list, NULL, place);
        return true;
    }
    if (!any && (!number_parse(port, 65535, &n, NULL) || n < VNC_BASE))
        return xml_in_wrong(in, graphics, error, "port='%s': VNC ports are 5900 to 65535", port);
    bool brackets = host && strchr(host, ':');
    place = g_strdup_printf("%s%s%s:%u", brackets ? "[" : "", host ? host : "127.0.0.1",
                            brackets ? "]" : "", (unsigned)(n - VNC_BASE));
    xml_in_key(list, NULL, place);
    if (any)
        xml_in_key(list, "to", "99");
    return true;
}

static bool vnc(struct xml_in *in, const xmlNode *graphics, GError **error)
{
    g_autoptr(GString) list = g_string_new(NULL);
    g_autofree char *password = xml_attr(graphics, "passwd"), *layout = xml_attr(graphics, "keymap");

    if (!vnc_place(in, graphics, list, error))
        return false;
    xml_in_attr_key(list, "share", graphics, "sharePolicy");
    if (password) {
        xml_in_key(list, "password", "on");
        xml_in_note(in, graphics, "nobody gets in before a monitor sets the password: it does not "
                    "go onto a command line");
    }
    xml_in_option(in, "-vnc", list->str);
    if (layout)
        xml_in_option(in, "-k", layout);
    return true;
}

static void input(struct xml_in *in, const xmlNode *element)
{
    static const char *const kinds[][2] = {
        {"tablet", "usb-tablet"}, {"mouse", "usb-mouse"}, {"keyboard", "usb-kbd"}};
    g_autofree char *type = xml_attr(element, "type"), *bus = xml_attr(element, "bus");

    /* a PC has these two anyway, and so has every guest with a screen */
    if (g_strcmp0(bus, "ps2") == 0)
        return;
    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (g_strcmp0(type, kinds[i][0]) == 0) {
            xml_in_option(in, "-device", kinds[i][1]);
            return;
        }
    }
    xml_in_note(in, element, "input of type '%s' is left out", type ? type : "");
}

/* The first <video> decides: a PV guest has one framebuffer. Without any, <graphics> brings one. */
static void video(struct xml_in *in, const xmlNode *devices)
{
    const xmlNode *first = xml_child(devices, "video"), *model = xml_child(first, "model");

    if (!first && !xml_child(devices, "graphics"))
        return;
    if (first && xml_next(first))
        xml_in_note(in, xml_next(first), "a PV guest has one framebuffer");
    xml_in_option(in, "-vga", xml_attr_is(model, "type", "none") ? "none" : "std");
}

bool xml_in_screen(struct xml_in *in, const xmlNode *devices, GError **error)
{
    for (const xmlNode *n = xml_child(devices, "graphics"); n; n = xml_next(n)) {
        g_autofree char *type = xml_attr(n, "type");
        if (g_strcmp0(type, "vnc") != 0)
            xml_in_note(in, n, "graphics of type '%s' is left out: VNC is what there is",
                        type ? type : "");
        else if (!vnc(in, n, error))
            return false;
    }
    video(in, devices);
    for (const xmlNode *n = xml_child(devices, "input"); n; n = xml_next(n))
        input(in, n);
    return true;
}
