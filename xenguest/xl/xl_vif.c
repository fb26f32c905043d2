/* vif = [...]: xl-network-configuration(5). */
#include "xenguest/xl/xl_priv.h"

#include <string.h>

struct vif {
    const char *mac, *bridge, *ifname;
};

static bool set_key(const struct xl_out *o, const struct xlcfg_value *v, struct vif *vif,
                    const char *key, const char *value, GError **error)
{
    static const char *const ignored[] = {"script", "ip",  "model", "rate",    "type", "gatewaydev",
                                          "netdev", "mtu", "devid", "trusted", NULL};

    if (strcmp(key, "mac") == 0)
        vif->mac = value;
    else if (strcmp(key, "bridge") == 0)
        vif->bridge = value;
    else if (strcmp(key, "vifname") == 0)
        vif->ifname = value;
    else if (g_strv_contains(ignored, key))
        xl_warn(o, v, "vif: '%s' is without effect", key);
    else
        return xl_fail(o, v, error, "vif: '%s' is not possible here", key);
    return true;
}

static bool parse(const struct xl_out *o, const struct xlcfg_value *v, char **words,
                  struct vif *vif, GError **error)
{
    for (unsigned i = 0; words[i]; i++) {
        char *word = g_strstrip(words[i]), *equals = strchr(word, '=');
        if (!*word)
            continue;
        if (!equals)
            return xl_fail(o, v, error, "vif: what is '%s'?", word);
        *equals = '\0';
        if (!set_key(o, v, vif, word, equals + 1, error))
            return false;
    }
    return true;
}

/*
 * xl takes a random address in Xen's range when the configuration has none. This one is the same at
 * every start, and another one for each guest and card.
 */
static char *make_mac(const struct xl_out *o)
{
    const char *who = "";

    xlcfg_get_string(o->cfg, "name", &who, NULL);
    xlcfg_get_string(o->cfg, "uuid", &who, NULL);
    g_autofree char *text = g_strdup_printf("%s/%u", who, o->nr_vifs);
    g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
    return g_strdup_printf("00:16:3e:%.2s:%.2s:%.2s", sum, sum + 2, sum + 4);
}

static char *make_netdev(const struct xl_out *o, const struct vif *vif, const char *id)
{
    bool user = o->host->network == XL_NETWORK_USER;
    g_autoptr(GString) net = g_string_new(user ? "user" : "bridge");

    xl_key(net, "id", id);
    if (!user)
        xl_key(net, "br", vif->bridge ? vif->bridge : o->host->bridge);
    return g_string_free(g_steal_pointer(&net), FALSE);
}

bool xl_vif(struct xl_out *o, const struct xlcfg_value *v, GError **error)
{
    g_auto(GStrv) words = g_strsplit(v->string, ",", -1);
    g_autofree char *mac = make_mac(o), *id = g_strdup_printf("net%u", o->nr_vifs++);
    g_autoptr(GString) device = g_string_new("xen-net-device");
    struct vif vif = {.mac = mac};

    if (!parse(o, v, words, &vif, error))
        return false;
    if (vif.ifname)
        xl_warn(o, v, "vif: 'vifname' is without effect");
    if (o->host->network != XL_NETWORK_NONE) {
        g_autofree char *net = make_netdev(o, &vif, id);
        xl_add(o, "-netdev", net);
        xl_key(device, "netdev", id);
    }
    xl_key(device, "mac", vif.mac);
    xl_add(o, "-device", device->str);
    return true;
}
