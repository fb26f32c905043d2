#include "xenguest/disk/run.h"

#include <errno.h>
#include <gio/gio.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Programs for file systems and volumes are not in every user's PATH. */
static char *find(const char *name)
{
    static const char *const more[] = {"/usr/sbin", "/sbin"};
    char *path = g_find_program_in_path(name);

    for (unsigned i = 0; !path && i < G_N_ELEMENTS(more); i++) {
        path = g_build_filename(more[i], name, NULL);
        if (access(path, X_OK) < 0)
            g_clear_pointer(&path, g_free);
    }
    return path;
}

bool run_exists(const char *name)
{
    g_autofree char *path = find(name);

    return path;
}

static void in_child(gpointer data)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    signal(SIGPIPE, SIG_DFL);
}

/* argv with the program's path, and the environment without a language, so that output is parsable.
 */
static GSubprocess *spawn(const char *const argv[], GSubprocessFlags flags, GError **error)
{
    g_autofree char *path = find(argv[0]);
    g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(flags);
    g_autoptr(GPtrArray) args = g_ptr_array_new();

    if (!path) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "the program '%s' is not installed",
                    argv[0]);
        return NULL;
    }
    for (unsigned i = 0; argv[i]; i++)
        g_ptr_array_add(args, (gpointer)(i ? argv[i] : path));
    g_ptr_array_add(args, NULL);
    g_subprocess_launcher_setenv(launcher, "LC_ALL", "C.UTF-8", TRUE);
    g_subprocess_launcher_set_child_setup(launcher, in_child, NULL, NULL);
    return g_subprocess_launcher_spawnv(launcher, (const char *const *)args->pdata, error);
}

static bool ended_well(GSubprocess *p, const char *name, const char *err, GError **error)
{
    if (g_subprocess_get_if_exited(p) && g_subprocess_get_exit_status(p) == 0)
        return true;
    g_autofree char *text = g_strstrip(g_strdup(err ? err : ""));
    const char *line = strrchr(text, '\n');
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s: %s", name,
                *text ? line ? line + 1 : text : "ended without saying why");
    return false;
}

bool run_program(const char *const argv[], char **ret_out, GError **error)
{
    g_autoptr(GSubprocess)
        p = spawn(argv, G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE, error);
    g_autofree char *out = NULL, *err = NULL;

    if (!p || !g_subprocess_communicate_utf8(p, NULL, NULL, &out, &err, error) ||
        !ended_well(p, argv[0], err, error))
        return false;
    if (ret_out)
        *ret_out = g_steal_pointer(&out);
    return true;
}

/* The program that stops reading says why on stderr: not an error of ours. */
static bool feed(GOutputStream *to, run_input_fn input, void *opaque, GError **error)
{
    g_autofree char *buffer = g_malloc(65536);
    ssize_t n;

    while ((n = input(opaque, buffer, 65536, error)) > 0) {
        if (!g_output_stream_write_all(to, buffer, (gsize)n, NULL, NULL, NULL))
            break;
    }
    return n >= 0;
}

bool run_program_input(const char *const argv[], run_input_fn input, void *opaque, GError **error)
{
    g_autoptr(GSubprocess)
        p = spawn(argv,
                  G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_SILENCE |
                      G_SUBPROCESS_FLAGS_STDERR_PIPE,
                  error);
    g_autofree char *err = NULL;

    if (!p)
        return false;
    /* stderr is read after stdin is fed: what mtools has to say is shorter than a pipe */
    bool ok = feed(g_subprocess_get_stdin_pipe(p), input, opaque, error);
    if (!ok)
        g_subprocess_force_exit(p);
    if (!g_subprocess_communicate_utf8(p, NULL, NULL, NULL, &err, ok ? error : NULL))
        return false;
    return ok && ended_well(p, argv[0], err, error);
}
