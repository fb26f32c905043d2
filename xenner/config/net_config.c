#include "xenner/config/net_config.h"
#include "xenner/util/io_error.h"

#include <gio/gio.h>
#include <string.h>

#define MAC_FIRST 0x56 /* the last byte of the first address that is given */
#define MAC_END   0xff

static const uint8_t mac_base[5] = {0x52, 0x54, 0x00, 0x12, 0x34};

struct netdev_config *netdev_config_new(enum netdev_kind kind, const char *origin)
{
    struct netdev_config *n = g_new0(struct netdev_config, 1);

    n->origin = g_strdup(origin);
    n->kind = kind;
    n->user.ipv4 = n->user.ipv6 = true;
    n->user.dnssearch = g_ptr_array_new_with_free_func(g_free);
    n->user.hostfwd = g_ptr_array_new_with_free_func(g_free);
    n->user.guestfwd = g_ptr_array_new_with_free_func(g_free);
    n->tap.fds = g_ptr_array_new_with_free_func(g_free);
    n->tap.vnet_hdr = true;
    n->tap.queues = 1;
    n->socket.local.fd = n->socket.remote.fd = -1;
    return n;
}

static void user_clear(struct netdev_user *u)
{
    g_free(u->net);
    g_free(u->host);
    g_free(u->dhcpstart);
    g_free(u->dns);
    g_free(u->hostname);
    g_free(u->domainname);
    g_free(u->tftp);
    g_free(u->bootfile);
    g_free(u->tftp_server);
    g_free(u->ipv6_net);
    g_free(u->ipv6_host);
    g_free(u->ipv6_dns);
    g_ptr_array_unref(u->dnssearch);
    g_ptr_array_unref(u->hostfwd);
    g_ptr_array_unref(u->guestfwd);
}

static void tap_clear(struct netdev_tap *t)
{
    g_free(t->ifname);
    g_free(t->script);
    g_free(t->downscript);
    g_free(t->helper);
    g_free(t->bridge);
    g_ptr_array_unref(t->fds);
}

static void address_clear(struct net_address *a)
{
    g_free(a->path);
    g_free(a->host);
    g_free(a->port);
}

void netdev_config_free(void *netdev)
{
    struct netdev_config *n = netdev;

    if (!n)
        return;
    user_clear(&n->user);
    tap_clear(&n->tap);
    address_clear(&n->socket.local);
    address_clear(&n->socket.remote);
    g_free(n->origin);
    g_free(n->id);
    g_free(n);
}

void nic_config_free(void *nic)
{
    struct nic_config *n = nic;

    if (!n)
        return;
    g_free(n->origin);
    g_free(n->id);
    g_free(n->netdev);
    g_free(n);
}

const struct netdev_config *netdev_config_find(const GPtrArray *netdevs, const char *id)
{
    for (guint i = 0; i < netdevs->len; i++) {
        const struct netdev_config *n = g_ptr_array_index(netdevs, i);
        if (strcmp(n->id, id) == 0)
            return n;
    }
    return NULL;
}

/* Addresses of the range that users gave themselves are not given again. */
bool nic_configs_assign(const GPtrArray *nics, GError **error)
{
    bool used[256] = {false};
    unsigned next = MAC_FIRST;

    for (guint i = 0; i < nics->len; i++) {
        const struct nic_config *n = g_ptr_array_index(nics, i);
        if (n->has_mac && memcmp(n->mac, mac_base, sizeof(mac_base)) == 0)
            used[n->mac[5]] = true;
    }
    for (guint i = 0; i < nics->len; i++) {
        struct nic_config *n = g_ptr_array_index(nics, i);
        if (n->has_mac)
            continue;
        while (next < MAC_END && used[next])
            next++;
        if (next == MAC_END) {
            g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED,
                        "%s: no MAC address is left to give", n->origin);
            return false;
        }
        memcpy(n->mac, mac_base, sizeof(mac_base));
        n->mac[5] = (uint8_t)next++;
        n->has_mac = true;
    }
    return true;
}

#define wrong(error, ...) io_error(error, G_IO_ERROR_INVALID_ARGUMENT, __VA_ARGS__)

static bool check_nics(const GPtrArray *netdevs, const GPtrArray *nics, GError **error)
{
    g_autoptr(GHashTable) taken = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GHashTable) ids = g_hash_table_new(g_str_hash, g_str_equal);

    for (guint i = 0; i < nics->len; i++) {
        const struct nic_config *n = g_ptr_array_index(nics, i);
        if (n->id && !g_hash_table_add(ids, n->id))
            return wrong(error, "%s: Duplicate device ID '%s'", n->origin, n->id);
        if (n->queues > NET_MAX_QUEUES)
            return wrong(error, "%s: a NIC has at most %d queues", n->origin, NET_MAX_QUEUES);
        if (!n->netdev)
            continue;
        if (!netdev_config_find(netdevs, n->netdev))
            return wrong(error, "%s: Property 'xen-net-device.netdev' can't find value '%s'",
                         n->origin, n->netdev);
        if (!g_hash_table_add(taken, n->netdev))
            return wrong(error,
                         "%s: Property 'xen-net-device.netdev' can't take value '%s', it's in use",
                         n->origin, n->netdev);
    }
    return true;
}

bool net_configs_check(const GPtrArray *netdevs, const GPtrArray *nics, GError **error)
{
    for (guint i = 0; i < netdevs->len; i++) {
        const struct netdev_config *n = g_ptr_array_index(netdevs, i);
        if (netdev_config_find(netdevs, n->id) != n)
            return wrong(error, "%s: Duplicate ID '%s' for netdev", n->origin, n->id);
    }
    return check_nics(netdevs, nics, error);
}
