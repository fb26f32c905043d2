/* xenguest-manager: arguments to a command. */
#include "xenguest/manager/commands.h"
#include "xenguest/manager/guest.h"
#include "xenguest/manager/say.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
    int verbosity;
    const char *root;
    bool version, help;
};

/* Options may stand anywhere. True when it was one. */
static bool take_option(const char *arg, struct options *o, struct request *req)
{
    if (strcmp(arg, "-v") == 0)
        o->verbosity = MAX(o->verbosity, 1);
    else if (strcmp(arg, "-vv") == 0)
        o->verbosity = 2;
    else if (strcmp(arg, "--nowait") == 0)
        req->nowait = true;
    else if (strcmp(arg, "--kill") == 0)
        req->kill = true;
    else if (strcmp(arg, "--version") == 0)
        o->version = true;
    else if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0)
        o->help = true;
    else if (g_str_has_prefix(arg, "--root="))
        o->root = arg + strlen("--root=");
    else
        return false;
    return true;
}

static int usage(const char *what, const char *arg)
{
    fprintf(stderr, "xenguest-manager: %s%s (xenguest-manager help)\n", what, arg);
    return EXIT_USAGE;
}

static int run(const struct options *o, const struct request *req)
{
    g_autoptr(GError) error = NULL;
    const struct command *c = command_find(req->command);

    if (!c)
        return usage("no such command: ", req->command);
    AUTO(settings) s = settings_load(o->root, &error);
    if (!s) {
        fprintf(stderr, "xenguest-manager: %s\n", error->message);
        return EXIT_FAILURE;
    }
    say_setup("xenguest-manager", MAX(o->verbosity, s->log_level), s->logs);
    return command_run(c, s, req);
}

int main(int argc, char *argv[])
{
    struct options o = {0};
    struct request req = {0};
    g_autoptr(GPtrArray) args = g_ptr_array_new();

    signal(SIGPIPE, SIG_IGN);
    for (int i = 1; i < argc; i++) {
        if (take_option(argv[i], &o, &req))
            continue;
        if (argv[i][0] == '-')
            return usage("no such option: ", argv[i]);
        g_ptr_array_add(args, argv[i]);
    }
    g_ptr_array_add(args, NULL);
    if (o.version) {
        puts("xenguest-manager version " XENNER_VERSION);
        return EXIT_SUCCESS;
    }
    if (o.help) {
        commands_help();
        return EXIT_SUCCESS;
    }
    if (args->len == 1)
        return usage("needs a command", "");
    req.command = g_ptr_array_index(args, 0);
    req.args = (char **)args->pdata + 1;
    req.nr_args = args->len - 2;
    return run(&o, &req);
}
