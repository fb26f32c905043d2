#include "xenner/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

int daemon_fork(void)
{
    int fds[2];
    char byte;

    if (pipe2(fds, O_CLOEXEC) < 0)
        return -1;
    pid_t pid = fork();
    if (pid < 0)
        return -1;
    if (pid == 0) {
        close(fds[0]);
        setsid();
        return fds[1];
    }
    close(fds[1]);
    if (read(fds[0], &byte, 1) == 1)
        _exit(0);
    /* The child ended before it was ready, and said why on stderr. */
    int status = 0;
    waitpid(pid, &status, 0);
    _exit(WIFEXITED(status) && WEXITSTATUS(status) ? WEXITSTATUS(status) : 1);
}

void daemon_ready(int fd)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    for (int i = 0; i < 3 && null >= 0; i++)
        dup2(null, i);
    if (null > 2)
        close(null);
    if (write(fd, "", 1) < 0)
        g_debug("the parent is gone");
    close(fd);
}

bool pidfile_write(const char *path, GError **error)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    g_autofree char *text = g_strdup_printf("%d\n", (int)getpid());

    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "-pidfile %s: %s", path,
                    fd >= 0 && errno == EWOULDBLOCK ? "another process has it"
                                                    : g_strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    if (ftruncate(fd, 0) < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "-pidfile %s: could not write: %s", path,
                    g_strerror(errno));
        close(fd);
        return false;
    }
    return true; /* fd stays open: the lock lives as long as we do */
}

void pidfile_remove(const char *path)
{
    if (path)
        unlink(path);
}
