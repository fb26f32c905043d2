#include "vivm/terminal.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

/* For the handler, which may format nothing. */
static struct {
    char path[4096], text[4200];
    size_t len;
} last_words;

static void on_end(int nr)
{
    ssize_t ignored = 0;

    if (access(last_words.path, F_OK) == 0)
        ignored = write(STDERR_FILENO, last_words.text, last_words.len);
    (void)ignored;
    _exit(128 + nr);
}

static void handle(int nr, void (*handler)(int nr))
{
    struct sigaction action = {.sa_handler = handler};

    sigaction(nr, &action, NULL);
}

void terminal_guard(const char *path)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(ends); i++)
        handle(ends[i], SIG_DFL);
    if (!path)
        return;
    g_strlcpy(last_words.path, path, sizeof(last_words.path));
    g_snprintf(last_words.text, sizeof(last_words.text), "\nvivm: stopped. Your text is in %s\n", path);
    last_words.len = strlen(last_words.text);
    for (unsigned i = 0; i < G_N_ELEMENTS(ends); i++)
        handle(ends[i], on_end);
}

void terminal_say(const char *text)
{
    fprintf(stderr, "%s\n", text);
}

char terminal_ask(const char *question, const char *keys)
{
    char line[256];

    for (;;) {
        fprintf(stderr, "%s ", question);
        fflush(stderr);
        if (!fgets(line, sizeof(line), stdin)) {
            fputc('\n', stderr);
            return 0;
        }
        if (!isatty(STDIN_FILENO))
            fputc('\n', stderr); /* nobody pressed Enter on this terminal */
        g_strstrip(line);
        if (line[0] && !line[1] && strchr(keys, line[0]))
            return line[0];
    }
}

/* In a file of its own, for diff; the name, caller frees. */
static char *temporary(const char *text)
{
    char *path = NULL;
    int fd = g_file_open_tmp("vivm-XXXXXX.xml", &path, NULL);

    if (fd < 0)
        return NULL;
    close(fd);
    g_file_set_contents(path, text, -1, NULL);
    return path;
}

void terminal_diff(const char *before, const char *after)
{
    g_autofree char *a = temporary(before), *b = temporary(after);
    char *argv[] = {(char *)"diff", (char *)"-u", (char *)"--label", (char *)"before",
                    (char *)"--label", (char *)"after", a, b, NULL};

    fflush(stdout);
    if (!a || !b || !g_spawn_sync(NULL, argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_CHILD_INHERITS_STDOUT,
                                  NULL, NULL, NULL, NULL, NULL, NULL))
        terminal_say("(no diff: is diffutils installed?)");
    if (a)
        g_unlink(a);
    if (b)
        g_unlink(b);
}

/* In the child: keys are the editor's again. */
static void default_signals(gpointer unused)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(ends); i++)
        signal(ends[i], SIG_DFL);
}

static const char *editor(void)
{
    const char *names[] = {g_getenv("VISUAL"), g_getenv("EDITOR")};

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (names[i] && *names[i])
            return names[i];
    }
    g_autofree char *sensible = g_find_program_in_path("sensible-editor");
    return sensible ? "sensible-editor" : "vi";
}

bool terminal_edit(const char *path, GError **error)
{
    g_autofree char *command = g_strdup_printf("%s \"$1\"", editor());
    char *argv[] = {(char *)"/bin/sh", (char *)"-c", command, (char *)"sh", (char *)path, NULL};
    g_autoptr(GError) why = NULL;
    int status;

    handle(SIGINT, SIG_IGN);
    handle(SIGQUIT, SIG_IGN);
    bool ok = g_spawn_sync(NULL, argv, NULL,
                           G_SPAWN_CHILD_INHERITS_STDIN | G_SPAWN_CHILD_INHERITS_STDOUT |
                               G_SPAWN_CHILD_INHERITS_STDERR,
                           default_signals, NULL, NULL, NULL, &status, &why) &&
              g_spawn_check_wait_status(status, &why);
    handle(SIGINT, on_end);
    handle(SIGQUIT, on_end);
    if (!ok)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "the editor '%s' failed: %s", editor(),
                    why->message);
    return ok;
}
