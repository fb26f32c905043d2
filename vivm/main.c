/* vivm: edits, defines and handles libvirt's domains that run on xenner. */
#include "vivm/vivm.h"

#include <gio/gio.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name, *arguments, *help;
    vivm_command *run;
} commands[] = {
    {"console", "DOMAIN", "this terminal as the guest's console", cmd_console},
    {"define", "FILE|OPTIONS", "define a domain, from a file or from options", cmd_define},
    {"edit", "DOMAIN", "edit the definition (the word 'edit' may be left out)", cmd_edit},
    {"import", "IMAGE [NAME]", "make a domain from a xenguest image", cmd_import},
    {"list", "", "the domains that run on xenner", cmd_list},
    {"show", "DOMAIN", "what it is, as a summary, XML or command line", cmd_show},
    {"start", "DOMAIN", "start it", cmd_start},
    {"stop", "DOMAIN", "ask the guest to power off, and wait for it", cmd_stop},
    {"vnc", "DOMAIN", "its screen, in a viewer, or where it is", cmd_vnc},
};

int vivm_complain(const GError *error)
{
    fprintf(stderr, "vivm: %s\n", error->message);
    return VIVM_BAD;
}

bool vivm_parse(const GOptionEntry *entries, const char *parameters, int min, int max, int *argc,
                char ***argv, GError **error)
{
    g_autofree char *shown = g_strdup_printf("vivm %s", (*argv)[0]);
    g_autoptr(GOptionContext) context = g_option_context_new(parameters);

    g_set_prgname(shown); /* for --help */
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, argc, argv, error))
        return false;
    if (*argc - 1 < min || *argc - 1 > max) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "usage: %s %s (--help)", shown,
                    parameters);
        return false;
    }
    return true;
}

static bool open_target(struct vivm_target *t, const GOptionEntry *entries, const char *uri, int argc,
                        char **argv, GError **error)
{
    if (!vivm_parse(entries, "DOMAIN", 1, 1, &argc, &argv, error))
        return false;
    t->name = argv[1];
    t->conn = conn_open(uri, error);
    t->dom = t->conn ? conn_domain(t->conn, t->name, error) : NULL;
    return t->dom;
}

bool vivm_target(struct vivm_target *ret, const GOptionEntry *entries, const char *uri, int argc,
                 char **argv)
{
    g_autoptr(GError) error = NULL;

    return open_target(ret, entries, uri, argc, argv, &error) || vivm_complain(error) == VIVM_OK;
}

void vivm_target_clear(struct vivm_target *t)
{
    g_clear_pointer(&t->dom, virDomainFree);
    g_clear_pointer(&t->conn, virConnectClose);
}

static void usage(FILE *out)
{
    fputs("usage: vivm [--connect URI] DOMAIN\n"
          "       vivm [--connect URI] COMMAND [ARGUMENTS]\n\n", out);
    for (unsigned i = 0; i < G_N_ELEMENTS(commands); i++) {
        g_autofree char *left = g_strdup_printf("%s %s", commands[i].name, commands[i].arguments);
        fprintf(out, "  %-22s %s\n", left, commands[i].help);
    }
    fputs("\n  -c, --connect URI      another libvirt than qemu:///system\n"
          "  -h, --help             this; also after a command\n"
          "  -V, --version          the version\n", out);
}

/* A word that is no command is a domain to edit. */
static int run(const char *uri, int argc, char **argv)
{
    char *edit[] = {(char *)"edit", argv[0], NULL};

    for (unsigned i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (strcmp(argv[0], commands[i].name) == 0)
            return commands[i].run(uri, argc, argv);
    }
    if (argc == 1)
        return cmd_edit(uri, 2, edit);
    fprintf(stderr, "vivm: no command '%s' (--help lists them)\n", argv[0]);
    return VIVM_BAD;
}

static bool is(const char *arg, const char *letter, const char *word)
{
    return strcmp(arg, letter) == 0 || strcmp(arg, word) == 0;
}

/* The options before the command; -1: go on at argv[*i]. */
static int own_options(int argc, char **argv, int *i, const char **uri)
{
    for (*i = 1; *i < argc && argv[*i][0] == '-'; ++*i) {
        const char *arg = argv[*i];
        if (is(arg, "-h", "--help")) {
            usage(stdout);
            return VIVM_OK;
        }
        if (is(arg, "-V", "--version")) {
            puts("vivm version " XENNER_VERSION);
            return VIVM_OK;
        }
        if (g_str_has_prefix(arg, "--connect=")) {
            *uri = strchr(arg, '=') + 1;
        } else if (is(arg, "-c", "--connect") && *i + 1 < argc) {
            *uri = argv[++*i];
        } else {
            fprintf(stderr, is(arg, "-c", "--connect") ? "vivm: %s needs a URI\n"
                                                       : "vivm: no option '%s' (--help lists them)\n", arg);
            return VIVM_BAD;
        }
    }
    return -1;
}

int main(int argc, char *argv[])
{
    const char *uri = NULL;
    int i, status;

    setlocale(LC_ALL, "");
    g_set_prgname("vivm");
    status = own_options(argc, argv, &i, &uri);
    if (status >= 0)
        return status;
    if (i == argc) {
        usage(stderr);
        return VIVM_BAD;
    }
    return run(uri, argc - i, argv + i);
}
