#include "xenner/bootdisk/boot_confine.h"
#include "xenner/util/sandbox.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_MEMORY (128ull << 20) /* more than the process has anyway */

enum { FIRST_DISK_FD = BOOT_ANSWER_FD + 1, MAX_CALLS = 64 };

/* All that reading takes, and memory. */
static const char *const reading[] = {
    "read", "pread64", "lseek", "fstat", "newfstatat", "fcntl", "dup", "close", "write", "mmap",
    "munmap", "mremap", "mprotect", "madvise", "brk", "futex", "getrandom", "clock_gettime", "getpid",
    "rt_sigreturn", "sigaltstack", "exit", "exit_group"};
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

    if (c->empty || (c->format && strcmp(c->format, "raw") != 0) ||
        stat(c->path, &st) < 0 ||
        (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))) /* before open(): a fifo would wait */
        return -1;
    return open(c->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
}

unsigned boot_disks_open(const GPtrArray *all, bool whole, struct disk_reader ret[BOOT_MAX_DISKS])
{
    g_autoptr(GPtrArray) configs = g_ptr_array_sized_new(all->len);
    unsigned n = 0;

    for (guint i = 0; i < all->len; i++)
        g_ptr_array_add(configs, g_ptr_array_index(all, i));
    g_ptr_array_sort(configs, disk_config_by_boot_order);
    for (guint i = 0; i < configs->len && n < BOOT_MAX_DISKS; i++) {
        const struct disk_config *c = g_ptr_array_index(configs, i);
        if (!c->vdev)
            continue;
        int fd = whole && c->snapshot ? -1 : open_disk(c);
        uint64_t bytes = fd >= 0 ? bytes_of(fd) : 0;
        if (bytes)
            ret[n++] = (struct disk_reader){fd, 0, bytes};
        else if (fd >= 0)
            close(fd);
        if (!bytes && whole && !c->empty)
            break;
    }
    return n;
}

void boot_disks_close(const struct disk_reader *disks, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        close(disks[i].fd);
}

void boot_disks_measure(struct disk_reader *disks, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        disks[i].bytes = bytes_of(disks[i].fd);
}

uint64_t boot_address_space(void)
{
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    bool ok = f && fscanf(f, "%lu", &pages) == 1;

    if (f)
        fclose(f);
    return ok ? pages * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

static bool limit(int what, uint64_t value)
{
    const struct rlimit r = {value, value};

    return setrlimit(what, &r) == 0;
}

bool boot_limit(uint64_t address_space, unsigned seconds)
{
    return address_space && limit(RLIMIT_AS, address_space + MAX_MEMORY) && limit(RLIMIT_CPU, seconds) &&
           limit(RLIMIT_CORE, 0);
}

bool boot_keep_only(int out, struct disk_reader *disks, unsigned n)
{
    const int parked = FIRST_DISK_FD + BOOT_MAX_DISKS;
    int fd = fcntl(out, F_DUPFD_CLOEXEC, parked);

    for (unsigned i = 0; i < n; i++)
        disks[i].fd = fcntl(disks[i].fd, F_DUPFD_CLOEXEC, parked);
    if (fd < 0 || dup2(fd, BOOT_ANSWER_FD) < 0)
        return false;
    for (unsigned i = 0; i < n; i++) {
        if (disks[i].fd < 0 || dup2(disks[i].fd, FIRST_DISK_FD + (int)i) < 0)
            return false;
        disks[i].fd = FIRST_DISK_FD + (int)i;
    }
    close_range(0, BOOT_ANSWER_FD - 1, 0);
    return close_range(FIRST_DISK_FD + n, ~0u, 0) == 0;
}

bool boot_filter(const char *const *further)
{
    const char *calls[MAX_CALLS] = {NULL};
    unsigned n = 0;

    for (unsigned i = 0; i < G_N_ELEMENTS(reading); i++)
        calls[n++] = reading[i];
    for (; *further && n + 1 < MAX_CALLS; further++)
        calls[n++] = *further;
    return sandbox_only(calls, requests);
}
