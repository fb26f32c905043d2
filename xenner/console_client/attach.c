#include "xenner/console_client/attach.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#define LEAVE 0x1d /* Ctrl-] */

static int failed(const char *what, const char *path, GError **error)
{
    g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(errno), "could not %s '%s': %s", what,
                path, g_strerror(errno));
    return -1;
}

static int open_terminal(const char *path, GError **error)
{
    int fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);

    return fd < 0 ? failed("open", path, error) : fd;
}

/* path may have options behind a comma: "PATH,server=on". */
static int open_socket(const char *where, GError **error)
{
    g_autofree char *path = g_strndup(where, strcspn(where, ","));
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (g_strlcpy(address.sun_path, path, sizeof(address.sun_path)) >= sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
        return failed("connect to", path, error);
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    failed("connect to", path, error);
    if (fd >= 0)
        close(fd);
    return -1;
}

int attach_open(const char *where, GError **error)
{
    if (g_str_has_prefix(where, "pty:"))
        return open_terminal(where + 4, error);
    if (g_str_has_prefix(where, "unix:") && strstr(where, ",server=on"))
        return open_socket(where + 5, error);
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                "its console is %s: only pty and unix:PATH,server=on can be attached to", where);
    return -1;
}

/* One direction. */
struct pipe {
    int from, to;
    char buf[4096];
    size_t have;
    bool ended; /* nothing more comes */
};

static bool fetch(struct pipe *p)
{
    ssize_t n = read(p->from, p->buf, sizeof(p->buf));

    p->have = n > 0 ? (size_t)n : 0;
    /* A pty says EIO when its other end is gone. */
    p->ended = n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN);
    return p->have > 0;
}

static bool pass_on(struct pipe *p)
{
    ssize_t n = write(p->to, p->buf, p->have);

    if (n < 0)
        return errno == EINTR || errno == EAGAIN;
    p->have -= (size_t)n;
    memmove(p->buf, p->buf + n, p->have);
    return true;
}

/* The key that leaves: what is behind it is nobody's. */
static bool cut_at_leave(struct pipe *p)
{
    char *key = memchr(p->buf, LEAVE, p->have);

    if (key)
        p->have = (size_t)(key - p->buf);
    return key != NULL;
}

static volatile sig_atomic_t stopped; /* by a signal: the terminal must be set right before the end */

static void on_signal(int nr)
{
    stopped = nr;
}

static enum attach_end lost(GError **error)
{
    failed("write to", "the terminal or the console", error);
    return ATTACH_FAILED;
}

static enum attach_end loop(int console, GError **error)
{
    struct pipe in = {.from = STDIN_FILENO, .to = console}, out = {console, STDOUT_FILENO};
    bool leave = false;

    while (!stopped) {
        /* A side that has something waits for room, else it waits for more. */
        struct pollfd fds[4] = {
            {in.ended || in.have || leave ? -1 : in.from, POLLIN, 0},
            {in.have ? console : -1, POLLOUT, 0},
            {out.have ? -1 : console, POLLIN, 0},
            {out.have ? out.to : -1, POLLOUT, 0},
        };
        if (leave && !in.have)
            return ATTACH_LEFT;
        if (poll(fds, 4, -1) < 0)
            continue;
        if (fds[0].revents && fetch(&in))
            leave = cut_at_leave(&in);
        if (fds[1].revents && in.have && !pass_on(&in))
            return ATTACH_CLOSED;
        if (fds[2].revents && !fetch(&out) && out.ended)
            return ATTACH_CLOSED;
        if (fds[3].revents && out.have && !pass_on(&out))
            return lost(error);
    }
    return ATTACH_LEFT;
}

enum attach_end attach_run(int console, GError **error)
{
    const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal};
    struct termios before, raw;
    bool terminal = tcgetattr(STDIN_FILENO, &before) == 0;

    for (unsigned i = 0; i < G_N_ELEMENTS(signals); i++)
        sigaction(signals[i], &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    if (terminal) {
        raw = before;
        cfmakeraw(&raw);
        tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
    }
    enum attach_end end = loop(console, error);
    if (terminal)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
    return end;
}
