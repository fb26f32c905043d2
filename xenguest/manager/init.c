/*
 * xenguest-init start|stop|status|restart: all guests of a host, for systemd and init scripts. What
 * fails for one guest is said and does not keep the others from their turn.
 */
#include "xenguest/lib/assign.h"
#include "xenguest/lib/image.h"
#include "xenguest/manager/guest.h"
#include "xenguest/manager/running.h"
#include "xenguest/manager/say.h"

#include <gio/gio.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_USAGE = 2, EXIT_NOT_RUNNING = 3 /* LSB: status */ };

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What may be an image: NAME.xenguest, NAME.xg, and directories. Sorted; free with g_strfreev(). */
static char **image_names(const struct settings *s)
{
    g_autoptr(GDir) dir = g_dir_open(s->images, 0, NULL);
    g_autoptr(GStrvBuilder) names = g_strv_builder_new();

    for (const char *name; dir && (name = g_dir_read_name(dir));) {
        g_autofree char *guest = g_build_filename(s->images, name, XG_GUEST, NULL);
        if (*name != '.' && (g_str_has_suffix(name, ".xenguest") || g_str_has_suffix(name, ".xg") ||
                             g_file_test(guest, G_FILE_TEST_IS_REGULAR)))
            g_strv_builder_add(names, name);
    }
    char **list = g_strv_builder_end(names);
    qsort(list, g_strv_length(list), sizeof(*list), compare);
    return list;
}

/* params.cfg of an image that is no guest yet. */
static bool image_autoboots(const char *path, bool *ret, GError **error)
{
    AUTO(xg_image) img = xg_image_open(path, error);
    size_t len;

    *ret = true;
    if (!img || !xg_image_has(img, XG_PARAMS))
        return img;
    g_autofree char *text = xg_image_read(img, XG_PARAMS, &len, error);
    AUTO(assign) params = text ? assign_parse(text, len, XG_PARAMS, error) : NULL;
    if (!params)
        return false;
    const char *value = assign_get(params, "GUEST_AUTOBOOT");
    *ret = !value || strcmp(value, "0") != 0;
    return true;
}

static bool create_one(const struct settings *s, const char *file)
{
    g_autofree char *path = g_build_filename(s->images, file, NULL);
    g_autofree char *name = guest_name_of_image(path);
    g_autoptr(GError) error = NULL;
    bool wanted;

    if (guest_exists(s, name))
        return true;
    if (image_autoboots(path, &wanted, &error) &&
        (!wanted || guest_create(s, path, name, &error))) {
        if (wanted)
            say(SAY_VERBOSE, "'%s' is created", name);
        return true;
    }
    say(SAY_ERROR, "%s: %s", name, error->message);
    return false;
}

static bool start_one(const struct settings *s, const char *name)
{
    g_autoptr(GError) error = NULL;
    AUTO(guest) g = guest_open(s, name, &error);

    if (g && (!guest_autoboots(g) || running_is(g) || guest_start(s, g, &error)))
        return true;
    say(SAY_ERROR, "%s: %s", name, error->message);
    return false;
}

static int do_start(const struct settings *s)
{
    g_auto(GStrv) images = image_names(s);
    bool ok = true;

    guest_sweep(s);
    for (unsigned i = 0; images[i]; i++)
        ok &= create_one(s, images[i]);
    g_auto(GStrv) guests = guest_names(s);
    for (unsigned i = 0; guests[i]; i++)
        ok &= start_one(s, guests[i]);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Asks all first, so that they power off at the same time; then waits for each, and kills what is
 * left. */
static int do_stop(const struct settings *s)
{
    g_auto(GStrv) names = guest_names(s);
    bool ok = true;

    for (unsigned pass = 0; pass < 2; pass++) {
        for (unsigned i = 0; names[i]; i++) {
            g_autoptr(GError) error = NULL;
            AUTO(guest) g = guest_open(s, names[i], NULL);
            if (!g)
                continue;
            bool stopped = guest_stop(s, g, pass == 0 ? STOP_NOWAIT : STOP_KILL, &error);
            if (pass == 1 && !stopped) {
                say(SAY_ERROR, "%s: %s", names[i], error->message);
                ok = false;
            }
        }
    }
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int do_status(const struct settings *s)
{
    g_auto(GStrv) names = guest_names(s);
    int status = EXIT_SUCCESS;

    for (unsigned i = 0; names[i]; i++) {
        AUTO(guest) g = guest_open(s, names[i], NULL);
        bool running = g && running_is(g);
        if (!g)
            continue;
        printf("%s %s\n", names[i], running ? "Running" : "Stopped");
        if (!running && guest_autoboots(g))
            status = EXIT_NOT_RUNNING;
    }
    return status;
}

static int do_restart(const struct settings *s)
{
    int stopped = do_stop(s), started = do_start(s);

    return stopped ? stopped : started;
}

static const struct {
    const char *name;
    int (*run)(const struct settings *s);
} commands[] = {
    {"start", do_start}, {"stop", do_stop}, {"status", do_status}, {"restart", do_restart}};

static int run(const char *name, int verbosity, const char *root)
{
    g_autoptr(GError) error = NULL;

    for (unsigned i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (strcmp(commands[i].name, name) != 0)
            continue;
        AUTO(settings) s = settings_load(root, &error);
        if (!s) {
            fprintf(stderr, "xenguest-init: %s\n", error->message);
            return EXIT_FAILURE;
        }
        say_setup("xenguest-init", MAX(verbosity, s->log_level), s->logs);
        return commands[i].run(s);
    }
    fprintf(stderr, "xenguest-init: '%s' is none of start, stop, status, restart\n", name);
    return EXIT_USAGE;
}

static void print_help(FILE *to)
{
    fputs("Usage: xenguest-init [-v] [-vv] [--root=DIR] start|stop|status|restart\n", to);
}

int main(int argc, char *argv[])
{
    const char *command = NULL, *root = NULL;
    int verbosity = 0;
    bool wrong = false;

    signal(SIGPIPE, SIG_IGN);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-v") == 0 || strcmp(argv[i], "-vv") == 0) {
            verbosity = MAX(verbosity, (int)strlen(argv[i]) - 1);
        } else if (g_str_has_prefix(argv[i], "--root=")) {
            root = argv[i] + strlen("--root=");
        } else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            print_help(stdout);
            return EXIT_SUCCESS;
        } else if (strcmp(argv[i], "--version") == 0) {
            puts("xenguest-init version " XENNER_VERSION);
            return EXIT_SUCCESS;
        } else if (command || *argv[i] == '-') {
            wrong = true;
        } else {
            command = argv[i];
        }
    }
    if (command && !wrong)
        return run(command, verbosity, root);
    print_help(stderr);
    return EXIT_USAGE;
}
