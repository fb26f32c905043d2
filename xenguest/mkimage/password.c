#include "xenguest/mkimage/password.h"

#include <gio/gio.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define LONGEST 1024

static struct termios before; /* for the handler: who is interrupted gets the terminal as it was */

static void on_signal(int number)
{
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    raise(number); /* SA_RESETHAND: as if there was no handler */
}

static void be_silent(void)
{
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    struct sigaction restore = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    struct termios silent = before;

    for (size_t i = 0; i < G_N_ELEMENTS(ends); i++)
        sigaction(ends[i], &restore, NULL);
    silent.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
}

char *password_ask(const char *key_path, GError **error)
{
    bool terminal = tcgetattr(STDIN_FILENO, &before) == 0;
    char line[LONGEST + 2];

    if (terminal) {
        fprintf(stderr, "Password of %s: ", key_path);
        be_silent();
    }
    bool ok = fgets(line, sizeof(line), stdin) && strlen(line) <= LONGEST;
    if (terminal) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
        fputc('\n', stderr);
    }
    char *password = ok ? g_strndup(line, strcspn(line, "\r\n")) : NULL;
    explicit_bzero(line, sizeof(line));
    if (!ok)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                    "%s: its password is needed on stdin", key_path);
    return password;
}
