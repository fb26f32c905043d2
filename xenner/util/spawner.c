#include "xenner/util/spawner.h"
#include "xenner/util/fd_message.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "xenner/util/spawner_process.h"

struct waiting {
    child_exit_fn exited;
    void *opaque;
};

struct spawner {
    pid_t pid;
    int sock;
    guint source;
    GHashTable *children; /* pid -> struct waiting, owned */
    GQueue late;          /* struct spawner_report *, owned: came while an answer was waited for */
    guint idle;
};

static void forget_all(struct spawner *s);

static void child_gone(struct spawner *s, pid_t pid, int status)
{
    gpointer value;

    if (!g_hash_table_steal_extended(s->children, GINT_TO_POINTER(pid), NULL, &value))
        return;
    g_autofree struct waiting *w = value;
    w->exited(w->opaque, status);
}

/* False: the spawner is gone. */
static bool receive(struct spawner *s, struct spawner_report *ret)
{
    ssize_t n;

    do
        n = recv(s->sock, ret, sizeof(*ret), 0);
    while (n < 0 && errno == EINTR);
    return n == sizeof(*ret);
}

static gboolean on_report(gint fd, GIOCondition condition, gpointer data)
{
    struct spawner *s = data;
    struct spawner_report r;

    if (receive(s, &r)) {
        child_gone(s, r.pid, r.value);
        return G_SOURCE_CONTINUE;
    }
    s->source = 0;
    forget_all(s);
    return G_SOURCE_REMOVE;
}

/* It died, and all that it had started with it. */
static void forget_all(struct spawner *s)
{
    GHashTableIter i;
    gpointer pid;

    for (;;) {
        g_hash_table_iter_init(&i, s->children);
        if (!g_hash_table_iter_next(&i, &pid, NULL))
            break;
        child_gone(s, GPOINTER_TO_INT(pid), SIGKILL);
    }
}

static gboolean on_late(gpointer data)
{
    struct spawner *s = data;
    struct spawner_report *r = g_queue_pop_head(&s->late);

    if (r) {
        child_gone(s, r->pid, r->value);
        g_free(r);
        return G_SOURCE_CONTINUE;
    }
    s->idle = 0;
    return G_SOURCE_REMOVE;
}

/* Reads until the answer is there; who exits meanwhile is told of later. pid 0: of any. */
static bool wait_for(struct spawner *s, enum spawner_said what, pid_t pid, struct spawner_report *ret)
{
    while (receive(s, ret)) {
        if (ret->what == (int)what && (!pid || ret->pid == pid))
            return true;
        if (ret->what == SPAWNER_EXITED) {
            g_queue_push_tail(&s->late, g_memdup2(ret, sizeof(*ret)));
            if (!s->idle)
                s->idle = g_idle_add(on_late, s);
        }
    }
    return false;
}

static bool send_request(struct spawner *s, const struct spawner_request *req, const int *fds,
                         unsigned n)
{
    size_t len = offsetof(struct spawner_request, argv) + req->argv_bytes;

    return fd_message_send(s->sock, req, len, fds, n) == (ssize_t)len;
}

static bool pack(struct spawner_request *req, char *const argv[])
{
    for (unsigned i = 0; argv[i]; i++) {
        size_t len = strlen(argv[i]) + 1;
        if (req->argv_bytes + len > sizeof(req->argv))
            return false;
        memcpy(req->argv + req->argv_bytes, argv[i], len);
        req->argv_bytes += (uint32_t)len;
    }
    return true;
}

pid_t spawner_spawn(struct spawner *s, char *const argv[], const struct child_fd *fds, unsigned n,
                    child_exit_fn exited, void *opaque, GError **error)
{
    g_autofree struct spawner_request *req = g_new0(struct spawner_request, 1);
    struct spawner_report r = {.value = E2BIG};
    int own[CHILD_MAX_FDS];

    req->what = SPAWNER_START;
    req->nr_fds = n;
    for (unsigned i = 0; i < n; i++) {
        own[i] = fds[i].fd;
        req->as[i] = fds[i].as;
    }
    if (pack(req, argv) && (!send_request(s, req, own, n) || !wait_for(s, SPAWNER_STARTED, 0, &r)))
        r.value = EPIPE;
    if (r.value) {
        g_set_error(error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED, "could not run '%s': %s", argv[0],
                    g_strerror(r.value));
        return -1;
    }
    struct waiting *w = g_new0(struct waiting, 1);
    *w = (struct waiting){exited, opaque};
    g_hash_table_insert(s->children, GINT_TO_POINTER(r.pid), w);
    return r.pid;
}

void spawner_detach(struct spawner *s)
{
    g_autofree struct spawner_request *req = g_new0(struct spawner_request, 1);

    req->what = SPAWNER_DETACH;
    send_request(s, req, NULL, 0);
}

void spawner_signal(struct spawner *s, pid_t pid, int signo)
{
    g_autofree struct spawner_request *req = g_new0(struct spawner_request, 1);

    req->what = SPAWNER_SIGNAL;
    req->pid = pid;
    req->signo = signo;
    send_request(s, req, NULL, 0);
}

void spawner_kill(struct spawner *s, pid_t pid)
{
    struct spawner_report r;
    bool reaped = false;

    if (!g_hash_table_remove(s->children, GINT_TO_POINTER(pid)))
        return;
    for (GList *l = s->late.head; l && !reaped; l = l->next)
        reaped = ((struct spawner_report *)l->data)->pid == pid;
    if (reaped)
        return;
    spawner_signal(s, pid, SIGKILL);
    wait_for(s, SPAWNER_EXITED, pid, &r);
}

/* A child's, or one that could be another process's own: out of all descriptors only the socket stays. */
static void G_GNUC_NORETURN become_spawner(int sock, pid_t parent, const char *const *programs,
                                           const struct privileges *user)
{
    g_autoptr(GError) error = NULL;
    struct spawner_report ready = {.what = SPAWNER_STARTED};

    dup2(sock, 3);
    close_range(4, ~0u, 0);
    if (user && !privileges_drop(user, &error))
        ready.value = EPERM;
    /* after the drop, which resets it */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
        _exit(1);
    if (send(3, &ready, sizeof(ready), MSG_NOSIGNAL) != sizeof(ready) || ready.value)
        _exit(1);
    spawner_process(3, programs);
}

struct spawner *spawner_new(const char *const *programs, const struct privileges *user, GError **error)
{
    struct spawner *s = g_new0(struct spawner, 1);
    struct spawner_report ready = {.value = 0};
    int pair[2];
    pid_t own = getpid();

    s->children = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    g_queue_init(&s->late);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
        g_set_error(error, G_SPAWN_ERROR, G_SPAWN_ERROR_FORK, "no socket: %s", g_strerror(errno));
        g_hash_table_unref(s->children);
        g_free(s);
        return NULL;
    }
    s->pid = fork();
    if (s->pid == 0)
        become_spawner(pair[1], own, programs, user);
    close(pair[1]);
    s->sock = pair[0];
    if (s->pid < 0 || !receive(s, &ready) || ready.value) {
        g_set_error(error, G_SPAWN_ERROR, G_SPAWN_ERROR_FORK, "could not start the helper process%s",
                    ready.value ? ": it could not become the user of -runas" : "");
        spawner_free(s);
        return NULL;
    }
    s->source = g_unix_fd_add(s->sock, G_IO_IN | G_IO_HUP, on_report, s);
    return s;
}

void spawner_free(struct spawner *s)
{
    if (!s)
        return;
    if (s->source)
        g_source_remove(s->source);
    if (s->idle)
        g_source_remove(s->idle);
    close(s->sock); /* which ends it */
    if (s->pid > 0)
        waitpid(s->pid, NULL, 0);
    g_queue_clear_full(&s->late, g_free);
    g_hash_table_unref(s->children);
    g_free(s);
}
