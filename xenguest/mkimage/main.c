/* xenguest-mkimage OPERATION XENGUEST [OPTIONS] */
#include "xenguest/mkimage/operations.h"

#include <gio/gio.h>
#include <stdio.h>
#include <string.h>

static int fail(const char *message)
{
    fprintf(stderr, "xenguest-mkimage: %s\n", message);
    return 1;
}

static int print(char *text)
{
    int status = fputs(text, stdout) < 0 || fflush(stdout) ? fail("could not write to stdout") : 0;

    g_free(text);
    return status;
}

int main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    const char *name = argc > 1 ? argv[1] : NULL;

    if (!name)
        return fail("an operation is missing; 'xenguest-mkimage help' lists them");
    if (!strcmp(name, "help") || !strcmp(name, "--help") || !strcmp(name, "-h"))
        return print(operations_help());
    if (!strcmp(name, "--version") || !strcmp(name, "-V"))
        return print(g_strdup("xenguest-mkimage " XENNER_VERSION "\n"));
    const struct operation *op = operation_find(name);
    if (!op) {
        g_autofree char *safe = g_strescape(name, NULL);
        g_autofree char *line = g_strdup_printf(
            "'%s' is no operation; 'xenguest-mkimage help' lists them", safe);
        return fail(line);
    }
    for (int i = 2; i < argc; i++) {
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
            return print(operation_help(op));
    }
    return operation_run(op, argv + 2, &error) ? 0 : fail(error->message);
}
