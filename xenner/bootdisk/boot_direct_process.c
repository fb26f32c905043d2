#include "xenner/bootdisk/boot_direct_process.h"
#include "xenner/bootdisk/boot_load.h"
#include "xenner/util/fd_message.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_KERNEL (512ull << 20)
#define MAX_INITRD (1ull << 30)

struct server {
    struct disk_reader *disks;
    unsigned n;
    uint64_t address_space;
};

struct request {
    struct boot_direct_request what;
    int fds[BOOT_DIRECT_FILES];
};

/* What forking a worker takes, and confining it. */
static const char *const serving[] = {
    "recvmsg", "clone", "clone3", "fork", "wait4", "prctl", "seccomp", "setrlimit", "prlimit64",
    "set_robust_list", "rseq", "getppid", "rt_sigprocmask", "rt_sigaction", NULL};

static bool answer(const struct request *r, enum boot_direct_outcome outcome, const char *text, const char *second)
{
    struct boot_direct_answer a = {.request = r->what.number, .outcome = (int32_t)outcome};
    size_t len = strlen(text) + 1, more = second ? strlen(second) + 1 : 0;

    if (len + more > sizeof(a.text))
        return false;
    memcpy(a.text, text, len);
    if (second)
        memcpy(a.text + len, second, more);
    len += offsetof(struct boot_direct_answer, text) + more;
    return write(BOOT_ANSWER_FD, &a, len) == (ssize_t)len;
}

/* Its status: 0 when it has answered. */
static void G_GNUC_NORETURN work(struct server *s, const struct request *r, pid_t parent)
{
    static const char *const none[] = {NULL};
    const struct rlimit file = {MAX_INITRD, MAX_INITRD};
    const struct boot_load_files files = {r->fds[0], r->fds[1], MAX_KERNEL, MAX_INITRD};
    struct boot_load l;
    bool ok;

    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent ||
        setrlimit(RLIMIT_FSIZE, &file) < 0 || !boot_limit(s->address_space, BOOT_DIRECT_SECONDS) ||
        !boot_filter(none))
        _exit(1);
    boot_disks_measure(s->disks, s->n);
    if (boot_load(s->disks, s->n, r->what.titled ? r->what.title : NULL, &files, &l))
        ok = answer(r, l.initrd ? BOOT_DIRECT_LOADED_INITRD : BOOT_DIRECT_LOADED, l.kernel, l.cmdline);
    else
        ok = answer(r, BOOT_DIRECT_FAILED, l.why, NULL);
    if (!ok)
        ok = answer(r, BOOT_DIRECT_FAILED, "a path or the command line is too long", NULL);
    _exit(ok ? 0 : 1);
}

static void serve_one(struct server *s, const struct request *r)
{
    pid_t own = getpid(), pid = fork();
    int status = 1;

    if (pid == 0)
        work(s, r, own);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (status != 0)
        answer(r, BOOT_DIRECT_FAILED, "reading the disks took too much, or failed", NULL);
}

/* False: nobody is there any more, or it is somebody else who asks. */
static bool receive(struct request *r)
{
    const struct boot_direct_request *what = &r->what;
    unsigned n = 0;

    return fd_message_receive(BOOT_ANSWER_FD, &r->what, sizeof(r->what), r->fds, BOOT_DIRECT_FILES, &n) ==
               sizeof(r->what) &&
           n == BOOT_DIRECT_FILES && what->titled <= 1 && memchr(what->title, '\0', sizeof(what->title));
}

void boot_direct_serve(int sock, struct disk_reader *disks, unsigned n, const struct privileges *user,
                       pid_t parent)
{
    struct server s = {disks, n, boot_address_space()};
    struct request r;

    /* ^C is the VM's, which may take it as a wish that the guest may answer with a reboot */
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    if ((user && !privileges_drop(user, NULL)) || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ||
        getppid() != parent || !boot_keep_only(sock, disks, n) || !boot_filter(serving))
        _exit(1);
    while (receive(&r)) {
        serve_one(&s, &r);
        for (unsigned i = 0; i < BOOT_DIRECT_FILES; i++)
            close(r.fds[i]);
    }
    _exit(0);
}
