#include "xenner/vm/doors.h"
#include "xenner/host/store/socket.h"
#include "xenner/util/rundir.h"

struct vm_doors {
    struct rundir *dir;
    struct store_socket *store;
};

struct vm_doors *vm_doors_new(const struct vm_config *cfg)
{
    g_autofree char *base = rundir_base(), *path = NULL;
    g_autoptr(GError) error = NULL;
    struct vm_doors *doors = g_new0(struct vm_doors, 1);

    if (!base) {
        g_debug("no XDG_RUNTIME_DIR: no xenstore socket");
    } else if (!(doors->dir = rundir_new(base, cfg->name, cfg->uuid, &error))) {
        g_warning("no xenstore socket: %s", error->message);
    } else {
        path = rundir_file(doors->dir, "xenstore");
        doors->store = store_socket_new(path, &error);
        if (doors->store)
            return doors;
        g_warning("no xenstore socket: %s", error->message);
    }
    vm_doors_free(doors);
    return NULL;
}

void vm_doors_serve(struct vm_doors *doors, struct domain *domain)
{
    if (doors)
        store_socket_serve(doors->store, domain ? domain_store(domain) : NULL);
}

/* xenconsole looks for a terminal at the node where xenconsoled has it. */
static void write_tty(struct domain *domain, unsigned n, const char *tty)
{
    struct xen_host *host = domain_host(domain);
    g_autofree char *path =
        n ? g_strdup_printf("/local/domain/%u/device/console/%u/tty", host->domid, n)
          : g_strdup_printf("/local/domain/%u/console/tty", host->domid);
    g_autoptr(GError) error = NULL;

    if (!host->xs->write(host, 0, path, tty, &error))
        g_debug("%s", error->message);
}

/* Who reads it is in another directory. */
static char *whole_path(const char *label)
{
    if (!g_str_has_prefix(label, "unix:"))
        return g_strdup(label);
    g_autofree char *path = g_canonicalize_filename(label + 5, NULL);
    return g_strdup_printf("unix:%s", path);
}

void vm_doors_console(struct vm_doors *doors, struct domain *domain, unsigned n, const char *label)
{
    g_autofree char *name = g_strdup_printf("console.%u", n), *where = NULL;
    g_autoptr(GError) error = NULL;
    xen_pfn_t gfn;
    evtchn_port_t port;

    /* where xenconsoled serves console 0, the node is xenconsoled's */
    if (g_str_has_prefix(label, "pty:") && (n || domain_console(domain, 0, &gfn, &port)))
        write_tty(domain, n, label + 4);
    if (!doors)
        return;
    where = whole_path(label);
    if (!rundir_write(doors->dir, name, where, &error))
        g_warning("%s", error->message);
}

bool vm_doors_give(struct vm_doors *doors, uid_t uid, gid_t gid, GError **error)
{
    return !doors || rundir_give(doors->dir, uid, gid, error);
}

void vm_doors_free(struct vm_doors *doors)
{
    if (!doors)
        return;
    store_socket_free(doors->store);
    rundir_free(doors->dir);
    g_free(doors);
}
