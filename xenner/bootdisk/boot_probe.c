#include "xenner/bootdisk/boot_probe.h"
#include "xenner/bootdisk/boot_confine.h"
#include "xenner/bootdisk/boot_search.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_SECONDS 5 /* of the host's time; a file system that is sound takes milliseconds */

static void G_GNUC_NORETURN search_confined(int out, struct disk_reader *disks, unsigned n, pid_t parent)
{
    static const char *const none[] = {NULL};

    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent ||
        !boot_limit(boot_address_space(), MAX_SECONDS) || !boot_keep_only(out, disks, n) ||
        !boot_filter(none))
        _exit(1);
    char answer = (char)boot_search(disks, n);
    _exit(write(BOOT_ANSWER_FD, &answer, 1) == 1 ? 0 : 1);
}

/* What the process says within its time, or KERNEL_UNKNOWN. */
static enum kernel_width wait_for(int fd, pid_t pid)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    char answer = KERNEL_UNKNOWN;

    if (poll(&p, 1, MAX_SECONDS * 1000) != 1 || read(fd, &answer, 1) != 1) {
        g_log("domain", G_LOG_LEVEL_DEBUG, "the disks could not be searched for a kernel");
        answer = KERNEL_UNKNOWN;
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return answer == KERNEL_32 || answer == KERNEL_64 ? (enum kernel_width)answer : KERNEL_UNKNOWN;
}

enum kernel_width boot_probe(const GPtrArray *configs)
{
    struct disk_reader disks[BOOT_MAX_DISKS];
    enum kernel_width width = KERNEL_UNKNOWN;
    unsigned n = boot_disks_open(configs, false, disks);
    pid_t own = getpid(), pid = -1;
    int pair[2];

    if (n && pipe2(pair, O_CLOEXEC) == 0) {
        pid = fork();
        if (pid == 0)
            search_confined(pair[1], disks, n, own);
        close(pair[1]);
        if (pid > 0)
            width = wait_for(pair[0], pid);
        close(pair[0]);
    }
    boot_disks_close(disks, n);
    return width;
}
