#include "xenguest/manager/say.h"

#include "xenner/util/printable.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct {
    const char *program;
    int verbosity;
    int log; /* -1: none */
} state = {.program = "xenguest", .log = -1};

void say_setup(const char *program, int verbosity, const char *log_dir)
{
    g_autofree char *name = g_strdup_printf("%s.log", program);

    state.program = program;
    state.verbosity = verbosity;
    if (!log_dir)
        return;
    g_autofree char *path = g_build_filename(log_dir, name, NULL);
    if (g_mkdir_with_parents(log_dir, 0750) == 0)
        state.log = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
}

static void to_log(enum say_level level, const char *text)
{
    static const char *const levels[] = {"error: ", "warning: ", "", ""};
    g_autoptr(GDateTime) now = g_date_time_new_now_local();
    g_autofree char *when = g_date_time_format(now, "%Y-%m-%d %H:%M:%S");
    g_autofree char *line = g_strdup_printf("%s [%d] %s%s\n", when, (int)getpid(), levels[level],
                                            text);

    /* one write, so that lines of several managers do not mix; a full disk is not our business here
     */
    if (write(state.log, line, strlen(line)) < 0)
        state.log = -1;
}

void say(enum say_level level, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    g_autofree char *text = g_strdup_vprintf(format, ap);
    va_end(ap);
    text_make_printable(&text); /* images' member names are in it */
    if ((int)level <= state.verbosity + SAY_WARNING)
        fprintf(stderr, "%s: %s%s\n", state.program, level == SAY_WARNING ? "warning: " : "", text);
    if (state.log >= 0)
        to_log(level, text);
}
