#include "xenner/util/huge_tmpfs.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The child's exit status: its descriptor, or this. */
#define NO_MOUNT 255

static bool configure(int fs, const char *key, const char *value)
{
    return fsconfig(fs, FSCONFIG_SET_STRING, key, value, 0) == 0;
}

/* Only system calls: a forked child runs it. */
static int open_mount(void)
{
    int fs = fsopen("tmpfs", FSOPEN_CLOEXEC), mount = -1, dir = -1;

    if (fs < 0)
        return -1;
    /* size=0: no limit of its own */
    if (configure(fs, "huge", "advise") && configure(fs, "size", "0") &&
        fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
        mount = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    close(fs);
    if (mount >= 0) {
        dir = fcntl(mount, F_DUPFD_CLOEXEC, 3);
        close(mount);
    }
    return dir;
}

static bool write_file(const char *path, const char *text, size_t len)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool ok = fd >= 0 && write(fd, text, len) == (ssize_t)len;

    if (fd >= 0)
        close(fd);
    return ok;
}

/* The child: its descriptors are ours too (CLONE_FILES). */
static G_GNUC_NORETURN void run_child(const char *uid_map, const char *gid_map)
{
    int dir = -1;

    if (write_file("/proc/self/setgroups", "deny", 4) &&
        write_file("/proc/self/uid_map", uid_map, strlen(uid_map)) &&
        write_file("/proc/self/gid_map", gid_map, strlen(gid_map)))
        dir = open_mount();
    if (dir >= NO_MOUNT) {
        close(dir);
        dir = -1;
    }
    _exit(dir < 0 ? NO_MOUNT : dir);
}

static int open_in_namespace(void)
{
    char uid_map[64], gid_map[64];
    int status;

    snprintf(uid_map, sizeof(uid_map), "%u %u 1\n", geteuid(), geteuid());
    snprintf(gid_map, sizeof(gid_map), "%u %u 1\n", getegid(), getegid());
    /* No signal at its end: who waits for all children (GLib does not) is not to hear of this one. */
    long pid = syscall(SYS_clone, CLONE_NEWUSER | CLONE_NEWNS | CLONE_FILES, 0, NULL, NULL, 0);
    if (pid == 0)
        run_child(uid_map, gid_map);
    if (pid < 0)
        return -1;
    while (waitpid((pid_t)pid, &status, __WCLONE) < 0) {
        if (errno != EINTR)
            return -1;
    }
    return WIFEXITED(status) && WEXITSTATUS(status) != NO_MOUNT ? WEXITSTATUS(status) : -1;
}

int huge_tmpfs_open(void)
{
    int dir = open_mount();

    return dir >= 0 || errno != EPERM ? dir : open_in_namespace();
}

int huge_tmpfs_file(int dir)
{
    int file = openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    if (file >= 0 && fchmod(file, 0666) < 0) {
        close(file);
        return -1;
    }
    return file;
}
