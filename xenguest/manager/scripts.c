#include "xenguest/manager/scripts.h"

#include "xenguest/lib/assign.h"
#include "xenguest/manager/say.h"

#include <gio/gio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char **list(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    g_autoptr(GStrvBuilder) names = g_strv_builder_new();

    for (const char *name; dir && (name = g_dir_read_name(dir));) {
        g_autofree char *file = g_build_filename(path, name, NULL);
        if (*name != '.' && g_file_test(file, G_FILE_TEST_IS_REGULAR))
            g_strv_builder_add(names, name);
    }
    char **sorted = g_strv_builder_end(names);
    qsort(sorted, g_strv_length(sorted), sizeof(*sorted), compare);
    return sorted;
}

/* Ours, and what params.cfg says on top. A wrong params.cfg is an error: a script might rely on it.
 */
static char **environment(const struct guest *g, GError **error)
{
    g_autofree char *path = g_build_filename(g->dir, "params.cfg", NULL);
    char **env = g_get_environ();

    if (!g_file_test(path, G_FILE_TEST_EXISTS))
        return env;
    AUTO(assign) params = assign_load(path, error);
    g_auto(GStrv) names = params ? assign_names(params) : NULL;
    if (!params) {
        g_strfreev(env);
        return NULL;
    }
    for (unsigned i = 0; names[i]; i++)
        env = g_environ_setenv(env, names[i], assign_get(params, names[i]), TRUE);
    return env;
}

/* A script that can be executed says itself what runs it; others are sh's. */
static bool run_one(const struct guest *g, const char *script, char **env, GError **error)
{
    const char *const by_itself[] = {script, g->name, NULL};
    const char *const by_sh[] = {"/bin/sh", script, g->name, NULL};
    const char *const *argv = access(script, X_OK) == 0 ? by_itself : by_sh;
    int status;

    say(SAY_VERBOSE, "running %s", script);
    if (!g_spawn_sync(g->dir, (char **)argv, env, G_SPAWN_CHILD_INHERITS_STDIN, NULL, NULL, NULL,
                      NULL, &status, error))
        return false;
    return g_spawn_check_wait_status(status, error);
}

bool scripts_run(const struct guest *g, const char *dir, GError **error)
{
    g_autofree char *path = g_build_filename(g->dir, dir, NULL);
    g_auto(GStrv) names = list(path), env = NULL;

    if (!names[0])
        return true;
    env = environment(g, error);
    for (unsigned i = 0; env && names[i]; i++) {
        g_autofree char *script = g_build_filename(path, names[i], NULL);
        if (run_one(g, script, env, error))
            continue;
        g_prefix_error(error, "%s/%s: ", dir, names[i]);
        return false;
    }
    return env;
}
