#include "xenner/util/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct child {
    pid_t pid;
    guint watch;
    child_exit_fn exited;
    void *opaque;
};

static void on_exit_watch(GPid pid, gint status, gpointer data)
{
    struct child *c = data;

    c->watch = 0;
    c->pid = 0; /* GLib has reaped it */
    if (c->exited)
        c->exited(c->opaque, status);
}

/* Between fork and exec: only calls that are safe there. Reports errno through err_fd. */
static void G_GNUC_NORETURN run_child(char *const argv[], const struct child_fd *fds, unsigned n,
                                      pid_t parent, int err_fd)
{
    enum { PARKING = 100 };
    sigset_t none;
    int err;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    /* A terminal's ^C is for xenner, which ends us itself. */
    setpgid(0, 0);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        goto fail;
    if (getppid() != parent) /* died before the line above */
        _exit(127);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null < 0 || dup2(null, 0) < 0)
        goto fail;
    /* Two steps, or one descriptor's new number could be another one's old number. */
    int parked_err = fcntl(err_fd, F_DUPFD_CLOEXEC, PARKING + (int)n);
    if (parked_err < 0)
        goto fail;
    err_fd = parked_err;
    int parked[CHILD_MAX_FDS];
    for (unsigned i = 0; i < n; i++) {
        parked[i] = fcntl(fds[i].fd, F_DUPFD_CLOEXEC, PARKING);
        if (parked[i] < 0)
            goto fail;
    }
    for (unsigned i = 0; i < n; i++) {
        if (dup2(parked[i], fds[i].as) < 0)
            goto fail;
    }
    unsigned last = 2;
    for (unsigned i = 0; i < n; i++)
        last = MAX(last, (unsigned)fds[i].as);
    syscall(SYS_close_range, last + 1, ~0u, 4 /* CLOSE_RANGE_CLOEXEC */);
    execvp(argv[0], argv);
fail:
    err = errno;
    if (write(err_fd, &err, sizeof(err)) < 0)
        _exit(126);
    _exit(127);
}

struct child *child_spawn(char *const argv[], const struct child_fd *fds, unsigned nr_fds,
                          child_exit_fn exited, void *opaque, GError **error)
{
    int pipe_fd[2], err = 0;

    g_assert(nr_fds <= CHILD_MAX_FDS);
    pid_t parent = getpid();

    if (pipe2(pipe_fd, O_CLOEXEC) < 0) {
        g_set_error(error, G_SPAWN_ERROR, G_SPAWN_ERROR_FORK, "could not make a pipe: %s",
                    g_strerror(errno));
        return NULL;
    }
    pid_t pid = fork();
    if (pid == 0)
        run_child(argv, fds, nr_fds, parent, pipe_fd[1]);
    close(pipe_fd[1]);
    if (pid < 0)
        err = errno;
    else if (read(pipe_fd[0], &err, sizeof(err)) != sizeof(err))
        err = 0;
    close(pipe_fd[0]);
    if (err) {
        if (pid > 0)
            waitpid(pid, NULL, 0);
        g_set_error(error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED, "could not run '%s': %s", argv[0],
                    g_strerror(err));
        return NULL;
    }

    struct child *c = g_new0(struct child, 1);
    c->pid = pid;
    c->exited = exited;
    c->opaque = opaque;
    c->watch = g_child_watch_add(pid, on_exit_watch, c);
    return c;
}

int child_pid(const struct child *c)
{
    return c->pid;
}

void child_end(struct child *c, int timeout_ms)
{
    if (c && c->pid > 0) {
        struct pollfd p = {.fd = (int)syscall(SYS_pidfd_open, c->pid, 0), .events = POLLIN};
        kill(c->pid, SIGTERM);
        if (p.fd >= 0) {
            poll(&p, 1, timeout_ms);
            close(p.fd);
        }
    }
    child_free(c);
}

void child_free(struct child *c)
{
    if (!c)
        return;
    if (c->watch)
        g_source_remove(c->watch);
    if (c->pid > 0) {
        kill(c->pid, SIGKILL);
        waitpid(c->pid, NULL, 0);
    }
    g_free(c);
}
