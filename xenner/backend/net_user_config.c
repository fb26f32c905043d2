#include "xenner/backend/net_user_config.h"
#include "xenner/util/io_error.h"

#include <gio/gio.h>
#include <string.h>

#define MAX_HOSTNAME 33 /* what fits into libslirp's DHCP answer */

#define wrong(error, ...) io_error(error, G_IO_ERROR_INVALID_ARGUMENT, __VA_ARGS__)

static in_addr_t class_mask(in_addr_t net)
{
    uint32_t n = ntohl(net);

    if (!(n & 0x80000000))
        return htonl(0xff000000);
    if ((n & 0xfff00000) == 0xac100000 || (n & 0xc0000000) == 0x80000000)
        return htonl(0xffff0000);
    return htonl(0xffffff00);
}

/* net=ADDRESS[/BITS|/MASK] */
static bool parse_net(const char *text, SlirpConfig *ret, GError **error)
{
    g_auto(GStrv) part = g_strsplit(text, "/", 2);
    guint64 bits;

    if (!part[0] || !inet_aton(part[0], &ret->vnetwork))
        return wrong(error, "Failed to parse netmask");
    if (!part[1])
        ret->vnetmask.s_addr = class_mask(ret->vnetwork.s_addr);
    else if (g_ascii_string_to_unsigned(part[1], 10, 0, G_MAXUINT64, &bits, NULL)) {
        if (bits < 4 || bits > 32)
            return wrong(error, "Invalid netmask provided (must be in range 4-32)");
        ret->vnetmask.s_addr = htonl((uint32_t)(0xffffffffull << (32 - bits)));
    } else if (!inet_aton(part[1], &ret->vnetmask)) {
        return wrong(error, "Failed to parse netmask");
    }
    ret->vnetwork.s_addr &= ret->vnetmask.s_addr;
    if (ntohl(~ret->vnetmask.s_addr) < 15)
        return wrong(error, "The network is too small for host, DNS and guest");
    return true;
}

/* An address in the network, by default number n of it. */
static bool parse_in_net(const char *text, const char *what, unsigned n, const SlirpConfig *c,
                         struct in_addr *ret, GError **error)
{
    if (!text)
        ret->s_addr = c->vnetwork.s_addr | htonl(n);
    else if (!inet_aton(text, ret))
        return wrong(error, "Failed to parse %s", what);
    if ((ret->s_addr & c->vnetmask.s_addr) != c->vnetwork.s_addr)
        return wrong(error, "%s doesn't belong to network",
                     strcmp(what, "host") == 0 ? "Host" : what);
    return true;
}

static bool config_ipv4(const struct netdev_user *u, SlirpConfig *c, GError **error)
{
    inet_aton("10.0.2.0", &c->vnetwork);
    inet_aton("255.255.255.0", &c->vnetmask);
    if ((u->net && !parse_net(u->net, c, error)) ||
        !parse_in_net(u->host, "host", 2, c, &c->vhost, error) ||
        !parse_in_net(u->dhcpstart, "DHCP", 15, c, &c->vdhcp_start, error))
        return false;
    c->vnameserver.s_addr = c->vnetwork.s_addr | htonl(3);
    if (u->dns && !inet_aton(u->dns, &c->vnameserver))
        return wrong(error, "Failed to parse DNS");
    if (c->vhost.s_addr == c->vnameserver.s_addr)
        return wrong(error, "DNS must be different from host");
    if (c->vdhcp_start.s_addr == c->vhost.s_addr || c->vdhcp_start.s_addr == c->vnameserver.s_addr)
        return wrong(error, "DHCP must be different from host and DNS");
    return true;
}

static struct in6_addr in_prefix(const SlirpConfig *c, uint8_t last)
{
    struct in6_addr a = c->vprefix_addr6;

    a.s6_addr[15] |= last;
    return a;
}

static bool config_ipv6(const struct netdev_user *u, SlirpConfig *c, GError **error)
{
    g_auto(GStrv) part = g_strsplit(u->ipv6_net ? u->ipv6_net : "fec0::/64", "/", 2);
    guint64 bits = 64;

    if (!part[0] || inet_pton(AF_INET6, part[0], &c->vprefix_addr6) != 1)
        return wrong(error, "Failed to parse IPv6 prefix");
    if (part[1] && !g_ascii_string_to_unsigned(part[1], 10, 0, 126, &bits, NULL))
        return wrong(error, "Invalid IPv6 prefix provided (IPv6 prefix length must be between 0 "
                     "and 126)");
    c->vprefix_len = (uint8_t)bits;
    c->vhost6 = in_prefix(c, 2);
    c->vnameserver6 = in_prefix(c, 3);
    if (u->ipv6_host && inet_pton(AF_INET6, u->ipv6_host, &c->vhost6) != 1)
        return wrong(error, "Failed to parse IPv6 host");
    if (u->ipv6_dns && inet_pton(AF_INET6, u->ipv6_dns, &c->vnameserver6) != 1)
        return wrong(error, "Failed to parse IPv6 DNS");
    return true;
}

bool net_user_config(const struct netdev_user *u, SlirpConfig *ret, GError **error)
{
    SlirpConfig c = {.version = 4};

    if (!u->ipv4 && !u->ipv6)
        return wrong(error, "IPv4 and IPv6 disabled");
    if (u->hostname && strlen(u->hostname) > MAX_HOSTNAME)
        return wrong(error, "The hostname is too long, at most %d bytes", MAX_HOSTNAME);
    if (u->tftp_server && strlen(u->tftp_server) > 255)
        return wrong(error, "'tftp-server-name' parameter cannot exceed 255 bytes");
    if (u->domainname && strlen(u->domainname) > 255)
        return wrong(error, "'domainname' parameter cannot exceed 255 bytes");
    if (!config_ipv4(u, &c, error) || !config_ipv6(u, &c, error))
        return false;
    c.restricted = u->restricted;
    c.in_enabled = u->ipv4;
    c.in6_enabled = u->ipv6;
    c.vhostname = u->hostname;
    c.tftp_path = u->tftp;
    c.bootfile = u->bootfile;
    c.tftp_server_name = u->tftp_server;
    c.vdomainname = u->domainname;
    *ret = c;
    return true;
}

/* Up to sep; *at moves behind it. */
static char *field(const char **at, char sep)
{
    const char *end = strchr(*at, sep);

    if (!end)
        return NULL;
    char *text = g_strndup(*at, (gsize)(end - *at));
    *at = end + 1;
    return text;
}

static const char *hostfwd_fields(const char *at, struct net_hostfwd *ret)
{
    g_autofree char *proto = field(&at, ':');
    if (!proto)
        return "No : separators";
    if (*proto && strcmp(proto, "tcp") != 0 && strcmp(proto, "udp") != 0)
        return "Bad protocol name";
    ret->udp = strcmp(proto, "udp") == 0;
    g_autofree char *host = field(&at, ':');
    if (!host)
        return "Missing : separator";
    if (*host && !inet_aton(host, &ret->host))
        return "Bad host address";
    g_autofree char *host_port = field(&at, '-');
    guint64 n;
    if (!host_port || !g_ascii_string_to_unsigned(host_port, 10, 0, 65535, &n, NULL))
        return "Bad host port";
    ret->host_port = (unsigned)n;
    g_autofree char *guest = field(&at, ':');
    if (!guest)
        return "Missing guest address";
    if (*guest && !inet_aton(guest, &ret->guest))
        return "Bad guest address";
    if (!g_ascii_string_to_unsigned(at, 10, 1, 65535, &n, NULL))
        return "Bad guest port";
    ret->guest_port = (unsigned)n;
    return NULL;
}

bool net_hostfwd_parse(const char *text, struct net_hostfwd *ret, GError **error)
{
    *ret = (struct net_hostfwd){0};
    const char *why = hostfwd_fields(text, ret);

    return !why || wrong(error, "Invalid host forwarding rule '%s' (%s)", text, why);
}

static bool guestfwd_target(const char *at, struct net_guestfwd *ret)
{
    static const struct {
        const char *prefix;
        enum net_guestfwd_kind kind;
    } kinds[] = {{"cmd:", GUESTFWD_COMMAND}, {"tcp:", GUESTFWD_TCP}, {"unix:", GUESTFWD_UNIX}};

    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (g_str_has_prefix(at, kinds[i].prefix)) {
            ret->kind = kinds[i].kind;
            ret->target = at + strlen(kinds[i].prefix);
            return *ret->target;
        }
    }
    return false;
}

static const char *guestfwd_fields(const char *at, struct net_guestfwd *ret)
{
    guint64 n;
    g_autofree char *proto = field(&at, ':');
    if (!proto || (*proto && strcmp(proto, "tcp") != 0))
        return "Bad protocol name";
    g_autofree char *server = field(&at, ':');
    if (!server || !inet_aton(server, &ret->server))
        return "Bad server address";
    g_autofree char *port = field(&at, '-');
    if (!port || !g_ascii_string_to_unsigned(port, 10, 1, 65535, &n, NULL))
        return "Bad server port";
    ret->port = (unsigned)n;
    return guestfwd_target(at, ret) ? NULL : "cmd:COMMAND, tcp:HOST:PORT or unix:PATH is missing";
}

bool net_guestfwd_parse(const char *text, struct net_guestfwd *ret, GError **error)
{
    *ret = (struct net_guestfwd){0};
    const char *why = guestfwd_fields(text, ret);

    return !why || wrong(error, "Invalid guest forwarding rule '%s' (%s)", text, why);
}
