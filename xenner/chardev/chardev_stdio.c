/* stdio: this process's own terminal, in raw mode while the guest has it. */
#include "xenner/chardev/chardev_priv.h"

#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

struct stdio {
    bool changed;
    struct termios before;
};

static bool raw_mode(struct stdio *s, bool keep_signals)
{
    struct termios raw;

    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &s->before) < 0)
        return false;
    raw = s->before;
    raw.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    raw.c_oflag |= OPOST;
    raw.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | IEXTEN);
    if (!keep_signals)
        raw.c_lflag &= ~(tcflag_t)ISIG;
    raw.c_cflag &= ~(tcflag_t)(CSIZE | PARENB);
    raw.c_cflag |= CS8;
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    s->changed = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
    return s->changed;
}

static bool stdio_open(struct chardev *chr, const struct chardev_config *cfg, GError **error)
{
    struct stdio *s = g_new0(struct stdio, 1);

    chr->kind = s;
    chr->label = g_strdup("stdio");
    raw_mode(s, cfg->signal);
    chardev_connected(chr, STDIN_FILENO, STDOUT_FILENO, false);
    return true;
}

static void stdio_close(struct chardev *chr)
{
    struct stdio *s = chr->kind;

    if (s && s->changed)
        tcsetattr(STDIN_FILENO, TCSANOW, &s->before);
    g_free(s);
}

const struct chardev_kind_ops chardev_stdio_ops = {.open = stdio_open, .close = stdio_close};
