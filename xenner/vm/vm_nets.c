#include "xenner/vm/vm_nets.h"
#include "xenner/backend/net.h"
#include "xenner/host/xen_kernel.h"

#include <gio/gio.h>
#include <string.h>

struct vm_port {
    const struct netdev_config *config;
    struct netdev_config *own; /* of a hot plug, or NULL */
    struct netport *port;      /* owned; NULL while the kernel serves its card, or may come to */
    bool down;                 /* of the kernel's */
};

struct vm_nic {
    struct vm_nets *all;
    const struct nic_config *config;
    struct nic_config *own;
    unsigned devid;
    struct vm_port *port;       /* NULL: no cable, it has */
    struct netport *no_cable;   /* owned */
    struct net_backend *backend; /* the guest's vif, when it is ours */
    struct kernel_device *kernel; /* when it is the kernel's; both NULL: no guest */
    bool leaving;
};

struct vm_nets {
    GPtrArray *ports; /* struct vm_port *, owned */
    GPtrArray *nics;  /* struct vm_nic *, owned */
    struct xen_host *host;
    enum device_backend backend; /* of cards that don't say */
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

static bool kernel_serves(const struct vm_nets *n)
{
    return n->host->kernel && n->host->kernel->ops->serves(n->host->kernel, "vif");
}

/* A bridge's tap has to wait: the kernel would have no use for it, and who serves a card is known when it comes. */
static bool may_wait(const struct vm_nets *n, const struct netdev_config *config)
{
    return config->kind == NETDEV_BRIDGE && (!n->host || kernel_serves(n));
}

static bool open_late(struct vm_port *p, GError **error)
{
    if (!p->port && !(p->port = netport_new(p->config, error)))
        g_prefix_error(error, "%s: ", p->config->origin);
    return p->port != NULL;
}

static bool open_port(struct vm_nets *n, const struct netdev_config *config,
                      struct netdev_config *own, GError **error)
{
    bool wait = may_wait(n, config);
    struct netport *port = wait ? NULL : netport_new(config, error);

    if (!wait && !port)
        return false;
    struct vm_port *p = g_new0(struct vm_port, 1);
    *p = (struct vm_port){.config = config, .own = own, .port = port};
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

    n->backend = cfg->backends.net;
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

/* Why the kernel does not serve the card; NULL: it does. */
static const char *not_for_kernel(const struct vm_nic *nic)
{
    const struct vm_nets *n = nic->all;

    if (!n->host->kernel)
        return "this is no Xen host";
    if (!nic->port || nic->port->config->kind != NETDEV_BRIDGE)
        return "its network is no bridge";
    return kernel_serves(n) ? NULL : "the module xen-netback is not loaded";
}

static bool offer_kernel(struct vm_nic *nic, bool *ret_done, GError **error)
{
    struct xen_kernel *k = nic->all->host->kernel;
    enum device_backend want = nic->config->backend ? nic->config->backend : nic->all->backend;
    const char *why_not = want == DEVICE_BACKEND_XENNER ? "backend=xenner" : not_for_kernel(nic);

    *ret_done = false;
    if (why_not && want == DEVICE_BACKEND_KERNEL)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s: backend=kernel: %s", nic->config->origin, why_not);
    if (why_not)
        return want != DEVICE_BACKEND_KERNEL;
    struct kernel_nic c = {.devid = nic->devid, .bridge = nic->port->config->tap.bridge};
    memcpy(c.mac, nic->config->mac, sizeof(c.mac));
    nic->kernel = k->ops->add_nic(k, &c, error);
    return *ret_done = nic->kernel != NULL;
}

static void withdraw(struct vm_nic *nic)
{
    g_clear_pointer(&nic->backend, net_backend_free);
    if (nic->kernel)
        nic->all->host->kernel->ops->forget(g_steal_pointer(&nic->kernel));
}

static bool offer(struct vm_nic *nic, GError **error)
{
    struct vm_nets *n = nic->all;
    bool done;

    if (n->host && (!offer_kernel(nic, &done, error) || done))
        return done;
    if (n->host && nic->port && !open_late(nic->port, error))
        return false;
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
    for (guint i = 0; i < n->ports->len; i++) {
        struct vm_port *p = g_ptr_array_index(n->ports, i);
        if (!user_of(n, p) && !may_wait(n, p->config) && !open_late(p, error))
            return false;
    }
    return true;
}

static void nic_left(void *opaque)
{
    struct vm_nic *nic = opaque;
    struct vm_nets *n = nic->all;
    g_autofree char *id = g_strdup(nic->config->id);

    withdraw(nic);
    g_ptr_array_remove(n->nics, nic);
    if (n->deleted)
        n->deleted(n->opaque, id);
}

void vm_nets_detach(struct vm_nets *n)
{
    if (!n)
        return;
    for (guint i = n->nics->len; i-- > 0;)
        withdraw(g_ptr_array_index(n->nics, i));
    n->host = NULL;
    for (guint i = n->nics->len; i-- > 0;) {
        struct vm_nic *nic = g_ptr_array_index(n->nics, i);
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
    else if (nic->kernel)
        n->host->kernel->ops->unplug(nic->kernel, nic_left, nic);
    else
        nic_left(nic);
    return true;
}

/* Without a card there is nothing to set: it will be up. */
static bool set_kernel_link(struct vm_nets *n, struct vm_port *p, bool up, GError **error)
{
    const struct vm_nic *nic = user_of(n, p);

    if (nic && nic->kernel && !n->host->kernel->ops->set_link(nic->kernel, up, error))
        return false;
    p->down = !up;
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
    if (p && !p->port)
        return set_kernel_link(n, p, up, error);
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
                                nic->port && (nic->port->port ? netport_link(nic->port->port) : !nic->port->down)};
}
