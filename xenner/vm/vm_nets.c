#include "xenner/vm/vm_nets.h"
#include "xenner/backend/net.h"

#include <string.h>

struct vm_nets {
    const struct vm_config *cfg;
    GPtrArray *ports; /* struct netport *, owned: of each netdev, then of each NIC without one */
    GPtrArray *nics;  /* struct net_backend *, owned */
};

static bool open_ports(struct vm_nets *n, GError **error)
{
    for (guint i = 0; i < n->cfg->netdevs->len; i++) {
        const struct netdev_config *c = g_ptr_array_index(n->cfg->netdevs, i);
        struct netport *port = netport_new(c, error);
        if (!port) {
            g_prefix_error(error, "%s: ", c->origin);
            return false;
        }
        g_ptr_array_add(n->ports, port);
    }
    for (guint i = 0; i < n->cfg->nics->len; i++) {
        const struct nic_config *c = g_ptr_array_index(n->cfg->nics, i);
        if (!c->netdev)
            g_ptr_array_add(n->ports, netport_new_unplugged(i));
    }
    return true;
}

struct vm_nets *vm_nets_new(const struct vm_config *cfg, GError **error)
{
    struct vm_nets *n = g_new0(struct vm_nets, 1);

    n->cfg = cfg;
    n->ports = g_ptr_array_new_with_free_func((GDestroyNotify)netport_free);
    n->nics = g_ptr_array_new_with_free_func((GDestroyNotify)net_backend_free);
    if (open_ports(n, error))
        return n;
    vm_nets_free(n);
    return NULL;
}

static struct netport *find_port(struct vm_nets *n, const char *id)
{
    for (guint i = 0; i < n->ports->len; i++) {
        struct netport *port = g_ptr_array_index(n->ports, i);
        if (strcmp(netport_id(port), id) == 0)
            return port;
    }
    g_assert_not_reached(); /* vm_config_validate() looked */
}

bool vm_nets_attach(struct vm_nets *n, struct xen_host *host, GError **error)
{
    for (guint i = 0; i < n->cfg->nics->len; i++) {
        const struct nic_config *c = g_ptr_array_index(n->cfg->nics, i);
        g_autofree char *unplugged = netport_unplugged_id(i);
        struct netport *port = find_port(n, c->netdev ? c->netdev : unplugged);
        struct net_backend *nic = net_backend_new(host, i, c, port, error);
        if (!nic)
            return false;
        g_ptr_array_add(n->nics, nic);
    }
    return true;
}

void vm_nets_detach(struct vm_nets *n)
{
    if (n)
        g_ptr_array_set_size(n->nics, 0);
}

void vm_nets_free(struct vm_nets *n)
{
    if (!n)
        return;
    g_ptr_array_unref(n->nics);
    g_ptr_array_unref(n->ports);
    g_free(n);
}
