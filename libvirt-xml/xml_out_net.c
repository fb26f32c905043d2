/* struct nic_config and its struct netdev_config to <interface>, or passed on as they were given. */
#include "libvirt-xml/xml_out_parts.h"

#include <string.h>

/* libvirt's XML (9.0) knows nothing of what libslirp can do. */
static bool user_is_plain(const struct netdev_user *u)
{
    return !u->restricted && u->ipv4 && u->ipv6 && !u->net && !u->host && !u->dhcpstart && !u->dns &&
           !u->hostname && !u->domainname && !u->tftp && !u->bootfile && !u->tftp_server &&
           !u->ipv6_net && !u->ipv6_host && !u->ipv6_dns && !u->dnssearch->len && !u->hostfwd->len &&
           !u->guestfwd->len;
}

static bool is_inet(const struct net_address *a)
{
    return !a->path && a->fd < 0;
}

static bool has_form(const struct nic_config *nic, const struct netdev_config *n)
{
    if (!n || nic->queues > 1 || nic->backend)
        return false;
    switch (n->kind) {
    case NETDEV_USER:
        return user_is_plain(&n->user);
    case NETDEV_TAP:
        return !n->tap.fds->len && n->tap.queues == 1 && !n->tap.downscript && !n->tap.helper;
    case NETDEV_BRIDGE:
        return true;
    case NETDEV_STREAM:
        return is_inet(&n->socket.local) && is_inet(&n->socket.remote) && !n->socket.reconnect;
    case NETDEV_DGRAM:
        return is_inet(&n->socket.local) && is_inet(&n->socket.remote);
    case NETDEV_PASST:
        return false;
    }
    return false;
}

static void address(struct xml_out *out, xmlNode *element, const struct net_address *a)
{
    xml_out_attr(out, element, "address", a->host);
    xml_out_attr(out, element, "port", a->port);
}

static const char *socket_source(struct xml_out *out, xmlNode *interface,
                                 const struct netdev_config *n)
{
    const struct netdev_socket *k = &n->socket;
    xmlNode *source = xml_out_child(out, interface, "source", NULL);

    if (n->kind == NETDEV_STREAM) {
        address(out, source, k->server ? &k->local : &k->remote);
        return k->server ? "server" : "client";
    }
    address(out, source, &k->remote);
    if (k->udp_multicast)
        return "mcast";
    address(out, xml_out_child(out, source, "local", NULL), &k->local);
    return "udp";
}

static const char *network(struct xml_out *out, xmlNode *interface, const struct netdev_config *n)
{
    switch (n->kind) {
    case NETDEV_BRIDGE:
        xml_out_attr(out, xml_out_child(out, interface, "source", NULL), "bridge", n->tap.bridge);
        return "bridge";
    case NETDEV_TAP:
        if (n->tap.ifname)
            xml_out_attr(out, xml_out_child(out, interface, "target", NULL), "dev", n->tap.ifname);
        if (n->tap.script)
            xml_out_path(out, xml_out_child(out, interface, "script", NULL), "path", n->tap.script);
        return "ethernet";
    case NETDEV_STREAM:
    case NETDEV_DGRAM:
        return socket_source(out, interface, n);
    case NETDEV_USER:
    case NETDEV_PASST:
        break;
    }
    return "user";
}

/* The addresses that NICs without one get are each guest's: libvirt gives better ones. */
static bool own_mac(const struct nic_config *nic)
{
    static const uint8_t given[5] = {0x52, 0x54, 0x00, 0x12, 0x34};

    return nic->has_mac && memcmp(nic->mac, given, sizeof(given)) != 0;
}

void xml_out_nic(struct xml_out *out, const struct vm_config *cfg, const struct nic_config *nic)
{
    const struct netdev_config *n = nic->netdev ? netdev_config_find(cfg->netdevs, nic->netdev) : NULL;

    if (n && n->kind == NETDEV_TAP && n->tap.fds->len) {
        xml_out_wrong(out, "%s: an inherited descriptor has no form in XML", n->origin);
        return;
    }
    if (!has_form(nic, n)) {
        if (n)
            xml_out_pass(out, n->origin);
        xml_out_pass(out, nic->origin);
        return;
    }
    xmlNode *interface = xml_out_child(out, out->devices, "interface", NULL);
    xml_out_attr(out, interface, "type", network(out, interface, n));
    if (own_mac(nic)) {
        const uint8_t *m = nic->mac;
        g_autofree char *mac = g_strdup_printf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3],
                                               m[4], m[5]);
        xml_out_attr(out, xml_out_child(out, interface, "mac", NULL), "address", mac);
    }
    xml_out_attr(out, xml_out_child(out, interface, "model", NULL), "type", "netfront");
}
