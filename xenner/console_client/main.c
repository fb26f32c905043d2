/* xenner-console NAME|UUID: attaches this terminal to a running guest's console. */
#include "xenner/console_client/attach.h"
#include "xenner/util/rundir.h"

#include <gio/gio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct request {
    gint number;
    gboolean list, version;
    char *guest;
};

static const char *shown_name(const struct rundir_entry *e)
{
    return e->name ? e->name : "-";
}

static void print_list(const GPtrArray *guests)
{
    for (guint i = 0; i < guests->len; i++) {
        const struct rundir_entry *e = g_ptr_array_index(guests, i);
        printf("%-20s %-36s %d\n", shown_name(e), e->uuid ? e->uuid : "-", (int)e->pid);
    }
}

/* By name, UUID or process id: the last one tells guests of one name apart. */
static bool matches(const struct rundir_entry *e, const char *guest)
{
    g_autofree char *pid = g_strdup_printf("%d", (int)e->pid);

    return g_strcmp0(e->name, guest) == 0 || (e->uuid && g_ascii_strcasecmp(e->uuid, guest) == 0) ||
           strcmp(pid, guest) == 0;
}

static const struct rundir_entry *find(const GPtrArray *guests, const char *guest, GError **error)
{
    const struct rundir_entry *found = NULL;
    g_autoptr(GString) pids = g_string_new(NULL);
    unsigned n = 0;

    for (guint i = 0; i < guests->len; i++) {
        const struct rundir_entry *e = g_ptr_array_index(guests, i);
        if (!matches(e, guest))
            continue;
        found = e;
        g_string_append_printf(pids, "%s%d", n++ ? ", " : "", (int)e->pid);
    }
    if (n == 1)
        return found;
    if (n == 0)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                    "no guest '%s' is running (-l lists them)", guest);
    else
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED,
                    "%u guests are called '%s': choose one of the processes %s", n, guest, pids->str);
    return NULL;
}

static int open_console(const struct rundir_entry *e, int number, GError **error)
{
    g_autofree char *file = g_strdup_printf("console.%d", number);
    g_autofree char *path = g_build_filename(e->path, file, NULL), *where = NULL;

    if (!g_file_get_contents(path, &where, NULL, NULL)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "it has no console %d", number);
        return -1;
    }
    return attach_open(where, error);
}

static int attach(const struct request *req, const GPtrArray *guests)
{
    g_autoptr(GError) error = NULL;
    const struct rundir_entry *e = find(guests, req->guest, &error);
    bool talk = isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
    int fd = e ? open_console(e, req->number, &error) : -1;

    if (fd < 0) {
        fprintf(stderr, "xenner-console: %s%s%s\n", e ? req->guest : "", e ? ": " : "",
                error->message);
        return 1;
    }
    if (talk)
        fprintf(stderr, "Connected to '%s'; Ctrl-] ends.\r\n", req->guest);
    enum attach_end end = attach_run(fd, &error);
    close(fd);
    if (end == ATTACH_FAILED)
        fprintf(stderr, "xenner-console: %s\n", error->message);
    else if (talk)
        fprintf(stderr, end == ATTACH_CLOSED ? "\nThe guest has ended.\n" : "\n");
    return end == ATTACH_FAILED;
}

static bool parse(int *argc, char ***argv, struct request *req, GError **error)
{
    const GOptionEntry entries[] = {
        {"number", 'n', 0, G_OPTION_ARG_INT, &req->number, "which console: hvcN (default 0)", "N"},
        {"list", 'l', 0, G_OPTION_ARG_NONE, &req->list, "list the running guests", NULL},
        {"version", 'V', 0, G_OPTION_ARG_NONE, &req->version, "the version", NULL},
        {NULL}};
    g_autoptr(GOptionContext) context = g_option_context_new("NAME|UUID|PID");

    g_option_context_set_summary(context, "Attaches this terminal to a running guest's console.");
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, argc, argv, error))
        return false;
    if (req->list || req->version)
        return true;
    if (*argc != 2) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                    "needs one NAME, UUID or process id (--help)");
        return false;
    }
    req->guest = (*argv)[1];
    return true;
}

int main(int argc, char *argv[])
{
    g_autofree char *base = rundir_base();
    g_autoptr(GError) error = NULL;
    struct request req = {0};

    if (!parse(&argc, &argv, &req, &error)) {
        fprintf(stderr, "xenner-console: %s\n", error->message);
        return 1;
    }
    if (req.version) {
        puts("xenner-console version " XENNER_VERSION);
        return 0;
    }
    g_autoptr(GPtrArray) guests = rundir_list(base ? base : "");
    if (!req.list)
        return attach(&req, guests);
    print_list(guests);
    return 0;
}
