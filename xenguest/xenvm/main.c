/* xenvm: runs a guest that an xl.cfg file describes, and shows what xenner is told for it. */
#include "xenguest/xl/xl_command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_USAGE = 2 };

struct request {
    bool show;
    const char *file;
    char **more; /* for xenner */
    enum xl_network network;
    const char *bridge;
};

static const char usage[] =
    "Usage: xenvm [OPTIONS] run|show FILE.cfg [XENNER-OPTIONS]\n"
    "\n"
    "  run                        run the guest, its console on this terminal\n"
    "  show                       print xenner's command line\n"
    "\n"
    "  --network=bridge|user|none how the guest's network cards are connected (bridge)\n"
    "  --bridge=NAME              the bridge of those that name none (xenbr0)\n"
    "  --version, --help\n";

static bool load(const struct request *req, struct xl_command *cmd, GError **error)
{
    g_autofree char *base = g_get_current_dir(), *text = NULL;
    struct xl_host host = {
        .source = req->file, .base = base, .bridge = req->bridge, .network = req->network};
    gsize len;

    if (!g_file_get_contents(req->file, &text, &len, error))
        return false;
    AUTO(xlcfg) cfg = xlcfg_parse(text, len, req->file, error);
    if (!cfg || !xl_command(cfg, &host, cmd, error))
        return false;
    if (cmd->vnc_password)
        g_ptr_array_add(
            cmd->warnings,
            g_strdup_printf("%s: vncpasswd: nobody comes in until a password is set over QMP",
                            req->file));
    return true;
}

static int execute(struct xl_command *cmd, const char *xenner)
{
    g_ptr_array_insert(cmd->argv, 0, g_strdup(xenner));
    g_ptr_array_add(cmd->argv, NULL);
    execvp(xenner, (char **)cmd->argv->pdata);
    fprintf(stderr, "xenvm: could not run '%s': %s\n", xenner, g_strerror(errno));
    return EXIT_FAILURE;
}

static int run(const struct request *req)
{
    const char *env = g_getenv("XENGUEST_XENNER"), *xenner = env ? env : "xenner";
    g_autoptr(GError) error = NULL;
    struct xl_command cmd = {0};
    int status = EXIT_SUCCESS;

    if (!load(req, &cmd, &error)) {
        fprintf(stderr, "xenvm: %s\n", error->message);
        xl_command_clear(&cmd);
        return EXIT_FAILURE;
    }
    for (guint i = 0; i < cmd.warnings->len; i++)
        fprintf(stderr, "xenvm: warning: %s\n", (char *)g_ptr_array_index(cmd.warnings, i));
    g_ptr_array_add(cmd.argv, g_strdup("-nographic"));
    for (char **more = req->more; *more; more++)
        g_ptr_array_add(cmd.argv, g_strdup(*more));
    if (req->show) {
        g_autofree char *line = xl_command_text(xenner, cmd.argv);
        puts(line);
    } else {
        status = execute(&cmd, xenner);
    }
    xl_command_clear(&cmd);
    return status;
}

static bool take_option(const char *arg, struct request *req)
{
    static const char *const networks[] = {"--network=bridge", "--network=user", "--network=none"};

    for (unsigned i = 0; i < G_N_ELEMENTS(networks); i++) {
        if (strcmp(arg, networks[i]) == 0) {
            req->network = (enum xl_network)i;
            return true;
        }
    }
    if (!g_str_has_prefix(arg, "--bridge="))
        return false;
    req->bridge = arg + strlen("--bridge=");
    return true;
}

static bool parse(char *argv[], struct request *req)
{
    char **arg = argv + 1;

    while (*arg && **arg == '-' && take_option(*arg, req))
        arg++;
    if (!arg[0] || !arg[1] || (strcmp(arg[0], "run") != 0 && strcmp(arg[0], "show") != 0))
        return false;
    req->show = strcmp(arg[0], "show") == 0;
    req->file = arg[1];
    req->more = arg + 2;
    return true;
}

int main(int argc, char *argv[])
{
    struct request req = {.bridge = "xenbr0"};

    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        fputs(usage, stdout);
        return EXIT_SUCCESS;
    }
    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        puts("xenvm version " XENNER_VERSION);
        return EXIT_SUCCESS;
    }
    if (parse(argv, &req))
        return run(&req);
    fputs("xenvm: needs run or show, and one FILE.cfg (xenvm --help)\n", stderr);
    return EXIT_USAGE;
}
