/* -netdev, -nic, -net and -device xen-net-device: NICs, and which network each is on. */
#include "qemu-compat/opt_netdev.h"
#include "qemu-compat/opt_backend.h"

#include <string.h>

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

    struct netdev_config *n = opt_new_netdev("-netdev", value, kv, error);
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

/* What -nic and -net nic share: macaddr=, model=, backend=. */
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
    return opt_take_backend(kv, "backend", &n->backend, error);
}

/* Both halves at once. */
static bool nic_option(struct option_state *s, const char *value, struct keyval *kv, GError **error)
{
    const char *type = keyval_get(kv, "type"), *id = keyval_get(kv, "id");

    if (g_strcmp0(type, "none") == 0)
        return keyval_check_unused(kv, error);
    struct netdev_config *netdev = opt_new_netdev("-nic", value, kv, error);
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
    struct netdev_config *netdev = opt_new_netdev("-net", value, kv, error);
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

/* Where it would be on a PC, and what its driver would offer: a vif has no such place. */
static void nic_places(struct keyval *kv)
{
    static const char *const places[] = {
        "bus", "addr", "romfile", "rombar", "mq", "vectors", "csum", "gso",
        "host_mtu", "rx_queue_size", "tx_queue_size", "host_tso4", "host_tso6", "host_ecn", "host_ufo",
        "guest_csum", "guest_tso4", "guest_tso6", "guest_ecn", "guest_ufo", "mrg_rxbuf", "tx", "event_idx",
        "failover", "multifunction"};

    for (unsigned i = 0; i < G_N_ELEMENTS(places); i++)
        keyval_get(kv, places[i]);
}

static bool nic_device(struct nic_config *n, struct keyval *kv, GError **error)
{
    const char *mac = keyval_get(kv, "mac");

    keyval_get(kv, "driver");

    opt_take_text(kv, "id", &n->id);
    opt_take_text(kv, "netdev", &n->netdev);
    nic_places(kv);
    if (mac && (!mac_parse(mac, n->mac) || (n->mac[0] & 1)))
        return opt_error(error, "Property 'xen-net-device.mac' doesn't take value '%s'", mac);
    n->has_mac = mac != NULL;
    return opt_take_number(kv, "queues", NET_MAX_QUEUES, &n->queues, error) &&
           boot_order_parse(keyval_get(kv, "bootindex"), &n->boot_order, error) &&
           opt_take_backend(kv, "backend", &n->backend, error) &&
           keyval_check_unused(kv, error);
}

bool opt_device_nic(struct option_state *s, const char *value, struct keyval *kv, GError **error)
{
    return nic_device(new_nic(s, "-device", value), kv, error);
}

struct nic_config *opt_nic_device(struct keyval *kv, GError **error)
{
    struct nic_config *n = g_new0(struct nic_config, 1);

    n->origin = g_strdup("device_add");
    if (nic_device(n, kv, error))
        return n;
    nic_config_free(n);
    return NULL;
}

bool opt_nic_device_known(const char *driver)
{
    static const char *const drivers[] = {"e1000", "netfront", "rtl8139", "virtio-net-pci",
                                          "xen-net-device", NULL};

    return g_strv_contains(drivers, driver);
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
