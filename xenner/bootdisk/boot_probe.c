#include "xenner/bootdisk/boot_probe.h"
#include "xenner/bootdisk/boot_search.h"
#include "xenner/util/sandbox.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_DISKS   16u
#define MAX_MEMORY  (128ull << 20) /* more than the process has anyway */
#define MAX_SECONDS 5              /* of the host's time; a file system that is sound takes milliseconds */

enum { ANSWER_FD = 3, FIRST_DISK_FD = 4 };

/* All that reading takes, and memory. */
static const char *const calls[] = {
    "read", "pread64", "lseek", "fstat", "newfstatat", "fcntl", "dup", "close", "write", "mmap",
    "munmap", "mremap", "mprotect", "madvise", "brk", "futex", "getrandom", "clock_gettime", "getpid",
    "rt_sigreturn", "exit", "exit_group", NULL};
/* Of a block device: its size, and its sectors'. */
static const unsigned requests[] = {BLKGETSIZE64, BLKSSZGET, 0};

static uint64_t bytes_of(int fd)
{
    struct stat st;
    uint64_t bytes = 0;

    if (fstat(fd, &st) < 0)
        return 0;
    if (S_ISREG(st.st_mode))
        return (uint64_t)st.st_size;
    return S_ISBLK(st.st_mode) && ioctl(fd, BLKGETSIZE64, &bytes) == 0 ? bytes : 0;
}

static int open_disk(const struct disk_config *c)
{
    struct stat st;

    if (c->empty || (c->format && strcmp(c->format, "raw") != 0) || stat(c->path, &st) < 0 ||
        (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))) /* before open(): a fifo would wait */
        return -1;
    return open(c->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
}

static unsigned open_disks(const GPtrArray *all, struct disk_reader disks[MAX_DISKS])
{
    g_autoptr(GPtrArray) configs = g_ptr_array_sized_new(all->len);
    unsigned n = 0;

    for (guint i = 0; i < all->len; i++)
        g_ptr_array_add(configs, g_ptr_array_index(all, i));
    g_ptr_array_sort(configs, disk_config_by_boot_order);

    for (guint i = 0; i < configs->len && n < MAX_DISKS; i++) {
        int fd = open_disk(g_ptr_array_index(configs, i));
        uint64_t bytes = fd >= 0 ? bytes_of(fd) : 0;
        if (bytes)
            disks[n++] = (struct disk_reader){fd, 0, bytes};
        else if (fd >= 0)
            close(fd);
    }
    return n;
}

static bool limit(int what, uint64_t value)
{
    const struct rlimit r = {value, value};

    return setrlimit(what, &r) == 0;
}

/* The address space may grow by MAX_MEMORY. */
static bool limit_memory(void)
{
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    bool ok = f && fscanf(f, "%lu", &pages) == 1;

    if (f)
        fclose(f);
    return ok && limit(RLIMIT_AS, pages * (uint64_t)sysconf(_SC_PAGESIZE) + MAX_MEMORY);
}

/* Only the answer's descriptor and the disks stay, in their places. */
static bool keep_only(int out, struct disk_reader *disks, unsigned n)
{
    const int parked = FIRST_DISK_FD + (int)MAX_DISKS;
    int fd = fcntl(out, F_DUPFD_CLOEXEC, parked);

    for (unsigned i = 0; i < n; i++)
        disks[i].fd = fcntl(disks[i].fd, F_DUPFD_CLOEXEC, parked);
    if (fd < 0 || dup2(fd, ANSWER_FD) < 0)
        return false;
    for (unsigned i = 0; i < n; i++) {
        if (disks[i].fd < 0 || dup2(disks[i].fd, FIRST_DISK_FD + (int)i) < 0)
            return false;
        disks[i].fd = FIRST_DISK_FD + (int)i;
    }
    close_range(0, ANSWER_FD - 1, 0);
    return close_range(FIRST_DISK_FD + n, ~0u, 0) == 0;
}

static void G_GNUC_NORETURN search_confined(int out, struct disk_reader *disks, unsigned n, pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent || !limit_memory() ||
        !limit(RLIMIT_CPU, MAX_SECONDS) || !limit(RLIMIT_CORE, 0) || !keep_only(out, disks, n) ||
        !sandbox_only(calls, requests))
        _exit(1);
    char answer = (char)boot_search(disks, n);
    _exit(write(ANSWER_FD, &answer, 1) == 1 ? 0 : 1);
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
    struct disk_reader disks[MAX_DISKS];
    enum kernel_width width = KERNEL_UNKNOWN;
    unsigned n = open_disks(configs, disks);
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
    for (unsigned i = 0; i < n; i++)
        close(disks[i].fd);
    return width;
}
