#include "xenguest/lib/image.h"
#include "xenguest/manager/running.h"
#include "xenguest/manager/say.h"
#include "xenguest/manager/scripts.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

/* A manager that died between its start and "cont" left a guest that waits for nobody. */
static bool is_left_paused(const struct guest *g)
{
    g_autofree char *status = running_status(g);

    return g_strcmp0(status, "prelaunch") == 0;
}

static bool check_stopped(const struct guest *g, GError **error)
{
    if (!running_is(g))
        return true;
    if (is_left_paused(g)) {
        say(SAY_WARNING, "'%s' was left half started: starting it anew", g->name);
        return guest_kill(g, error);
    }
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_EXISTS, "'%s' is running", g->name);
    return false;
}

static void add(GPtrArray *argv, const char *option, const char *value)
{
    g_ptr_array_add(argv, g_strdup(option));
    if (value)
        g_ptr_array_add(argv, g_strdup(value));
}

/* Paused, in the background, with what the manager needs of it. */
static void add_process(const struct guest *g, const char *log, GPtrArray *argv)
{
    g_autofree char *qmp = running_file(g, "qmp"), *pid = running_file(g, "pid");
    g_autoptr(GString) monitor = g_string_new("unix:");

    for (const char *c = qmp; *c; c++)
        g_string_append_printf(monitor, *c == ',' ? ",," : "%c", *c);
    g_string_append(monitor, ",server=on,wait=off");
    add(argv, "-serial", "pty");
    add(argv, "-qmp", monitor->str);
    add(argv, "-pidfile", pid);
    add(argv, "-D", log);
    add(argv, "-S", NULL);
    add(argv, "-daemonize", NULL);
}

/* This start's messages begin a new file; the last start's are kept. */
static char *new_log(const struct settings *s, const struct guest *g)
{
    g_autofree char *name = g_strdup_printf("%s.log", g->name);
    char *path = g_build_filename(s->logs, name, NULL);
    g_autofree char *old = g_strconcat(path, ".old", NULL);

    g_mkdir_with_parents(s->logs, 0750);
    if (g_rename(path, old) < 0 && errno != ENOENT)
        say(SAY_DEBUG, "%s: %s", path, g_strerror(errno));
    return path;
}

/* xenner's last words, which went to its log. */
static void explain(const char *log, const struct guest *g, GError **error)
{
    g_autofree char *text = NULL;

    if (!g_file_get_contents(log, &text, NULL, NULL))
        text = g_strdup("");
    g_strchomp(text);
    const char *line = strrchr(text, '\n');
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "'%s' did not start: %s", g->name,
                *text ? line ? line + 1 : text : "xenner did not say why");
}

/* No pipes: what xenner runs keeps its stderr, and would keep us waiting. */
static bool run_xenner(const struct guest *g, const char *const *argv, const char *log,
                       GError **error)
{
    g_autoptr(GSubprocessLauncher)
        launcher = g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_STDOUT_SILENCE);
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);

    if (fd >= 0)
        g_subprocess_launcher_take_stderr_fd(launcher, fd);
    g_subprocess_launcher_set_cwd(launcher, g->dir);
    g_autoptr(GSubprocess) p = g_subprocess_launcher_spawnv(launcher, argv, error);
    if (!p || !g_subprocess_wait(p, NULL, error))
        return false;
    if (g_subprocess_get_if_exited(p) && g_subprocess_get_exit_status(p) == 0)
        return true;
    explain(log, g, error);
    return false;
}

static bool spawn(const struct settings *s, const struct guest *g, GPtrArray *argv, GError **error)
{
    g_autofree char *log = new_log(s, g);

    add_process(g, log, argv);
    g_autofree char *line = xl_command_text(s->xenner, argv);
    say(SAY_DEBUG, "%s", line);
    g_ptr_array_insert(argv, 0, g_strdup(s->xenner));
    g_ptr_array_add(argv, NULL);
    return run_xenner(g, (const char *const *)argv->pdata, log, error);
}

static bool set_vnc_password(struct qmp_client *qmp, const char *password, GError **error)
{
    JsonObject *args = json_object_new();

    json_object_set_string_member(args, "protocol", "vnc");
    json_object_set_string_member(args, "password", password);
    return qmp_client_do(qmp, "set_password", args, -1, NULL, error);
}

static bool let_run(const struct guest *g, const struct xl_command *cmd, GError **error)
{
    g_autofree char *path = running_file(g, "qmp");
    AUTO(qmp_client) qmp = qmp_client_connect(path, error);

    return qmp && (!cmd->vnc_password || set_vnc_password(qmp, cmd->vnc_password, error)) &&
           qmp_client_do(qmp, "cont", NULL, -1, NULL, error);
}

static bool start(const struct settings *s, const struct guest *g, struct xl_command *cmd,
                  GError **error)
{
    if (!check_stopped(g, error) || !scripts_run(g, "init.pre", error) ||
        !guest_command(s, g, cmd, error) || !spawn(s, g, cmd->argv, error))
        return false;
    if (scripts_run(g, "init.d", error) && let_run(g, cmd, error) &&
        scripts_run(g, "init.post", error))
        return true;
    g_autoptr(GError) why = NULL;
    if (!guest_kill(g, &why))
        say(SAY_WARNING, "%s", why->message);
    return false;
}

bool guest_start(const struct settings *s, const struct guest *g, GError **error)
{
    struct xl_command cmd = {0};
    int lock = running_lock(g, error);

    if (lock < 0)
        return false;
    bool ok = start(s, g, &cmd, error);
    xl_command_clear(&cmd);
    close(lock);
    return ok;
}
