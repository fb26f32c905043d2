#include "xenner/util/sandbox.h"

#include <errno.h>
#include <gio/gio.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/prctl.h>

/* NULL ends each. Names that a kernel or a libseccomp does not know yet are left out. */
static const char *const never[] = {
    "acct", "add_key", "adjtimex", "bpf", "clock_adjtime", "clock_settime", "create_module",
    "delete_module", "finit_module", "fsconfig", "fsmount", "fsopen", "fspick", "init_module", "ioperm",
    "iopl", "kexec_file_load", "kexec_load", "keyctl", "lookup_dcookie", "mount", "mount_setattr",
    "move_mount", "nfsservctl", "open_by_handle_at", "open_tree", "perf_event_open", "pivot_root",
    "process_vm_readv", "process_vm_writev", "ptrace", "quotactl", "reboot", "request_key",
    "sethostname", "setdomainname", "setns", "settimeofday", "stime", "swapoff", "swapon", "syslog",
    "umount", "umount2", "unshare", "userfaultfd", "vhangup", NULL};

static const char *const obsolete[] = {
    "_sysctl", "afs_syscall", "bdflush", "break", "ftime", "get_kernel_syms", "getpmsg", "gtty", "idle",
    "lock", "modify_ldt", "mpx", "prof", "profil", "putpmsg", "query_module", "readdir", "security",
    "sgetmask", "ssetmask", "stty", "sysfs", "tuxcall", "ulimit", "uselib", "ustat", "vserver", NULL};

static const char *const elevate[] = {
    "capset", "setfsgid", "setfsuid", "setgid", "setgroups", "setpgid", "setregid", "setresgid",
    "setresuid", "setreuid", "setsid", "setuid", NULL};

static const char *const spawn[] = {"execve", "execveat", "fork", "vfork", NULL};

static const char *const resources[] = {
    "ioprio_set", "mbind", "migrate_pages", "move_pages", "sched_setaffinity", "sched_setattr",
    "sched_setparam", "sched_setscheduler", "set_mempolicy", "setpriority", "setrlimit", NULL};

static bool add_all(scmp_filter_ctx ctx, uint32_t action, const char *const *names)
{
    for (; *names; names++) {
        int nr = seccomp_syscall_resolve_name(*names);
        int rc = nr == __NR_SCMP_ERROR ? 0 : seccomp_rule_add(ctx, action, nr, 0);
        /* some calls are other architectures' only, and have negative numbers */
        if (rc < 0 && rc != -EDOM && nr >= 0)
            return false;
    }
    return true;
}

/* Threads go on being made. clone3() hides its flags: without it, libraries take clone(). */
static bool add_clone(scmp_filter_ctx ctx)
{
    const struct scmp_arg_cmp process = SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0);

    return seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1, process) == 0 &&
           seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) == 0;
}

static bool add_rules(scmp_filter_ctx ctx, const struct sandbox_config *c)
{
    const uint32_t refuse = SCMP_ACT_ERRNO(EPERM);

    return seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1) == 0 &&
           seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, c->deny_elevate && !c->allow_children) == 0 &&
           add_all(ctx, SCMP_ACT_KILL_PROCESS, never) &&
           (!c->deny_obsolete || add_all(ctx, SCMP_ACT_KILL_PROCESS, obsolete)) &&
           (!c->deny_elevate || add_all(ctx, refuse, elevate)) &&
           (!c->deny_spawn || (add_all(ctx, refuse, spawn) && add_clone(ctx))) &&
           (!c->deny_resources || add_all(ctx, refuse, resources));
}

bool sandbox_load(const struct sandbox_config *c, GError **error)
{
    scmp_filter_ctx ctx;
    int rc = -ENOMEM;

    if (!c->on)
        return true;
    ctx = seccomp_init(SCMP_ACT_ALLOW);
    if (ctx && add_rules(ctx, c))
        rc = seccomp_load(ctx);
    /* without privileges only those may filter who can't get any */
    if (rc == -EACCES || rc == -EPERM) {
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        rc = seccomp_load(ctx);
    }
    seccomp_release(ctx);
    if (rc < 0)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "-sandbox: could not load the filter: %s",
                    g_strerror(-rc));
    return rc == 0;
}

static bool add_ioctls(scmp_filter_ctx ctx, const unsigned *requests)
{
    bool ok = true;

    for (; ok && *requests; requests++)
        ok = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_EQ, *requests)) == 0;
    return ok;
}

bool sandbox_only(const char *const *calls, const unsigned *ioctls)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    bool ok = ctx && add_all(ctx, SCMP_ACT_ALLOW, calls) && add_ioctls(ctx, ioctls) && seccomp_load(ctx) == 0;

    seccomp_release(ctx);
    return ok;
}
