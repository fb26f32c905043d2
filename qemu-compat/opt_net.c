/* -netdev, -nic, -net and -device xen-net-device: networks and the NICs on them. */
#include "qemu-compat/optlist.h"
#include "xenner/config/size.h"

#include <stdio.h>
#include <string.h>

static void take_text(struct keyval *kv, const char *key, char **to)
{
    const char *text = keyval_get(kv, key);

    if (!text)
        return;
    g_free(*to);
    *to = g_strdup(text);
}

/* Every value of a key that may be given more than once. */
static void take_list(struct keyval *kv, const char *key, GPtrArray *to)
{
    if (!keyval_get(kv, key))
        return;
    for (guint i = 0; i < kv->keys->len; i++) {
        if (strcmp(g_ptr_array_index(kv->keys, i), key) == 0)
            g_ptr_array_add(to, g_strdup(g_ptr_array_index(kv->values, i)));
    }
}

/* A number of at most max; leaves *to alone when there is no such key. */
static bool take_number(struct keyval *kv, const char *key, unsigned max, unsigned *to,
                        GError **error)
{
    const char *text = keyval_get(kv, key);
    uint64_t n;

    if (!text)
        return true;
    if (!number_parse(text, max, &n, error)) {
        g_prefix_error(error, "%s=", key);
        return false;
    }
    *to = (unsigned)n;
    return true;
}

static bool user_keys(struct keyval *kv, struct netdev_user *u, GError **error)
{
    g_autofree char *prefix = NULL, *prefixlen = NULL;

    if (!keyval_get_switch(kv, "restrict", &u->restricted, error) ||
        !keyval_get_switch(kv, "ipv4", &u->ipv4, error) ||
        !keyval_get_switch(kv, "ipv6", &u->ipv6, error))
        return false;
    take_text(kv, "net", &u->net);
    take_text(kv, "host", &u->host);
    take_text(kv, "dhcpstart", &u->dhcpstart);
    take_text(kv, "dns", &u->dns);
    take_text(kv, "hostname", &u->hostname);
    take_text(kv, "domainname", &u->domainname);
    take_text(kv, "tftp", &u->tftp);
    take_text(kv, "bootfile", &u->bootfile);
    take_text(kv, "tftp-server-name", &u->tftp_server);
    take_text(kv, "ipv6-net", &u->ipv6_net);
    take_text(kv, "ipv6-prefix", &prefix);
    take_text(kv, "ipv6-prefixlen", &prefixlen);
    take_text(kv, "ipv6-host", &u->ipv6_host);
    take_text(kv, "ipv6-dns", &u->ipv6_dns);
    take_list(kv, "dnssearch", u->dnssearch);
    take_list(kv, "hostfwd", u->hostfwd);
    take_list(kv, "guestfwd", u->guestfwd);
    if ((prefix || prefixlen) && u->ipv6_net)
        return opt_error(error, "ipv6-net= and ipv6-prefix= are two forms of the same");
    if (prefix || prefixlen)
        u->ipv6_net = g_strdup_printf("%s/%s", prefix ? prefix : "fec0::",
                                      prefixlen ? prefixlen : "64");
    return true;
}

/* "no" means none. */
static void take_script(struct keyval *kv, const char *key, char **to)
{
    take_text(kv, key, to);
    if (*to && strcmp(*to, "no") == 0)
        g_clear_pointer(to, g_free);
}

static bool tap_fds(struct keyval *kv, struct netdev_tap *t, GError **error)
{
    const char *fd = keyval_get(kv, "fd"), *fds = keyval_get(kv, "fds");
    static const char *const others[] = {"ifname", "script", "downscript", "helper", "queues"};

    if (!fd && !fds)
        return true;
    if (fd && fds)
        return opt_error(error, "fd= and fds= can't be used together");
    for (unsigned i = 0; i < G_N_ELEMENTS(others); i++) {
        if (keyval_get(kv, others[i]))
            return opt_error(error, "ifname=, script=, downscript=, helper= and queues= are invalid "
                             "with %s=", fd ? "fd" : "fds");
    }
    g_auto(GStrv) list = g_strsplit(fd ? fd : fds, ":", -1);
    for (unsigned i = 0; list[i]; i++) {
        uint64_t n;
        if (!number_parse(list[i], 65535, &n, NULL))
            return opt_error(error, "Invalid file descriptor number '%s'", list[i]);
        g_ptr_array_add(t->fds, g_strdup(list[i]));
    }
    t->queues = t->fds->len;
    return true;
}

static bool tap_keys(struct keyval *kv, struct netdev_tap *t, GError **error)
{
    const char *vhost = keyval_get(kv, "vhost");

    t->script = g_strdup("/etc/qemu-ifup"); /* QEMU's, so that both get into the same network */
    t->downscript = g_strdup("/etc/qemu-ifdown");
    t->vnet_hdr_forced = keyval_get(kv, "vnet_hdr") != NULL;
    if (!keyval_get_switch(kv, "vnet_hdr", &t->vnet_hdr, error) || !tap_fds(kv, t, error) ||
        !take_number(kv, "queues", NET_MAX_QUEUES, &t->queues, error))
        return false;
    t->vnet_hdr_forced = t->vnet_hdr_forced && t->vnet_hdr;
    if (vhost && strcmp(vhost, "off") != 0)
        return opt_error(error, "vhost= is not for PV network devices");
    if (!t->queues || t->queues > NET_MAX_QUEUES)
        return opt_error(error, "a tap has 1 to %d queues", NET_MAX_QUEUES);
    keyval_get(kv, "sndbuf");
    take_text(kv, "ifname", &t->ifname);
    take_script(kv, "script", &t->script);
    take_script(kv, "downscript", &t->downscript);
    take_text(kv, "helper", &t->helper);
    take_text(kv, "br", &t->bridge);
    if (t->fds->len || t->helper) {
        g_clear_pointer(&t->script, g_free);
        g_clear_pointer(&t->downscript, g_free);
    }
    return true;
}

static bool bridge_keys(struct keyval *kv, struct netdev_tap *t, GError **error)
{
    t->helper = g_strdup("/usr/lib/qemu/qemu-bridge-helper");
    t->bridge = g_strdup("br0");
    take_text(kv, "helper", &t->helper);
    take_text(kv, "br", &t->bridge);
    return true;
}

/* addr.type=inet|unix|fd and what belongs to it, under the name prefix. */
static bool address_keys(struct keyval *kv, const char *prefix, struct net_address *a, bool *there,
                         GError **error)
{
    g_autofree char *type_key = g_strdup_printf("%s.type", prefix);
    g_autofree char *host_key = g_strdup_printf("%s.host", prefix);
    g_autofree char *port_key = g_strdup_printf("%s.port", prefix);
    g_autofree char *path_key = g_strdup_printf("%s.path", prefix);
    g_autofree char *str_key = g_strdup_printf("%s.str", prefix);
    const char *type = keyval_get(kv, type_key), *str;
    uint64_t n;

    *there = type != NULL;
    if (!type)
        return true;
    if (strcmp(type, "inet") == 0) {
        take_text(kv, host_key, &a->host);
        take_text(kv, port_key, &a->port);
        if (!a->host || !a->port)
            return opt_error(error, "Parameter '%s' is missing", a->host ? port_key : host_key);
    } else if (strcmp(type, "unix") == 0) {
        take_text(kv, path_key, &a->path);
        if (!a->path)
            return opt_error(error, "Parameter '%s' is missing", path_key);
    } else if (strcmp(type, "fd") == 0) {
        if (!(str = keyval_get(kv, str_key)))
            return opt_error(error, "Parameter '%s' is missing", str_key);
        if (!number_parse(str, 65535, &n, NULL))
            return opt_error(error, "Invalid file descriptor number '%s'", str);
        a->fd = (int)n;
    } else {
        return opt_error(error, "Parameter 'type' does not accept value '%s'", type);
    }
    return true;
}

static bool stream_keys(struct keyval *kv, struct netdev_socket *k, GError **error)
{
    bool there;

    if (!keyval_get_switch(kv, "server", &k->server, error) ||
        !take_number(kv, "reconnect", 86400, &k->reconnect, error) ||
        !address_keys(kv, "addr", k->server ? &k->local : &k->remote, &there, error))
        return false;
    if (!there)
        return opt_error(error, "Parameter 'addr' is missing");
    if (k->server && k->reconnect)
        return opt_error(error, "'reconnect' option is incompatible with socket in server mode");
    return true;
}

static bool dgram_keys(struct keyval *kv, struct netdev_socket *k, GError **error)
{
    bool local, remote;

    if (!address_keys(kv, "local", &k->local, &local, error) ||
        !address_keys(kv, "remote", &k->remote, &remote, error))
        return false;
    if (!local)
        return opt_error(error, "dgram requires local= parameter");
    if (k->local.fd < 0 && !remote)
        return opt_error(error, "type=inet or type=unix requires remote parameter");
    return true;
}

/* [HOST]:PORT */
static bool host_port(const char *text, struct net_address *a, const char *default_host,
                      GError **error)
{
    const char *colon = strrchr(text, ':');

    if (!colon)
        return opt_error(error, "host address '%s' doesn't contain ':' separating host from port",
                         text);
    a->host = colon == text ? g_strdup(default_host) : g_strndup(text, (gsize)(colon - text));
    a->port = g_strdup(colon + 1);
    return true;
}

/* The older form of stream and dgram: fd=, listen=, connect=, mcast=, udp= with localaddr=. */
static bool socket_keys(struct keyval *kv, struct netdev_config *n, GError **error)
{
    const char *fd = keyval_get(kv, "fd"), *listen = keyval_get(kv, "listen"),
               *connect = keyval_get(kv, "connect"), *mcast = keyval_get(kv, "mcast"),
               *udp = keyval_get(kv, "udp"), *local = keyval_get(kv, "localaddr");
    struct netdev_socket *k = &n->socket;
    uint64_t number;

    if (!!fd + !!listen + !!connect + !!mcast + !!udp != 1)
        return opt_error(error, "exactly one of fd=, listen=, connect=, mcast= or udp= is required");
    if (local && !mcast && !udp)
        return opt_error(error, "localaddr= is only valid with mcast= or udp=");
    if (fd) {
        if (!number_parse(fd, 65535, &number, NULL))
            return opt_error(error, "Invalid file descriptor number '%s'", fd);
        k->remote.fd = (int)number;
        return true;
    }
    if (listen || connect) {
        k->server = listen != NULL;
        return host_port(listen ? listen : connect, listen ? &k->local : &k->remote,
                         listen ? "0.0.0.0" : "127.0.0.1", error);
    }
    n->kind = NETDEV_DGRAM;
    k->udp_multicast = mcast != NULL;
    if (udp && !local)
        return opt_error(error, "localaddr= is mandatory with udp=");
    if (mcast && local)
        k->local.host = g_strdup(local);
    else if (udp && !host_port(local, &k->local, "0.0.0.0", error))
        return false;
    return host_port(mcast ? mcast : udp, &k->remote, "127.0.0.1", error);
}

static const struct {
    const char *name;
    enum netdev_kind kind;
} kinds[] = {
    {"user", NETDEV_USER}, {"tap", NETDEV_TAP}, {"bridge", NETDEV_BRIDGE}, {"socket", NETDEV_STREAM},
    {"stream", NETDEV_STREAM}, {"dgram", NETDEV_DGRAM}, {"passt", NETDEV_PASST},
};

static bool kind_keys(struct keyval *kv, const char *type, struct netdev_config *n, GError **error)
{
    if (strcmp(type, "socket") == 0)
        return socket_keys(kv, n, error);
    switch (n->kind) {
    case NETDEV_USER:
        return user_keys(kv, &n->user, error);
    case NETDEV_TAP:
        return tap_keys(kv, &n->tap, error);
    case NETDEV_BRIDGE:
        return bridge_keys(kv, &n->tap, error);
    case NETDEV_STREAM:
        return stream_keys(kv, &n->socket, error);
    case NETDEV_DGRAM:
        return dgram_keys(kv, &n->socket, error);
    case NETDEV_PASST:
        return true;
    }
    return false;
}

/* A netdev of the list's "type", without an id yet. */
static struct netdev_config *new_netdev(struct option_state *s, const char *option, const char *value,
                                        struct keyval *kv, GError **error)
{
    const char *type = keyval_get(kv, "type");
    unsigned i = 0;

    if (!type) {
        opt_error(error, "Parameter 'type' is missing");
        return NULL;
    }
    while (i < G_N_ELEMENTS(kinds) && strcmp(type, kinds[i].name) != 0)
        i++;
    if (i == G_N_ELEMENTS(kinds)) {
        opt_error(error, "Parameter 'type' does not accept value '%s'", type);
        return NULL;
    }
    g_autofree char *origin = g_strdup_printf("%s %s", option, value);
    struct netdev_config *n = netdev_config_new(kinds[i].kind, origin);
    if (!kind_keys(kv, type, n, error)) {
        netdev_config_free(n);
        return NULL;
    }
    return n;
}

static bool good_id(const char *id, GError **error)
{
    bool good = g_ascii_isalpha(id[0]);

    for (const char *c = id; *c && good; c++)
        good = g_ascii_isalnum(*c) || strchr("-._", *c);
    return good || opt_error(error, "Parameter 'id' expects an identifier");
}

static bool netdev_option(struct option_state *s, const char *value, struct keyval *kv,
                          GError **error)
{
    const char *id = keyval_get(kv, "id");

    struct netdev_config *n = new_netdev(s, "-netdev", value, kv, error);
    if (!n)
        return false;
    n->id = g_strdup(id);
    g_ptr_array_add(s->cfg->netdevs, n);
    if (!id)
        return opt_error(error, "Parameter 'id' is missing");
    return good_id(id, error) && keyval_check_unused(kv, error);
}

static bool mac_parse(const char *text, uint8_t ret[6])
{
    unsigned at = 0;

    for (unsigned i = 0; i < 6; i++) {
        unsigned digits = 0, byte = 0;
        for (; g_ascii_isxdigit(text[at]) && digits < 3; at++, digits++)
            byte = byte << 4 | (unsigned)g_ascii_xdigit_value(text[at]);
        if (!digits || digits > 2)
            return false;
        ret[i] = (uint8_t)byte;
        if (i < 5 && text[at] != ':' && text[at] != '-')
            return false;
        at += i < 5;
    }
    return !text[at];
}

static struct nic_config *new_nic(struct option_state *s, const char *option, const char *value)
{
    struct nic_config *n = g_new0(struct nic_config, 1);

    n->origin = g_strdup_printf("%s %s", option, value);
    g_ptr_array_add(s->cfg->nics, n);
    return n;
}

/* What -nic and -net nic share: macaddr=, model=. */
static bool nic_keys(struct keyval *kv, const char *mac_key, struct nic_config *n, GError **error)
{
    const char *mac = keyval_get(kv, mac_key), *model = keyval_get(kv, "model");

    if (mac && !mac_parse(mac, n->mac))
        return opt_error(error, "invalid syntax for ethernet address");
    n->has_mac = mac != NULL;
    if (mac && (n->mac[0] & 1))
        return opt_error(error, "NIC cannot have multicast MAC address (odd 1st byte)");
    if (model && strcmp(model, "xen") != 0 && strcmp(model, "xen-net-device") != 0)
        return opt_error(error, "Unsupported NIC model: %s", model);
    return true;
}

/* Both halves at once. */
static bool nic_option(struct option_state *s, const char *value, struct keyval *kv, GError **error)
{
    const char *type = keyval_get(kv, "type"), *id = keyval_get(kv, "id");

    if (g_strcmp0(type, "none") == 0)
        return keyval_check_unused(kv, error);
    struct netdev_config *netdev = new_netdev(s, "-nic", value, kv, error);
    if (!netdev)
        return false;
    /* no id of a user's starts with # */
    netdev->id = id ? g_strdup(id) : g_strdup_printf("#net%u", s->cfg->netdevs->len);
    g_ptr_array_add(s->cfg->netdevs, netdev);
    struct nic_config *nic = new_nic(s, "-nic", value);
    nic->netdev = g_strdup(netdev->id);
    return (!id || good_id(id, error)) && nic_keys(kv, "mac", nic, error) &&
           keyval_check_unused(kv, error);
}

/* The old halves, which meet on a hub. Here it has two plugs. */
static bool net_option(struct option_state *s, const char *value, struct keyval *kv, GError **error)
{
    const char *type = keyval_get(kv, "type");

    keyval_get(kv, "name");
    if (g_strcmp0(type, "none") == 0)
        return keyval_check_unused(kv, error);
    if (g_strcmp0(type, "nic") == 0) {
        struct nic_config *nic = new_nic(s, "-net", value);
        const char *netdev = keyval_get(kv, "netdev");
        nic->netdev = g_strdup(netdev ? netdev : OPT_NET_HUB);
        if (!netdev && s->hub_nics++)
            return opt_error(error, "a second NIC on the hub is not supported; use -nic");
        return nic_keys(kv, "macaddr", nic, error) && keyval_check_unused(kv, error);
    }
    struct netdev_config *netdev = new_netdev(s, "-net", value, kv, error);
    if (!netdev)
        return false;
    netdev->id = g_strdup(OPT_NET_HUB);
    g_ptr_array_add(s->cfg->netdevs, netdev);
    if (s->hub_netdevs++)
        return opt_error(error, "a second network on the hub is not supported; use -nic");
    return keyval_check_unused(kv, error);
}

static bool with_keys(struct option_state *s, const char *value,
                      bool (*fn)(struct option_state *s, const char *value, struct keyval *kv,
                                 GError **error),
                      GError **error)
{
    struct keyval kv = {0};

    if (strcmp(value, "help") == 0 || strcmp(value, "?") == 0) {
        s->req->help = s->req->help ? s->req->help : HELP_NETDEV;
        return true;
    }
    bool ok = keyval_parse(value, "type", &kv, error) && fn(s, value, &kv, error);
    keyval_clear(&kv);
    return ok;
}

bool opt_netdev(struct option_state *s, const char *value, GError **error)
{
    return with_keys(s, value, netdev_option, error);
}

bool opt_nic(struct option_state *s, const char *value, GError **error)
{
    return with_keys(s, value, nic_option, error);
}

bool opt_net(struct option_state *s, const char *value, GError **error)
{
    return with_keys(s, value, net_option, error);
}

bool opt_device_nic(struct option_state *s, const char *value, struct keyval *kv, GError **error)
{
    struct nic_config *n = new_nic(s, "-device", value);
    const char *mac = keyval_get(kv, "mac");

    take_text(kv, "id", &n->id);
    take_text(kv, "netdev", &n->netdev);
    keyval_get(kv, "bootindex");
    if (mac && (!mac_parse(mac, n->mac) || (n->mac[0] & 1)))
        return opt_error(error, "Property 'xen-net-device.mac' doesn't take value '%s'", mac);
    n->has_mac = mac != NULL;
    return take_number(kv, "queues", NET_MAX_QUEUES, &n->queues, error) &&
           keyval_check_unused(kv, error);
}

static bool has_peer(const GPtrArray *nics, const char *id)
{
    for (guint i = 0; i < nics->len; i++) {
        const struct nic_config *n = g_ptr_array_index(nics, i);
        if (g_strcmp0(n->netdev, id) == 0)
            return true;
    }
    return false;
}

bool opt_net_finish(struct option_state *s, GError **error)
{
    for (guint i = 0; i < s->cfg->nics->len; i++) {
        struct nic_config *n = g_ptr_array_index(s->cfg->nics, i);
        if (g_strcmp0(n->netdev, OPT_NET_HUB) == 0 && !s->hub_netdevs)
            g_clear_pointer(&n->netdev, g_free); /* a NIC without a cable, as QEMU's */
    }
    for (guint i = 0; i < s->cfg->netdevs->len; i++) {
        const struct netdev_config *d = g_ptr_array_index(s->cfg->netdevs, i);
        if (!has_peer(s->cfg->nics, d->id))
            g_ptr_array_add(s->req->warnings, g_strdup_printf("netdev %s has no peer", d->id));
    }
    return nic_configs_assign(s->cfg->nics, error);
}

void qemu_netdevs_help(FILE *out)
{
    fputs("Available netdev backend types:\n", out);
    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++)
        fprintf(out, "%s\n", kinds[i].name);
}
