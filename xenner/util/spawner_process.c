#include "xenner/util/spawner_process.h"
#include "xenner/util/fd_message.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_CHILDREN 64
#define MAX_ARGS     256

struct process {
    int sock;
    const char *const *programs;
    pid_t children[MAX_CHILDREN]; /* 0: free */
};

static pid_t *slot_of(struct process *p, pid_t pid)
{
    for (unsigned i = 0; i < MAX_CHILDREN; i++) {
        if (p->children[i] == pid)
            return &p->children[i];
    }
    return NULL;
}

static void report(struct process *p, enum spawner_said what, pid_t pid, int value)
{
    const struct spawner_report r = {(int32_t)what, pid, value};

    if (send(p->sock, &r, sizeof(r), MSG_NOSIGNAL) < 0)
        _exit(0); /* nobody is there; what was started dies with us */
}

static bool may_run(const struct process *p, const char *program)
{
    return g_strv_contains(p->programs, program);
}

/* The request's words; false: it is not what a request looks like. */
static bool unpack(struct spawner_request *req, size_t len, char *argv[MAX_ARGS + 1])
{
    const size_t head = offsetof(struct spawner_request, argv);
    unsigned n = 0;

    if (len < head || req->argv_bytes != len - head || req->nr_fds > CHILD_MAX_FDS ||
        !req->argv_bytes || req->argv[req->argv_bytes - 1])
        return false;
    for (size_t at = 0; at < req->argv_bytes; at += strlen(req->argv + at) + 1) {
        if (n == MAX_ARGS)
            return false;
        argv[n++] = req->argv + at;
    }
    argv[n] = NULL;
    return true;
}

static void start(struct process *p, struct spawner_request *req, size_t len, const int *fds,
                  unsigned nr_fds)
{
    char *argv[MAX_ARGS + 1];
    struct child_fd pairs[CHILD_MAX_FDS];
    pid_t *slot = slot_of(p, 0), pid = 0;
    int err = 0;

    if (!unpack(req, len, argv) || nr_fds != req->nr_fds)
        err = EINVAL;
    else if (!may_run(p, argv[0]))
        err = EPERM;
    else if (!slot)
        err = EAGAIN;
    for (unsigned i = 0; i < nr_fds; i++) {
        pairs[i] = (struct child_fd){fds[i], req->as[i]};
        if (!err && (req->as[i] < 1 || req->as[i] > 63))
            err = EINVAL;
    }
    if (!err)
        pid = child_fork(argv, pairs, nr_fds, &err);
    if (!err)
        *slot = pid;
    report(p, SPAWNER_STARTED, err ? 0 : pid, err);
}

/* From the terminal or the pipe that we came from. */
static void detach(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    for (int i = 0; i < 3 && null >= 0; i++)
        dup2(null, i);
    if (null > 2)
        close(null);
}

static bool serve(struct process *p)
{
    static struct spawner_request req; /* too large for a stack */
    int fds[CHILD_MAX_FDS];
    unsigned n = 0;
    ssize_t len = fd_message_receive(p->sock, &req, sizeof(req), fds, CHILD_MAX_FDS, &n);

    if (len <= 0)
        return false;
    if (req.what == SPAWNER_START)
        start(p, &req, (size_t)len, fds, n);
    else if (req.what == SPAWNER_DETACH)
        detach();
    else if (req.pid > 0 && slot_of(p, req.pid)) /* not reaped yet: the number is still its own */
        kill(req.pid, req.signo);
    for (unsigned i = 0; i < n; i++)
        close(fds[i]);
    return true;
}

static void reap(struct process *p)
{
    pid_t pid;
    int status;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        pid_t *slot = slot_of(p, pid);
        if (!slot)
            continue;
        *slot = 0;
        report(p, SPAWNER_EXITED, pid, status);
    }
}

void spawner_process(int sock, const char *const *programs)
{
    struct process p = {.sock = sock, .programs = programs};
    sigset_t set, all;

    /* A terminal's ^C, or a service manager's SIGTERM to all, is for xenner, which ends us. */
    sigfillset(&all);
    sigdelset(&all, SIGSEGV);
    sigprocmask(SIG_SETMASK, &all, NULL);
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    int chld = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    fcntl(sock, F_SETFD, FD_CLOEXEC);
    for (;;) {
        struct pollfd polled[] = {{.fd = sock, .events = POLLIN}, {.fd = chld, .events = POLLIN}};
        struct signalfd_siginfo info;
        poll(polled, 2, -1);
        while (read(chld, &info, sizeof(info)) > 0)
            ;
        reap(&p);
        if (polled[0].revents && !serve(&p))
            _exit(0);
    }
}
