/* Consoles, screen and input devices. */
#include "libvirt-xml/xml_out_parts.h"

#include <string.h>

#define VNC_BASE 5900

static const struct chardev_config *find_chardev(const struct vm_config *cfg, const char *id)
{
    for (guint i = 0; i < cfg->chardevs->len; i++) {
        const struct chardev_config *c = g_ptr_array_index(cfg->chardevs, i);
        if (strcmp(c->id, id) == 0)
            return c;
    }
    return NULL; /* not after vm_config_validate() */
}

static void socket_source(struct xml_out *out, xmlNode *dev, const struct chardev_config *c)
{
    xmlNode *source = xml_out_child(out, dev, "source", NULL);

    xml_out_attr(out, source, "mode", c->server ? "bind" : "connect");
    xml_out_path(out, source, "path", c->path);
    if (!c->reconnect)
        return;
    xmlNode *reconnect = xml_out_child(out, source, "reconnect", NULL);
    xml_out_attr(out, reconnect, "enabled", "yes");
    xml_out_attr_number(out, reconnect, "timeout", (uint64_t)c->reconnect);
}

static void stream(struct xml_out *out, xmlNode *dev, const struct chardev_config *c)
{
    static const char *const types[] = {
        [CHARDEV_NULL] = "null", [CHARDEV_STDIO] = "pty", [CHARDEV_PTY] = "pty",
        [CHARDEV_FILE] = "file", [CHARDEV_SOCKET] = "unix"};

    xml_out_attr(out, dev, "type", types[c->kind]);
    if (c->kind == CHARDEV_STDIO)
        xml_out_note(out, "%s: libvirt's guests have no terminal: it is a pty (virsh console)",
                     c->origin.text);
    if (c->kind == CHARDEV_SOCKET && !c->path)
        xml_out_wrong(out, "%s: an inherited descriptor has no form in XML", c->origin.text);
    else if (c->kind == CHARDEV_SOCKET)
        socket_source(out, dev, c);
    if (c->kind == CHARDEV_FILE) {
        xmlNode *source = xml_out_child(out, dev, "source", NULL);
        xml_out_path(out, source, "path", c->path);
        xml_out_attr(out, source, "append", c->append ? "on" : "off");
    }
    if (c->log) {
        xmlNode *log = xml_out_child(out, dev, "log", NULL);
        xml_out_path(out, log, "file", c->log);
        xml_out_attr(out, log, "append", c->log_append ? "on" : "off");
    }
}

/* hvc0 is the serial port; libvirt has the others as virtio consoles. */
void xml_out_consoles(struct xml_out *out, const struct vm_config *cfg)
{
    for (guint i = 0; i < cfg->consoles->len; i++) {
        const struct console_config *c = g_ptr_array_index(cfg->consoles, i);
        xmlNode *dev = xml_out_child(out, out->devices, i ? "console" : "serial", NULL);
        stream(out, dev, find_chardev(cfg, c->chardev));
        xmlNode *target = xml_out_child(out, dev, "target", NULL);
        if (i)
            xml_out_attr(out, target, "type", "virtio");
        xml_out_attr_number(out, target, "port", i);
    }
}

static void vnc_place(struct xml_out *out, xmlNode *graphics, const struct vnc_config *v)
{
    bool any = v->to > v->display;

    if (v->path) {
        xml_out_path(out, graphics, "socket", v->path);
        return;
    }
    if (any)
        xml_out_note(out, "%s: libvirt chooses the port, from 5900 on", v->origin.text);
    xml_out_attr(out, graphics, "autoport", any ? "yes" : "no");
    if (!any)
        xml_out_attr_number(out, graphics, "port", VNC_BASE + v->display);
    xml_out_attr(out, graphics, "listen", v->host && *v->host ? v->host : "127.0.0.1");
}

static void graphics(struct xml_out *out, const struct vnc_config *v, const char *layout)
{
    static const char *const shares[] = {"allow-exclusive", "force-shared", "ignore"};

    if (v->none) {
        xml_out_note(out, "%s is left out: it listens nowhere", v->origin.text);
        return;
    }
    xmlNode *n = xml_out_child(out, out->devices, "graphics", NULL);
    xml_out_attr(out, n, "type", "vnc");
    vnc_place(out, n, v);
    if (v->share != VNC_SHARE_ALLOW_EXCLUSIVE)
        xml_out_attr(out, n, "sharePolicy", shares[v->share]);
    if (strcmp(layout, "us") != 0)
        xml_out_attr(out, n, "keymap", layout);
    if (v->password)
        xml_out_note(out, "%s: the password has to be written into the XML: passwd='...'",
                     v->origin.text);
}

void xml_out_screen(struct xml_out *out, const struct vm_config *cfg)
{
    bool input = cfg->screen.keyboard;
    xmlNode *usb = xml_out_child(out, out->devices, "controller", NULL), *n;

    xml_out_attr(out, usb, "type", "usb");
    xml_out_attr(out, usb, "model", input ? "piix3-uhci" : "none");
    for (guint i = 0; i < cfg->vncs->len; i++)
        graphics(out, g_ptr_array_index(cfg->vncs, i), cfg->screen.layout);
    if (input) {
        n = xml_out_child(out, out->devices, "input", NULL);
        xml_out_attr(out, n, "type", cfg->screen.relative ? "mouse" : "tablet");
        xml_out_attr(out, n, "bus", "usb");
    }
    if (cfg->screen.framebuffer || cfg->vncs->len) {
        n = xml_out_child(out, out->devices, "video", NULL);
        n = xml_out_child(out, n, "model", NULL);
        xml_out_attr(out, n, "type", cfg->screen.framebuffer ? "vga" : "none");
    }
}
