/* xenner-xml to-argv|from-argv|check: between libvirt's domain XML and xenner's command line. */
#include "libvirt-xml/argv_text.h"
#include "libvirt-xml/xml_check.h"
#include "libvirt-xml/xml_in.h"
#include "libvirt-xml/xml_out.h"
#include "qemu-compat/options.h"
#include "xenner/util/printable.h"

#include <gio/gio.h>
#include <libxml/parser.h>
#include <stdio.h>
#include <string.h>

enum { EXIT_OK, EXIT_BAD };

static int complain(const GError *error)
{
    fprintf(stderr, "xenner-xml: %s\n", error->message);
    return EXIT_BAD;
}

static void print_notes(const GPtrArray *notes)
{
    for (guint i = 0; i < notes->len; i++)
        fprintf(stderr, "xenner-xml: note: %s\n", (const char *)g_ptr_array_index(notes, i));
}

static int to_argv(int argc, char *argv[])
{
    const char *path = argc > 0 ? argv[0] : "-";
    g_autoptr(GError) error = NULL;
    g_autoptr(domain_xml) doc = domain_xml_load(path, &error);
    g_autoptr(GPtrArray) words = NULL, notes = NULL;

    if (!doc || !domain_to_argv(doc, path, &words, &notes, &error))
        return complain(error);
    g_autofree char *text = argv_to_text(words);
    fputs(text, stdout);
    print_notes(notes);
    return EXIT_OK;
}

/* "xenner -m 256 ..." as a shell would read it; the words are owned by the caller. */
static char **read_words(GError **error)
{
    size_t len;
    g_autofree char *text = domain_xml_read("-", &len, error);
    char **words = NULL;

    if (!text)
        return NULL;
    if (strlen(text) != len)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "stdin: not text");
    else
        g_shell_parse_argv(text, NULL, &words, error);
    return words;
}

/* The program is the first word, unless it is an option already. */
static char *emulator(const char *word)
{
    if (strchr(word, '/') && word[0] != '-')
        return g_strdup(word);
    char *found = g_find_program_in_path("xenner");
    return found ? found : g_strdup("/usr/bin/xenner");
}

static int config_to_xml(struct vm_config *cfg, const char *program)
{
    g_autoptr(GPtrArray) notes = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(domain_xml) doc = domain_from_config(cfg, program, &notes, &error);

    if (!doc)
        return complain(error);
    g_autofree char *text = domain_xml_text(doc);
    fputs(text, stdout);
    print_notes(notes);
    return EXIT_OK;
}

static int words_to_xml(char **words)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    g_autoptr(GError) error = NULL;
    g_autofree char *program = emulator(words[0]);
    struct vm_config *cfg = NULL;
    struct front_request req = {0};

    if (words[0][0] == '-')
        g_ptr_array_add(argv, (char *)"xenner");
    for (unsigned i = 0; words[i]; i++)
        g_ptr_array_add(argv, words[i]);
    if (!qemu_options_parse((int)argv->len, (char *const *)argv->pdata, &cfg, &req, &error))
        return complain(error);
    int status = EXIT_BAD;
    if (req.help || cfg->none)
        fputs("xenner-xml: this command line has no guest\n", stderr);
    else
        status = config_to_xml(cfg, program);
    vm_config_free(cfg);
    front_request_clear(&req);
    return status;
}

static int from_argv(int argc, char *argv[])
{
    g_auto(GStrv) read = NULL;
    g_autoptr(GError) error = NULL;

    if (argc)
        return words_to_xml(argv);
    read = read_words(&error);
    if (!read) {
        error_make_printable(error);
        return complain(error);
    }
    return words_to_xml(read);
}

static int check_one(const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(domain_xml) doc = domain_xml_load(path, &error);

    if (!doc)
        return complain(error);
    g_autoptr(GPtrArray) issues = domain_check(doc, true);
    for (guint i = 0; i < issues->len; i++) {
        g_autofree char *text = xml_issue_text(g_ptr_array_index(issues, i), path);
        puts(text);
    }
    return domain_check_errors(issues) ? EXIT_BAD : EXIT_OK;
}

static int check(int argc, char *argv[])
{
    int status = argc ? EXIT_OK : check_one("-");

    for (int i = 0; i < argc; i++)
        status |= check_one(argv[i]);
    return status;
}

static const struct {
    const char *name, *arguments, *help;
    int max; /* arguments; -1: any number */
    int (*run)(int argc, char *argv[]);
} commands[] = {
    {"to-argv", "[FILE]", "domain XML (without FILE: standard input) to a xenner command line", 1,
     to_argv},
    {"from-argv", "[xenner] [OPTIONS]", "a xenner command line (without any: read as a shell would) to "
     "domain XML", -1, from_argv},
    {"check", "[FILE...]", "say what libvirt or xenner will refuse in it", -1, check},
};

static void usage(FILE *out)
{
    fputs("usage: xenner-xml COMMAND [ARGUMENTS]\n\n", out);
    for (unsigned i = 0; i < G_N_ELEMENTS(commands); i++)
        fprintf(out, "  %-10s %-20s %s\n", commands[i].name, commands[i].arguments, commands[i].help);
    fputs("\n  --help, --version\n", out);
}

static int run(int argc, char *argv[])
{
    for (unsigned i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (strcmp(argv[1], commands[i].name) != 0)
            continue;
        if (commands[i].max >= 0 && argc - 2 > commands[i].max) {
            fprintf(stderr, "xenner-xml: %s takes %s\n", argv[1], commands[i].arguments);
            return EXIT_BAD;
        }
        return commands[i].run(argc - 2, argv + 2);
    }
    fprintf(stderr, "xenner-xml: no command '%s' (--help lists them)\n", argv[1]);
    return EXIT_BAD;
}

int main(int argc, char *argv[])
{
    if (argc < 2) {
        usage(stderr);
        return EXIT_BAD;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        usage(stdout);
        return EXIT_OK;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        puts("xenner-xml version " XENNER_VERSION);
        return EXIT_OK;
    }
    LIBXML_TEST_VERSION
    int status = run(argc, argv);
    xmlCleanupParser();
    return status;
}
