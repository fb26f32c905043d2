/* util/huge_tmpfs.c: the pages are huge, for root and for a user; where the kernel has none, it says so. */
#include "xenner/util/huge_tmpfs.h"

#include <fcntl.h>
#include <glib.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdbool.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define HUGE_PAGE (2ul << 20)

/* What the child of as_nobody() ends with. */
enum { GOOD, NO_TMPFS, NOT_AGAIN, NOT_HUGE };

/* KiB of the mapping at p that huge pages map. */
static unsigned long huge_kib(const void *p)
{
    g_autofree char *start = g_strdup_printf("%lx-", (unsigned long)p), *text = NULL;
    unsigned long kib = 0;

    assert_true(g_file_get_contents("/proc/self/smaps", &text, NULL, NULL));
    const char *at = strstr(text, start);
    const char *line = at ? strstr(at, "ShmemPmdMapped:") : NULL;
    assert_non_null(line);
    assert_int_equal(sscanf(line, "ShmemPmdMapped: %lu kB", &kib), 1);
    return kib;
}

static int try_file(int fd)
{
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
    int again = open(path, O_RDWR | O_CLOEXEC);

    if (again < 0)
        return NOT_AGAIN;
    assert_int_equal(ftruncate(again, 2 * HUGE_PAGE), 0);
    /* Aligned, as a huge page needs it. */
    uint8_t *room = mmap(NULL, 3 * HUGE_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(room != MAP_FAILED);
    uint8_t *p = (uint8_t *)(((uintptr_t)room + HUGE_PAGE - 1) & -HUGE_PAGE);
    p = mmap(p, 2 * HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, again, 0);
    assert_true(p != MAP_FAILED);
    assert_int_equal(madvise(p, 2 * HUGE_PAGE, MADV_HUGEPAGE), 0);
    p[5] = 1;
    bool huge = huge_kib(p) == HUGE_PAGE >> 10;
    close(again);
    munmap(room, 3 * HUGE_PAGE);
    return huge ? GOOD : NOT_HUGE;
}

static bool none_here(void)
{
    g_autofree char *mode = NULL;
    bool none = !g_file_get_contents("/sys/kernel/mm/transparent_hugepage/shmem_enabled", &mode, NULL, NULL) ||
                strstr(mode, "[deny]");

    if (none)
        print_message("skipped: this kernel has no huge pages for files in memory\n");
    return none;
}

static void as_we_are(void **state)
{
    if (none_here())
        skip();
    int dir = huge_tmpfs_open();
    if (dir < 0) {
        print_message("skipped: no tmpfs: neither CAP_SYS_ADMIN nor user namespaces\n");
        skip();
    }
    assert_true(fcntl(dir, F_GETFD) & FD_CLOEXEC);
    int fd = huge_tmpfs_file(dir);
    assert_true(fd >= 0);
    close(dir); /* the file keeps it */
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(try_file(fd), GOOD);
    close(fd);
}

static void as_nobody(void **state)
{
    int status;

    if (none_here())
        skip();
    pid_t pid = fork();
    if (pid == 0) {
        if (geteuid() == 0 && (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534)))
            _exit(100);
        prctl(PR_SET_DUMPABLE, 1); /* as a user's own program is: its files in /proc are its own */
        int dir = huge_tmpfs_open();
        _exit(dir < 0 ? NO_TMPFS : try_file(huge_tmpfs_file(dir)));
    }
    assert_true(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    if (WEXITSTATUS(status) == NO_TMPFS) {
        print_message("skipped: no tmpfs: users have no namespaces here\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), GOOD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_we_are),
        cmocka_unit_test(as_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
