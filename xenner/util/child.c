#include "xenner/util/child.h"
#include "xenner/util/spawner.h"

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
    struct spawner *spawner; /* whose child it is; NULL: ours */
    child_exit_fn exited;
    void *opaque;
};

/*
 * The process has one spawner or none, set once before there are children: whoever starts a program
 * need not know whether he still may.
 */
static struct {
    struct spawner *spawner;
    bool always;
} process;

void child_use_spawner(struct spawner *s, bool always)
{
    process.spawner = s;
    process.always = always;
}

bool child_can_run(const char *program)
{
    g_autofree char *path = process.spawner ? NULL : g_find_program_in_path(program);

    return process.spawner || path;
}

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

pid_t child_fork(char *const argv[], const struct child_fd *fds, unsigned nr_fds, int *ret_err)
{
    int pipe_fd[2], err = 0;

    pid_t parent = getpid();

    if (pipe2(pipe_fd, O_CLOEXEC) < 0) {
        *ret_err = errno;
        return -1;
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
    if (err && pid > 0)
        waitpid(pid, NULL, 0);
    *ret_err = err;
    return err ? -1 : pid;
}

/* The spawner has reaped it. */
static void on_report(void *opaque, int status)
{
    on_exit_watch(0, status, opaque);
}

static struct child *spawn(struct spawner *spawner, char *const argv[], const struct child_fd *fds,
                           unsigned nr_fds, child_exit_fn exited, void *opaque, GError **error)
{
    struct child *c = g_new0(struct child, 1);
    int err;

    g_assert(nr_fds <= CHILD_MAX_FDS);
    c->spawner = spawner;
    c->exited = exited;
    c->opaque = opaque;
    if (spawner) {
        c->pid = spawner_spawn(spawner, argv, fds, nr_fds, on_report, c, error);
    } else {
        c->pid = child_fork(argv, fds, nr_fds, &err);
        if (c->pid < 0)
            g_set_error(error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED, "could not run '%s': %s", argv[0],
                        g_strerror(err));
        else
            c->watch = g_child_watch_add(c->pid, on_exit_watch, c);
    }
    if (c->pid < 0)
        g_clear_pointer(&c, g_free);
    return c;
}

struct child *child_spawn(char *const argv[], const struct child_fd *fds, unsigned nr_fds,
                          child_exit_fn exited, void *opaque, GError **error)
{
    return spawn(process.always ? process.spawner : NULL, argv, fds, nr_fds, exited, opaque, error);
}

struct child *child_spawn_guest(char *const argv[], const struct child_fd *fds, unsigned nr_fds,
                                child_exit_fn exited, void *opaque, GError **error)
{
    return spawn(process.spawner, argv, fds, nr_fds, exited, opaque, error);
}

bool child_guest_has_less(void)
{
    return process.spawner && !process.always;
}

int child_pid(const struct child *c)
{
    return c->pid;
}

void child_end(struct child *c, int timeout_ms)
{
    if (c && c->pid > 0) {
        struct pollfd p = {.fd = (int)syscall(SYS_pidfd_open, c->pid, 0), .events = POLLIN};
        if (c->spawner)
            spawner_signal(c->spawner, c->pid, SIGTERM);
        else
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
    if (c->pid > 0 && c->spawner) {
        spawner_kill(c->spawner, c->pid);
    } else if (c->pid > 0) {
        /* one with rights that we have given up since ends when we do */
        if (kill(c->pid, SIGKILL) == 0 || errno != EPERM)
            waitpid(c->pid, NULL, 0);
    }
    g_free(c);
}
