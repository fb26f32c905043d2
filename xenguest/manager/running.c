#include "xenguest/manager/running.h"

#include "xenguest/manager/say.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KILL_MS 10000 /* the kernel takes a moment to free a guest's memory */

char *running_file(const struct guest *g, const char *name)
{
    return g_build_filename(g->run, name, NULL);
}

static bool is_locked(int fd)
{
    if (flock(fd, LOCK_SH | LOCK_NB) == 0) {
        flock(fd, LOCK_UN);
        return false;
    }
    return errno == EWOULDBLOCK;
}

int running_lock(const struct guest *g, GError **error)
{
    g_autofree char *path = running_file(g, "lock");
    int fd = -1;

    if (g_mkdir_with_parents(g->run, 0700) == 0 &&
        (fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)) >= 0 &&
        flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    if (fd >= 0 && errno == EWOULDBLOCK)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_BUSY, "'%s' is being started or removed",
                    g->name);
    else
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "could not use '%s': %s", g->run,
                    g_strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

static pid_t read_pid(int fd)
{
    char text[32];
    ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

    text[n > 0 ? n : 0] = '\0';
    return (pid_t)strtol(text, NULL, 10);
}

int running_open(const struct guest *g)
{
    g_autofree char *path = running_file(g, "pid");
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), pidfd = -1;

    if (fd < 0)
        return -1;
    pid_t pid = is_locked(fd) ? read_pid(fd) : 0;
    if (pid > 0)
        pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    /* still locked after it was opened: the process is the one that the file means */
    if (pidfd >= 0 && !is_locked(fd)) {
        close(pidfd);
        pidfd = -1;
    }
    close(fd);
    return pidfd;
}

bool running_is(const struct guest *g)
{
    int fd = running_open(g);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

bool running_wait(int pidfd, int ms)
{
    struct pollfd p = {.fd = pidfd, .events = POLLIN};
    int64_t end = g_get_monotonic_time() + (int64_t)ms * 1000;
    int rc;

    do {
        int64_t left = ms < 0 ? -1 : MAX(0, (end - g_get_monotonic_time()) / 1000);
        rc = poll(&p, 1, (int)left);
    } while (rc < 0 && errno == EINTR);
    return rc > 0;
}

static bool kill_process(const struct guest *g, int pidfd, GError **error)
{
    if ((syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) == 0 || errno == ESRCH) &&
        running_wait(pidfd, KILL_MS))
        return true;
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "could not kill '%s': %s", g->name,
                g_strerror(errno));
    return false;
}

/* SIGTERM first: xenner removes its sockets and directory then, and ends at once too. */
static bool end_process(const struct guest *g, int pidfd, GError **error)
{
    enum { TERM_MS = 3000 };

    if (syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0) == 0 &&
        running_wait(pidfd, TERM_MS))
        return true;
    return kill_process(g, pidfd, error);
}

bool guest_kill(const struct guest *g, GError **error)
{
    int pidfd = running_open(g);
    bool ok = pidfd < 0 || end_process(g, pidfd, error);

    if (pidfd >= 0)
        close(pidfd);
    return ok;
}

char *running_status(const struct guest *g)
{
    g_autofree char *path = running_file(g, "qmp");
    AUTO(qmp_client) qmp = qmp_client_connect(path, NULL);
    g_autoptr(JsonNode) node = NULL;

    if (!qmp || !qmp_client_do(qmp, "query-status", NULL, -1, &node, NULL) || !node ||
        !JSON_NODE_HOLDS_OBJECT(node))
        return NULL;
    return g_strdup(
        json_object_get_string_member_with_default(json_node_get_object(node), "status", NULL));
}

/* Not started yet, or over and kept (on_poweroff = "preserve"): nobody in it can power off. */
static bool is_idle(const struct guest *g)
{
    static const char *const idle[] = {"prelaunch", "shutdown", "guest-panicked", NULL};
    g_autofree char *status = running_status(g);

    return status && g_strv_contains(idle, status);
}

static bool ask_to_power_off(const struct guest *g, GError **error)
{
    g_autofree char *path = running_file(g, "qmp");
    AUTO(qmp_client) qmp = qmp_client_connect(path, error);

    return qmp && qmp_client_do(qmp, "system_powerdown", NULL, -1, NULL, error);
}

static bool wait_for_end(const struct settings *s, const struct guest *g, int pidfd, bool or_kill,
                         GError **error)
{
    const int64_t end = g_get_monotonic_time() + s->stop_timeout * G_USEC_PER_SEC;

    /* in steps, for guests that are kept after they powered off */
    do {
        int64_t left = (end - g_get_monotonic_time()) / 1000;
        if (running_wait(pidfd, (int)CLAMP(left, 0, 1000)))
            return true;
        if (is_idle(g))
            return end_process(g, pidfd, error);
    } while (g_get_monotonic_time() < end);
    if (or_kill) {
        say(SAY_WARNING, "'%s' did not power off in %u seconds: killing it", g->name,
            s->stop_timeout);
        return end_process(g, pidfd, error);
    }
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT,
                "'%s' did not power off in %u seconds (stop --kill ends it)", g->name,
                s->stop_timeout);
    return false;
}

static bool stop_running(const struct settings *s, const struct guest *g, int pidfd,
                         enum stop_how how, GError **error)
{
    g_autoptr(GError) why = NULL;

    if (is_idle(g))
        return end_process(g, pidfd, error);
    if (ask_to_power_off(g, &why) || running_wait(pidfd, 0))
        return how == STOP_NOWAIT || wait_for_end(s, g, pidfd, how == STOP_KILL, error);
    if (how == STOP_KILL) {
        say(SAY_WARNING, "'%s' can't be asked to power off (%s): killing it", g->name,
            why->message);
        return end_process(g, pidfd, error);
    }
    g_propagate_prefixed_error(error, g_steal_pointer(&why),
                               "'%s' can't be asked to power off: ", g->name);
    return false;
}

bool guest_stop(const struct settings *s, const struct guest *g, enum stop_how how, GError **error)
{
    int pidfd = running_open(g);
    bool ok = pidfd < 0 || stop_running(s, g, pidfd, how, error);

    if (pidfd >= 0)
        close(pidfd);
    return ok;
}
