#include "xenguest/manager/commands.h"

#include "xenguest/manager/guest.h"
#include "xenguest/manager/running.h"
#include "xenguest/manager/say.h"

#include <gio/gio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct command {
    const char *name, *args, *help;
    unsigned min_args, max_args;
    bool stops; /* takes --nowait and --kill */
    bool (*run)(const struct settings *s, const struct request *req, GError **error);
};

static bool do_create(const struct settings *s, const struct request *req, GError **error)
{
    g_autofree char *name = req->nr_args > 1 ? g_strdup(req->args[1])
                                             : guest_name_of_image(req->args[0]);

    if (!guest_create(s, req->args[0], name, error))
        return false;
    say(SAY_VERBOSE, "'%s' is created", name);
    return true;
}

static bool do_remove(const struct settings *s, const struct request *req, GError **error)
{
    AUTO(guest) g = guest_open(s, req->args[0], error);
    int lock = g ? running_lock(g, error) : -1;
    bool ok = lock >= 0 && guest_kill(g, error) && guest_remove(s, g->name, error);

    if (lock >= 0)
        close(lock);
    return ok;
}

static bool do_start(const struct settings *s, const struct request *req, GError **error)
{
    AUTO(guest) g = guest_open(s, req->args[0], error);

    return g && guest_start(s, g, error);
}

static bool do_stop(const struct settings *s, const struct request *req, GError **error)
{
    AUTO(guest) g = guest_open(s, req->args[0], error);

    if (req->nowait && req->kill) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "either --nowait or --kill");
        return false;
    }
    return g && guest_stop(s, g,
                           req->nowait ? STOP_NOWAIT
                           : req->kill ? STOP_KILL
                                       : STOP_WAIT,
                           error);
}

static bool do_kill(const struct settings *s, const struct request *req, GError **error)
{
    AUTO(guest) g = guest_open(s, req->args[0], error);

    return g && guest_kill(g, error);
}

static bool do_list(const struct settings *s, const struct request *req, GError **error)
{
    g_auto(GStrv) names = guest_names(s);

    for (unsigned i = 0; names[i]; i++)
        puts(names[i]);
    return true;
}

static bool print_status(const struct settings *s, const char *name, GError **error)
{
    AUTO(guest) g = guest_open(s, name, error);

    if (g)
        printf("%s %s\n", name, running_is(g) ? "Running" : "Stopped");
    return g;
}

static bool do_status(const struct settings *s, const struct request *req, GError **error)
{
    if (req->nr_args)
        return print_status(s, req->args[0], error);
    g_auto(GStrv) names = guest_names(s);
    for (unsigned i = 0; names[i]; i++) {
        if (!print_status(s, names[i], error))
            return false;
    }
    return true;
}

/* As Xen's own scripts find out whether they are in domain 0. */
static bool do_check_xen(const struct settings *s, const struct request *req, GError **error)
{
    g_autofree char *text = NULL;

    if (g_file_get_contents("/proc/xen/capabilities", &text, NULL, NULL) &&
        strstr(text, "control_d")) {
        puts("This is domain 0 of a Xen host.");
        return true;
    }
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                "this is not domain 0 of a Xen host; guests run by '%s -accel help'", s->xenner);
    return false;
}

static bool do_help(const struct settings *s, const struct request *req, GError **error)
{
    commands_help();
    return true;
}

static const struct command commands[] = {
    {"create", "IMAGE [NAME]", "make a guest from an image", 1, 2, false, do_create},
    {"remove", "NAME", "end a guest, and remove it with its disk", 1, 1, false, do_remove},
    {"start", "NAME", "start a guest", 1, 1, false, do_start},
    {"stop", "NAME [--nowait|--kill]", "ask a guest to power off, and wait until it has", 1, 1,
     true, do_stop},
    {"shutdown", "NAME [--nowait|--kill]", "the same as stop", 1, 1, true, do_stop},
    {"kill", "NAME", "end a guest at once", 1, 1, false, do_kill},
    {"destroy", "NAME", "the same as kill", 1, 1, false, do_kill},
    {"list", "", "the names of all guests", 0, 0, false, do_list},
    {"status", "[NAME]", "whether guests are Running or Stopped", 0, 1, false, do_status},
    {"check-xen", "", "status 0 on a Xen host", 0, 0, false, do_check_xen},
    {"help", "", "this text", 0, 0, false, do_help},
};

const struct command *command_find(const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

int command_run(const struct command *c, const struct settings *s, const struct request *req)
{
    g_autoptr(GError) error = NULL;

    if (req->nr_args < c->min_args || req->nr_args > c->max_args ||
        ((req->nowait || req->kill) && !c->stops)) {
        say(SAY_ERROR, "usage: xenguest-manager %s %s", c->name, c->args);
        return EXIT_USAGE;
    }
    if (c->run(s, req, &error))
        return EXIT_SUCCESS;
    say(SAY_ERROR, "%s", error->message);
    return EXIT_FAILURE;
}

void commands_help(void)
{
    puts("Usage: xenguest-manager [-v] [-vv] [--root=DIR] COMMAND [ARGUMENTS]\n");
    for (unsigned i = 0; i < G_N_ELEMENTS(commands); i++) {
        g_autofree char *text = g_strdup_printf("%s %s", commands[i].name, commands[i].args);
        printf("  %-32s %s\n", text, commands[i].help);
    }
    puts("\n  -v, -vv           say what is done, and how\n"
         "  --root=DIR        all paths begin there\n"
         "  --version");
}
