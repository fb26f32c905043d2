/*
 * Networks on the command line: the keys of each type, with the same words for -netdev, -nic and
 * -net.
 */
#include "qemu-compat/opt_netdev.h"
#include "xenner/config/size.h"

#include <stdio.h>
#include <string.h>

void opt_take_text(struct keyval *kv, const char *key, char **to)
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

bool opt_take_number(struct keyval *kv, const char *key, unsigned max, unsigned *to, GError **error)
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
    opt_take_text(kv, "net", &u->net);
    opt_take_text(kv, "host", &u->host);
    opt_take_text(kv, "dhcpstart", &u->dhcpstart);
    opt_take_text(kv, "dns", &u->dns);
    opt_take_text(kv, "hostname", &u->hostname);
    opt_take_text(kv, "domainname", &u->domainname);
    opt_take_text(kv, "tftp", &u->tftp);
    opt_take_text(kv, "bootfile", &u->bootfile);
    opt_take_text(kv, "tftp-server-name", &u->tftp_server);
    opt_take_text(kv, "ipv6-net", &u->ipv6_net);
    opt_take_text(kv, "ipv6-prefix", &prefix);
    opt_take_text(kv, "ipv6-prefixlen", &prefixlen);
    opt_take_text(kv, "ipv6-host", &u->ipv6_host);
    opt_take_text(kv, "ipv6-dns", &u->ipv6_dns);
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
    opt_take_text(kv, key, to);
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
            return opt_error(error, "ifname=, script=, downscript=, helper= and queues= are "
                             "invalid with %s=", fd ? "fd" : "fds");
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
        !opt_take_number(kv, "queues", NET_MAX_QUEUES, &t->queues, error))
        return false;
    t->vnet_hdr_forced = t->vnet_hdr_forced && t->vnet_hdr;
    if (vhost && strcmp(vhost, "off") != 0)
        return opt_error(error, "vhost= is not for PV network devices");
    if (!t->queues || t->queues > NET_MAX_QUEUES)
        return opt_error(error, "a tap has 1 to %d queues", NET_MAX_QUEUES);
    keyval_get(kv, "sndbuf");
    opt_take_text(kv, "ifname", &t->ifname);
    take_script(kv, "script", &t->script);
    take_script(kv, "downscript", &t->downscript);
    opt_take_text(kv, "helper", &t->helper);
    opt_take_text(kv, "br", &t->bridge);
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
    opt_take_text(kv, "helper", &t->helper);
    opt_take_text(kv, "br", &t->bridge);
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
        opt_take_text(kv, host_key, &a->host);
        opt_take_text(kv, port_key, &a->port);
        if (!a->host || !a->port)
            return opt_error(error, "Parameter '%s' is missing", a->host ? port_key : host_key);
    } else if (strcmp(type, "unix") == 0) {
        opt_take_text(kv, path_key, &a->path);
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
        !opt_take_number(kv, "reconnect", 86400, &k->reconnect, error) ||
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
        return opt_error(error,
                         "exactly one of fd=, listen=, connect=, mcast= or udp= is required");
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
    {"user", NETDEV_USER}, {"tap", NETDEV_TAP}, {"bridge", NETDEV_BRIDGE},
    {"socket", NETDEV_STREAM}, {"stream", NETDEV_STREAM},
    {"dgram", NETDEV_DGRAM}, {"passt", NETDEV_PASST},
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

struct netdev_config *opt_new_netdev(const char *option, const char *value, struct keyval *kv,
                                     GError **error)
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

void qemu_netdevs_help(FILE *out)
{
    fputs("Available netdev backend types:\n", out);
    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++)
        fprintf(out, "%s\n", kinds[i].name);
}
