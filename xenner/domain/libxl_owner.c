#include "xenner/domain/libxl_owner.h"
#include "xenner/domain/libxl_config.h"
#include "xenner/host/libxen.h"

#include <errno.h>
#include <gio/gio.h>
#include <libxl_utils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xenstore.h>

/* Notes of domains that are being made, "xenner-UUID", in a directory that xenstored always has. */
#define MAKING_DIR    "/tool"
#define MAKING_PREFIX "xenner-"

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

struct libxl_making {
    struct xs_handle *xs;
    char *path;
};

struct libxl_making *libxl_owner_begin(const libxl_uuid *uuid, const char *owner, GError **error)
{
    struct libxl_making *m = g_new0(struct libxl_making, 1);

    m->xs = xs_open(0);
    m->path = g_strdup_printf(MAKING_DIR "/" MAKING_PREFIX LIBXL_UUID_FMT, LIBXL_UUID_BYTES(*uuid));
    if (m->xs && xs_write(m->xs, XBT_NULL, m->path, owner, (unsigned)strlen(owner)))
        return m;
    g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(errno), "xenstore: %s: %s", m->path,
                g_strerror(errno));
    libxl_owner_end(m);
    return NULL;
}

void libxl_owner_end(struct libxl_making *m)
{
    if (!m)
        return;
    if (m->xs)
        xs_rm(m->xs, XBT_NULL, m->path);
    xs_close(m->xs);
    g_free(m->path);
    g_free(m);
}

static void destroy_left_over(struct libxl_loop *loop, uint32_t domid)
{
    g_autoptr(GError) error = NULL;

    g_message("domain %u is left over from a xenner that was killed: destroyed", domid);
    if (!libxl_owner_destroy(loop, domid, &error))
        g_warning("%s", error->message);
}

/* One whose xenner was killed between Xen's making it and its directory in xenstore, which names the owner. */
static void sweep_half_made(struct libxl_loop *loop, struct xs_handle *xs, const char *uuid,
                            const libxl_dominfo *list, int n)
{
    for (int i = 0; i < n; i++) {
        g_autofree char *is = g_strdup_printf(LIBXL_UUID_FMT, LIBXL_UUID_BYTES(list[i].uuid));
        g_autofree char *dir = g_strdup_printf("/local/domain/%u", list[i].domid);
        unsigned len;
        char **nodes = strcmp(is, uuid) == 0 && list[i].domid ? xs_directory(xs, XBT_NULL, dir, &len) : NULL;

        if (strcmp(is, uuid) == 0 && list[i].domid && !nodes)
            destroy_left_over(loop, list[i].domid);
        free(nodes);
    }
}

static void sweep_notes(struct libxl_loop *loop, struct xs_handle *xs, const libxl_dominfo *list, int n)
{
    unsigned count = 0, len;
    char **names = xs_directory(xs, XBT_NULL, MAKING_DIR, &count);

    for (unsigned i = 0; names && i < count; i++) {
        g_autofree char *path = g_strdup_printf(MAKING_DIR "/%s", names[i]);
        char *owner = g_str_has_prefix(names[i], MAKING_PREFIX) ? xs_read(xs, XBT_NULL, path, &len) : NULL;
        if (owner && !libxl_owner_alive(owner)) {
            sweep_half_made(loop, xs, names[i] + strlen(MAKING_PREFIX), list, n);
            xs_rm(xs, XBT_NULL, path);
        }
        free(owner);
    }
    free(names);
}

void libxl_owner_sweep(struct libxl_loop *loop)
{
    int n = 0;
    libxl_dominfo *list = libxl_list_domain(libxl_loop_ctx(loop), &n);
    struct xs_handle *xs = list ? xs_open(0) : NULL;

    if (xs) /* first, as those that are destroyed below have no directory any more */
        sweep_notes(loop, xs, list, n);
    for (int i = 0; xs && i < n; i++) {
        char *owner = list[i].domid ? owner_of(xs, list[i].domid) : NULL;
        if (owner && !libxl_owner_alive(owner))
            destroy_left_over(loop, list[i].domid);
        free(owner);
    }
    if (xs)
        xs_close(xs);
    if (list)
        libxl_dominfo_list_free(list, n);
}
