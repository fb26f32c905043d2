/*
 * killat N PROGRAM [ARGS]: runs PROGRAM and kills it with SIGKILL at its Nth point, where each
 * system call that changes a file system is two points: before and after it. Status 0 when killed,
 * 1 when PROGRAM ended before; with N = 0 it runs to its end, and the number of points is printed.
 * 77: this machine does not let one trace.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static bool changes(unsigned long nr, const uint64_t *args)
{
    static const long calls[] = {
        SYS_write,   SYS_pwrite64,  SYS_copy_file_range, SYS_sendfile,  SYS_openat,
        SYS_mkdirat, SYS_linkat,    SYS_symlinkat,       SYS_unlinkat,  SYS_fsync,
        SYS_rename,  SYS_renameat,  SYS_renameat2,       SYS_fchmod,    SYS_fchmodat,
        SYS_fchown,  SYS_ftruncate, SYS_flock,           SYS_utimensat, SYS_mkdir,
        SYS_unlink,  SYS_fallocate,
    };

    for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
        if (calls[i] == (long)nr)
            return nr != SYS_openat || (args[2] & O_CREAT);
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

static int trace(pid_t pid, long at)
{
    struct __ptrace_syscall_info info;
    bool counted = false;
    long points = 0;
    int status;

    while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
        int sig = WSTOPSIG(status);

        if (sig == (SIGTRAP | 0x80) &&
            ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) > 0) {
            if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
                counted = changes(info.entry.nr, info.entry.args);
            if (counted && ++points == at) {
                kill(pid, SIGKILL);
                waitpid(pid, &status, 0);
                return 0;
            }
        }
        sig = sig == (SIGTRAP | 0x80) || sig == SIGTRAP || sig == SIGSTOP ? 0 : sig;
        if (ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(long)sig) < 0)
            return 77;
    }
    if (!at && WIFEXITED(status) && !WEXITSTATUS(status)) {
        printf("%ld\n", points);
        return 0;
    }
    return 1;
}

int main(int argc, char **argv)
{
    int status;

    if (argc < 3)
        return 2;
    pid_t pid = fork();
    if (pid < 0)
        return 77;
    if (!pid)
        child(argv + 2);
    if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
        ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)) <
            0 ||
        ptrace(PTRACE_SYSCALL, pid, NULL, NULL) < 0)
        return 77;
    return trace(pid, atol(argv[1]));
}
