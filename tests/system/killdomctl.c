/*
 * killdomctl N PROGRAM [ARGS]: runs PROGRAM on a Xen host and kills it with SIGKILL when its first thread has made the
 * Nth hypercall domctl, of which the first one makes a domain and the last ones let it run (what they ask for is
 * in memory that can't be looked at from here). Status 0 when that was done, 1 when PROGRAM ended before, 77:
 * this machine does not let one trace.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HYPERCALL_DOMCTL = 36 };

/* What Linux's /dev/xen/privcmd takes. */
struct privcmd_hypercall {
    uint64_t op, arg[5];
};
#define IOCTL_PRIVCMD_HYPERCALL _IOC(_IOC_NONE, 'P', 0, sizeof(struct privcmd_hypercall))

static bool is_domctl(pid_t pid, const struct __ptrace_syscall_info *info)
{
    struct privcmd_hypercall call;
    struct iovec to = {&call, sizeof(call)}, from = {(void *)(uintptr_t)info->entry.args[2], sizeof(call)};

    return info->entry.nr == SYS_ioctl && (uint32_t)info->entry.args[1] == (uint32_t)IOCTL_PRIVCMD_HYPERCALL &&
           process_vm_readv(pid, &to, 1, &from, 1, 0) == (ssize_t)sizeof(call) && call.op == HYPERCALL_DOMCTL;
}

static int trace(pid_t pid, long n)
{
    struct __ptrace_syscall_info info;
    int status, sig = 0;

    for (;;) {
        if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) > 0) {
            if (n == 0 && info.op == PTRACE_SYSCALL_INFO_EXIT)
                break;
            n -= info.op == PTRACE_SYSCALL_INFO_ENTRY && is_domctl(pid, &info);
        }
        if (ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(long)sig) < 0 || waitpid(pid, &status, 0) != pid ||
            !WIFSTOPPED(status))
            return 1;
        sig = WSTOPSIG(status); /* libxl waits for its children's */
        if (sig == (SIGTRAP | 0x80) || sig == SIGTRAP || sig == SIGSTOP)
            sig = 0;
    }
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    return 0;
}

int main(int argc, char **argv)
{
    int status;

    if (argc < 3)
        return 2;
    pid_t pid = fork();
    if (pid == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
            _exit(77);
        raise(SIGSTOP);
        execvp(argv[2], argv + 2);
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
        ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)) < 0)
        return 77;
    return trace(pid, atol(argv[1]));
}
