/*
 * killat [-t] N PROGRAM [ARGS]: runs PROGRAM and kills it with SIGKILL at its Nth point, where each
 * system call that changes a file system is two points: before and after it, in whichever thread.
 * With -t it gets SIGTERM, and is waited for. Status 0 when that was done, 1 when PROGRAM ended
 * before; with N = 0 it runs to its end, and the number of points is printed. 77: this machine does
 * not let one trace.
 * A write counts only when it is to a file and not of a few bytes: how often a main loop wakes its
 * event descriptors differs from run to run, and so does in how many pieces libext2fs writes what
 * has changed in a superblock, whose checksum is of a random UUID.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FEW_BYTES = 16, MAX_THREADS = 64 };

static bool is_file(pid_t pid, int fd)
{
    char link[64], target[1];

    snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)pid, fd);
    return readlink(link, target, 1) == 1 && *target == '/';
}

static bool changes(pid_t pid, unsigned long nr, const uint64_t *args)
{
    static const long calls[] = {
        SYS_write,   SYS_pwrite64,  SYS_copy_file_range, SYS_sendfile,  SYS_openat,
        SYS_mkdirat, SYS_linkat,    SYS_symlinkat,       SYS_unlinkat,  SYS_fsync,
        SYS_rename,  SYS_renameat,  SYS_renameat2,       SYS_fchmod,    SYS_fchmodat,
        SYS_fchown,  SYS_ftruncate, SYS_flock,           SYS_utimensat, SYS_mkdir,
        SYS_unlink,  SYS_fallocate,
    };

    for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
        if (calls[i] != (long)nr)
            continue;
        if (nr == SYS_openat)
            return args[2] & O_CREAT;
        return nr != SYS_write || (args[2] >= FEW_BYTES && is_file(pid, (int)args[0]));
    }
    return false;
}

static void child(char **argv)
{
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
        _exit(77);
    raise(SIGSTOP);
    execvp(argv[0], argv);
    _exit(127);
}

/* A stop of the thread tid: whether it is a point. A call is looked at when it begins. */
static bool is_point(pid_t tid)
{
    static pid_t in_call[MAX_THREADS]; /* threads in a call that counts */
    struct __ptrace_syscall_info info;
    pid_t *mine = in_call;

    if (ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), &info) <= 0)
        return false;
    while (mine < in_call + MAX_THREADS - 1 && *mine != tid)
        mine++;
    bool counted = *mine == tid;
    if (info.op == PTRACE_SYSCALL_INFO_EXIT) {
        *mine = counted ? 0 : *mine;
        return counted;
    }
    if (!changes(tid, info.entry.nr, info.entry.args))
        return false;
    for (mine = in_call; *mine && mine < in_call + MAX_THREADS - 1;)
        mine++;
    *mine = tid;
    return true;
}

/* What a stopped thread is let go with: stops that are ours alone are no signals to it. */
static int signal_of(int status)
{
    int sig = WSTOPSIG(status);

    return sig == (SIGTRAP | 0x80) || sig == SIGTRAP || sig == SIGSTOP ? 0 : sig;
}

static int trace(pid_t pid, long at, bool term)
{
    long points = 0;
    int status;

    for (;;) {
        pid_t tid = waitpid(-1, &status, __WALL);
        if (tid < 0)
            return 77;
        if (!WIFSTOPPED(status)) {
            if (tid == pid)
                break;
            continue;
        }
        if (WSTOPSIG(status) == (SIGTRAP | 0x80) && is_point(tid) && ++points == at)
            kill(pid, term ? SIGTERM : SIGKILL);
        /* who was killed meanwhile says so next */
        ptrace(PTRACE_SYSCALL, tid, NULL, (void *)(long)signal_of(status));
    }
    if (at)
        return points < at;
    if (!WIFEXITED(status) || WEXITSTATUS(status))
        return 1;
    printf("%ld\n", points);
    return 0;
}

int main(int argc, char **argv)
{
    bool term = argc > 1 && !strcmp(argv[1], "-t");
    int status;

    argc -= term;
    argv += term;
    if (argc < 3)
        return 2;
    pid_t pid = fork();
    if (pid < 0)
        return 77;
    if (!pid)
        child(argv + 2);
    if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
        ptrace(PTRACE_SETOPTIONS, pid, NULL,
               (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL)) < 0 ||
        ptrace(PTRACE_SYSCALL, pid, NULL, NULL) < 0)
        return 77;
    return trace(pid, atol(argv[1]), term);
}
