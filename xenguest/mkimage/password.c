#include "xenguest/mkimage/password.h"

#include <gio/gio.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define LONGEST 1024

char *password_ask(const char *key_path, GError **error)
{
    struct termios before, silent;
    bool terminal = tcgetattr(STDIN_FILENO, &before) == 0;
    char line[LONGEST + 2];

    if (terminal) {
        fprintf(stderr, "Password of %s: ", key_path);
        silent = before;
        silent.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
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
