#include "xenner/vm/vm_nets.h"
#include "xenner/backend/net.h"

#include <gio/gio.h>
#include <string.h>

struct vm_port {
    const struct netdev_config *config;
    struct netdev_config *own; /* of a hot plug, or NULL */
    struct netport *port;      /* owned */
};

struct vm_nic {
    struct vm_nets *all;
    const struct nic_config *config;
    struct nic_config *own;
    unsigned devid;
    struct vm_port *port;       /* NULL: no cable, it has */
    struct netport *no_cable;   /* owned */
    struct net_backend *backend; /* NULL: no guest */
    bool leaving;
};

struct vm_nets {
    GPtrArray *ports; /* struct vm_port *, owned */
    GPtrArray *nics;  /* struct vm_nic *, owned */
    struct xen_host *host;
    void (*deleted)(void *opaque, const char *nic);
    void *opaque;
};

static void port_free(void *opaque)
{
    struct vm_port *p = opaque;

    netport_free(p->port);
    netdev_config_free(p->own);
    g_free(p);
}

static void nic_free(void *opaque)
{
    struct vm_nic *nic = opaque;

    net_backend_free(nic->backend);
    netport_free(nic->no_cable);
    nic_config_free(nic->own);
    g_free(nic);
}

static struct vm_port *find_port(const struct vm_nets *n, const char *id)
{
    for (guint i = 0; id && i < n->ports->len; i++) {
        struct vm_port *p = g_ptr_array_index(n->ports, i);
        if (strcmp(p->config->id, id) == 0)
            return p;
    }
    return NULL;
}

static struct vm_nic *find_nic(const struct vm_nets *n, const char *id)
{
    for (guint i = 0; i < n->nics->len; i++) {
        struct vm_nic *nic = g_ptr_array_index(n->nics, i);
        if (g_strcmp0(nic->config->id, id) == 0)
            return nic;
    }
    return NULL;
}

static const struct vm_nic *user_of(const struct vm_nets *n, const struct vm_port *p)
{
    for (guint i = 0; i < n->nics->len; i++) {
        const struct vm_nic *nic = g_ptr_array_index(n->nics, i);
        if (nic->port == p)
            return nic;
    }
    return NULL;
}

static bool open_port(struct vm_nets *n, const struct netdev_config *config,
                      struct netdev_config *own, GError **error)
{
    struct netport *port = netport_new(config, error);

    if (!port)
        return false;
    struct vm_port *p = g_new0(struct vm_port, 1);
    *p = (struct vm_port){config, own, port};
    g_ptr_array_add(n->ports, p);
    return true;
}

static bool devid_taken(const struct vm_nets *n, unsigned devid)
{
    for (guint i = 0; i < n->nics->len; i++) {
        if (((struct vm_nic *)g_ptr_array_index(n->nics, i))->devid == devid)
            return true;
    }
    return false;
}

static struct vm_nic *add_nic(struct vm_nets *n, const struct nic_config *config,
                              struct nic_config *own)
{
    struct vm_nic *nic = g_new0(struct vm_nic, 1);

    *nic = (struct vm_nic){.all = n, .config = config, .own = own};
    while (devid_taken(n, nic->devid))
        nic->devid++;
    nic->port = find_port(n, config->netdev);
    if (!nic->port)
        nic->no_cable = netport_new_unplugged(nic->devid);
    g_ptr_array_add(n->nics, nic);
    return nic;
}

struct vm_nets *vm_nets_new(const struct vm_config *cfg, GError **error)
{
    struct vm_nets *n = g_new0(struct vm_nets, 1);

    n->ports = g_ptr_array_new_with_free_func(port_free);
    n->nics = g_ptr_array_new_with_free_func(nic_free);
    for (guint i = 0; i < cfg->netdevs->len; i++) {
        const struct netdev_config *c = g_ptr_array_index(cfg->netdevs, i);
        if (!open_port(n, c, NULL, error)) {
            g_prefix_error(error, "%s: ", c->origin);
            vm_nets_free(n);
            return NULL;
        }
    }
    for (guint i = 0; i < cfg->nics->len; i++)
        add_nic(n, g_ptr_array_index(cfg->nics, i), NULL);
    return n;
}

static bool offer(struct vm_nic *nic, GError **error)
{
    struct vm_nets *n = nic->all;

    if (n->host)
        nic->backend = net_backend_new(n->host, nic->devid, nic->config,
                                       nic->port ? nic->port->port : nic->no_cable, error);
    return !n->host || nic->backend;
}

bool vm_nets_attach(struct vm_nets *n, struct xen_host *host, GError **error)
{
    n->host = host;
    for (guint i = 0; i < n->nics->len; i++) {
        if (!offer(g_ptr_array_index(n->nics, i), error))
            return false;
    }
    return true;
}

static void nic_left(void *opaque)
{
    struct vm_nic *nic = opaque;
    struct vm_nets *n = nic->all;
    g_autofree char *id = g_strdup(nic->config->id);

    g_ptr_array_remove(n->nics, nic);
    if (n->deleted)
        n->deleted(n->opaque, id);
}

void vm_nets_detach(struct vm_nets *n)
{
    if (!n)
        return;
    n->host = NULL;
    for (guint i = n->nics->len; i-- > 0;) {
        struct vm_nic *nic = g_ptr_array_index(n->nics, i);
        g_clear_pointer(&nic->backend, net_backend_free);
        if (nic->leaving)
            nic_left(nic);
    }
}

void vm_nets_free(struct vm_nets *n)
{
    if (!n)
        return;
    g_ptr_array_unref(n->nics);
    g_ptr_array_unref(n->ports);
    g_free(n);
}

void vm_nets_set_deleted(struct vm_nets *n, void (*deleted)(void *opaque, const char *nic),
                         void *opaque)
{
    n->deleted = deleted;
    n->opaque = opaque;
}

bool vm_nets_add(struct vm_nets *n, struct netdev_config *netdev, GError **error)
{
    if (find_port(n, netdev->id))
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_EXISTS, "Duplicate ID '%s' for netdev",
                    netdev->id);
    else if (open_port(n, netdev, netdev, error))
        return true;
    netdev_config_free(netdev);
    return false;
}

bool vm_nets_remove(struct vm_nets *n, const char *id, GError **error)
{
    struct vm_port *p = find_port(n, id);
    const struct vm_nic *nic = p ? user_of(n, p) : NULL;

    if (!p)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "Device '%s' not found", id);
    else if (nic)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_BUSY, "Device '%s' is in use by '%s'", id,
                    nic->config->id ? nic->config->id : "a network card");
    else
        g_ptr_array_remove(n->ports, p);
    return p && !nic;
}

/* Its MAC address, when it brings none, is one that no other has. */
static bool assign_mac(const struct vm_nets *n, struct nic_config *nic, GError **error)
{
    g_autoptr(GPtrArray) all = g_ptr_array_new();

    for (guint i = 0; i < n->nics->len; i++)
        g_ptr_array_add(all, (void *)((struct vm_nic *)g_ptr_array_index(n->nics, i))->config);
    g_ptr_array_add(all, nic);
    return nic_configs_assign(all, error);
}

static bool check_plug(const struct vm_nets *n, const struct nic_config *nic, GError **error)
{
    const struct vm_port *p = find_port(n, nic->netdev);

    if (nic->id && find_nic(n, nic->id))
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_EXISTS, "Duplicate device ID '%s'", nic->id);
    else if (nic->netdev && !p)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                    "Property 'xen-net-device.netdev' can't find value '%s'", nic->netdev);
    else if (p && user_of(n, p))
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_BUSY,
                    "Property 'xen-net-device.netdev' can't take value '%s', it's in use",
                    nic->netdev);
    else
        return true;
    return false;
}

bool vm_nets_plug(struct vm_nets *n, struct nic_config *config, GError **error)
{
    if (!check_plug(n, config, error) || !assign_mac(n, config, error)) {
        nic_config_free(config);
        return false;
    }
    struct vm_nic *nic = add_nic(n, config, config);
    if (offer(nic, error))
        return true;
    g_ptr_array_remove(n->nics, nic);
    return false;
}

bool vm_nets_has(const struct vm_nets *n, const char *nic)
{
    return find_nic(n, nic) != NULL;
}

bool vm_nets_unplug(struct vm_nets *n, const char *id, GError **error)
{
    struct vm_nic *nic = find_nic(n, id);

    if (!nic || nic->leaving) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED,
                    nic ? "Device %s is already in the process of unplug" : "Device '%s' not found",
                    id);
        return false;
    }
    nic->leaving = true;
    if (nic->backend)
        net_backend_unplug(nic->backend, nic_left, nic);
    else
        nic_left(nic);
    return true;
}

bool vm_nets_set_link(struct vm_nets *n, const char *name, bool up, GError **error)
{
    struct vm_nic *nic = find_nic(n, name);
    struct vm_port *p = nic ? nic->port : find_port(n, name);

    if (!nic && !p) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "Device '%s' not found", name);
        return false;
    }
    if (p)
        netport_set_link(p->port, up);
    return true;
}

unsigned vm_nets_count(const struct vm_nets *n)
{
    return n->nics->len;
}

struct vm_nic_info vm_nets_info(const struct vm_nets *n, unsigned i)
{
    const struct vm_nic *nic = g_ptr_array_index(n->nics, i);

    return (struct vm_nic_info){nic->config, nic->port ? nic->port->config : NULL,
                                nic->port && netport_link(nic->port->port)};
}
