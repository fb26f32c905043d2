#include "xenner/domain/libxl_owner.h"
#include "xenner/domain/libxl_config.h"
#include "xenner/host/libxen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xenstore.h>

/* A process's start in clock ticks: together with the number it is unique until the next boot. */
static bool start_time(unsigned pid, unsigned long long *ret)
{
    g_autofree char *path = g_strdup_printf("/proc/%u/stat", pid), *text = NULL;

    if (!g_file_get_contents(path, &text, NULL, NULL))
        return false;
    char *after = strrchr(text, ')'); /* the name may contain anything */
    for (unsigned field = 2; after && field < 22; field++) {
        after = strchr(after, ' ');
        if (after)
            after++;
    }
    return after && sscanf(after, "%llu", ret) == 1;
}

char *libxl_owner_self(void)
{
    unsigned long long start = 0;

    start_time((unsigned)getpid(), &start);
    return g_strdup_printf("%u %llu", (unsigned)getpid(), start);
}

bool libxl_owner_alive(const char *owner)
{
    unsigned long long noted, start;
    unsigned pid;

    return sscanf(owner, "%u %llu", &pid, &noted) == 2 && start_time(pid, &start) && start == noted;
}

static void remove_if_empty(struct xs_handle *xs, const char *path)
{
    unsigned n = 1;
    xs_transaction_t txn = xs_transaction_start(xs);
    char **names = xs_directory(xs, txn, path, &n);

    if (names && n == 0)
        xs_rm(xs, txn, path);
    free(names);
    xs_transaction_end(xs, txn, n != 0); /* somebody else was quicker: it is not empty any more */
}

/* Of backends that were ours; libxl knows nothing of them. */
static void remove_backends(uint32_t domid)
{
    static const char *const types[] = {"console", "vbd", "vif", "vfb", "vkbd"};
    struct xs_handle *xs = xs_open(0);

    for (unsigned i = 0; xs && i < G_N_ELEMENTS(types); i++) {
        g_autofree char *path = g_strdup_printf("/local/domain/0/backend/" LIBXEN_TYPE_PREFIX "%s/%u",
                                                 types[i], domid);
        if (!xs_rm(xs, XBT_NULL, path))
            continue;
        g_autofree char *parent = g_path_get_dirname(path);
        remove_if_empty(xs, parent);
    }
    xs_close(xs);
}

bool libxl_owner_destroy(struct libxl_loop *loop, uint32_t domid, GError **error)
{
    int rc = libxl_domain_destroy(libxl_loop_ctx(loop), domid, NULL);

    remove_backends(domid);
    return rc == 0 || libxl_loop_error(loop, error, "the domain can't be destroyed");
}

/* NULL: the domain is not xenner's. */
static char *owner_of(struct xs_handle *xs, uint32_t domid)
{
    g_autofree char *path = g_strdup_printf("/local/domain/%u/" LIBXL_OWNER_NODE, domid);
    unsigned len;

    return xs_read(xs, XBT_NULL, path, &len);
}

void libxl_owner_sweep(struct libxl_loop *loop)
{
    int n = 0;
    libxl_dominfo *list = libxl_list_domain(libxl_loop_ctx(loop), &n);
    struct xs_handle *xs = list ? xs_open(0) : NULL;

    for (int i = 0; xs && i < n; i++) {
        g_autoptr(GError) error = NULL;
        char *owner = list[i].domid ? owner_of(xs, list[i].domid) : NULL;
        if (owner && !libxl_owner_alive(owner)) {
            g_message("domain %u is left over from a xenner that was killed: destroyed",
                      list[i].domid);
            if (!libxl_owner_destroy(loop, list[i].domid, &error))
                g_warning("%s", error->message);
        }
        free(owner);
    }
    if (xs)
        xs_close(xs);
    if (list)
        libxl_dominfo_list_free(list, n);
}
